/** The composition root: wires database, domain and edges. Whoever calls it decides about argv, env and exit. */
import { v7 as uuidv7 } from 'uuid'
import { createAuthenticate } from './auth/authenticate.ts'
import { createLocalAuthenticate, createLocalOwner } from './auth/local-owner.ts'
import { recheckCredentials } from './auth/recheck-credentials.ts'
import type { Accounts } from './domain/accounts.ts'
import type { Log } from './domain/context.ts'
import type { Memory } from './domain/ports.ts'
import { openRepositoryProject } from './domain/project/repository-project.ts'
import type { Env } from './env.ts'
import { createHooks } from './hooks/create-hooks.ts'
import { createHookEndpoint } from './hooks/hook-endpoint.ts'
import { createHttpApp } from './http/app.ts'
import { loopbackHosts, loopbackOrigins } from './http/host-origin.ts'
import type { LocalEdge } from './http/local-routes.ts'
import type { HttpAppOptions } from './http/options.ts'
import { serveHttp, serveLocal, type HttpServer } from './http/serve.ts'
import { localOrigin } from './local/local-fetch.ts'
import { createMcpServerFactory } from './mcp/create-server.ts'
import { createMcpTransport } from './mcp/transport/mcp-transport.ts'
import { createTenantBus, type TenantBus } from './mcp/transport/tenant-bus.ts'
import type { CreateMcpServer, McpTransportLimits } from './mcp/transport/types.ts'
import { createOpenProjects } from './open-projects.ts'
import type { OpenDatabase } from './open-database.ts'
import { createAccounts } from './postgres/accounts.ts'
import { createMemory } from './postgres/memory.ts'
import { purgeExpired, retentionJob } from './postgres/retention.ts'
import type { Presence } from './presence.ts'
import { version } from './version.ts'

export { version } from './version.ts'

/** A process of the service, whatever it listens on. */
export interface Core {
  accounts: Accounts
  memory: Memory
  /** Ends streams, then stops listening, then closes the database. */
  close(): Promise<void>
}

export interface App extends Core {
  http: HttpServer
  publicUrl: URL
}

export interface CoreOptions {
  env: Env
  log: Log
  database: OpenDatabase
  /** Listens on the private address of the data directory too. */
  local?: LocalOptions
}

export interface LocalOptions {
  address: string
  kind: 'server' | 'broker'
  presence: Presence
  runs: LocalEdge['runs']
}

export interface AppOptions extends CoreOptions {
  secretKey: string
  /** Only for tests that mount more than the product on its factory; no setting reaches this. */
  decorateServer?: (create: CreateMcpServer, bus: TenantBus) => CreateMcpServer
}

const checkTimeoutMs = 2_000
/** All clients of this machine are one credential. */
const localMcpLimits: Partial<McpTransportLimits> = { sessionsPerCredentialMax: 1_000 }

const createParts = ({ log, database }: CoreOptions, decorateServer: AppOptions['decorateServer']) => {
  const accounts = createAccounts(database.database)
  const memory = createMemory(database.database)
  const projects = createOpenProjects(accounts)
  const bus = createTenantBus({ onError: (error) => log.warn({ err: error }, 'a subscriber failed') })
  const create = createMcpServerFactory({ memory, projects, bus, version })
  const createServer = decorateServer?.(create, bus) ?? create
  const createMcp = (limits?: Partial<McpTransportLimits>) =>
    createMcpTransport({
      createServer,
      bus,
      hearsProject: (principal, projectId) =>
        principal.projectId === undefined || principal.projectId === projectId,
      log,
      limits,
    })
  const health = async () => {
    const ready = await accounts.findOwner(AbortSignal.timeout(checkTimeoutMs)).then(
      () => true,
      () => false,
    )
    return { live: true, ready, checks: { database: ready ? ('ok' as const) : ('failing' as const) } }
  }
  const hooks = createHookEndpoint(createHooks({ memory, log }), projects)
  const edge = {
    resolveProject: async (...path) => projects.resolve(...path),
    projectOfRepository: async (...asked) => projects.ofRepository(...asked),
    hooks,
    health,
    log,
  } satisfies Partial<HttpAppOptions>
  return { accounts, memory, projects, createMcp, edge }
}

type Parts = ReturnType<typeof createParts>

const listenTcp = async ({ accounts, createMcp, edge }: Parts, { env, log, secretKey }: AppOptions) => {
  const mcp = createMcp()
  const fallback = new URL(`http://${env.HOST.includes(':') ? `[${env.HOST}]` : env.HOST}:${env.PORT}`)
  const app = createHttpApp({
    ...edge,
    publicUrl: new URL(env.PUBLIC_URL ?? fallback),
    allowedHosts: [...env.ALLOWED_HOSTS, ...(isLoopback(env.HOST) ? loopbackHosts : [])],
    allowedOrigins: [...env.ALLOWED_ORIGINS, ...(isLoopback(env.HOST) ? loopbackOrigins : [])],
    authenticate: createAuthenticate(accounts, secretKey, log),
    mcp,
  })
  const http = await serveHttp(app, {
    host: env.HOST,
    port: env.PORT,
    log,
    endStreams: async () => mcp.close(),
  })
  const stopRechecking = recheckCredentials({
    accounts,
    open: () => mcp.openPrincipals(),
    end: (credentialId) => mcp.closeCredential(credentialId),
    log,
  })
  return {
    http,
    async close() {
      stopRechecking()
      await http.close()
    },
  }
}

const listenLocal = async ({ accounts, createMcp, edge }: Parts, log: Log, local: LocalOptions) => {
  const { address, kind, presence, runs } = local
  const mcp = createMcp(localMcpLimits)
  const ending = new AbortController()
  const findOwner = createLocalOwner(accounts)
  const app = createHttpApp({
    ...edge,
    publicUrl: new URL(localOrigin),
    allowedHosts: loopbackHosts,
    allowedOrigins: [],
    authenticate: createLocalAuthenticate(findOwner),
    mcp,
    local: {
      about: { kind, version, pid: process.pid },
      enter: () => presence.enter(),
      runs,
      yieldTo: kind === 'broker' ? () => presence.end() : undefined,
      openProject: async (input, signal) =>
        openRepositoryProject(accounts, { principal: await findOwner(signal), newId: uuidv7, signal }, input),
      ending: ending.signal,
    },
  })
  return serveLocal(app, {
    address,
    log,
    endStreams: async () => {
      ending.abort()
      await mcp.close()
    },
  })
}

const closeAll = async (listeners: readonly { close(): Promise<void> }[], database: OpenDatabase) => {
  await Promise.all(listeners.map(async (each) => each.close()))
  await database.close()
}

/** The server: TCP with API keys, and the private address when `local` is given. */
export const createApp = async (options: AppOptions): Promise<App> => {
  const { env, log, database, local } = options
  const parts = createParts(options, options.decorateServer)
  const { accounts, memory } = parts
  const tcp = await listenTcp(parts, options)
  try {
    const listeners = [tcp, ...(local ? [await listenLocal(parts, log, local)] : [])]
    const stopRetention = retentionJob(database.database, accounts, log)
    return {
      accounts,
      memory,
      http: tcp.http,
      publicUrl: new URL(env.PUBLIC_URL ?? tcp.http.url),
      async close() {
        stopRetention()
        await closeAll(listeners, database)
      },
    }
  } catch (error) {
    await tcp.close()
    throw error
  }
}

export interface BrokerApp extends Core {
  /** Removes receipts and idempotency keys past their time, as a server does every hour. */
  removeExpired(): Promise<void>
}

const removeTimeoutMs = 60_000

/** The broker: the private address alone. */
export const createBrokerApp = async (options: CoreOptions & { local: LocalOptions }): Promise<BrokerApp> => {
  const { log, database, local } = options
  const parts = createParts(options, undefined)
  const { accounts, memory } = parts
  const listener = await listenLocal(parts, log, local)
  const stopRetention = retentionJob(database.database, accounts, log)
  return {
    accounts,
    memory,
    removeExpired: async () =>
      purgeExpired(database.database, accounts, AbortSignal.timeout(removeTimeoutMs)),
    async close() {
      stopRetention()
      await closeAll([listener], database)
    },
  }
}

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || host.startsWith('127.')
