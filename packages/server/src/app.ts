/** The composition root: wires database, domain and edges. Whoever calls it decides about argv, env and exit. */
import { readFileSync } from 'node:fs'
import { createAuthenticate } from './auth/authenticate.ts'
import { recheckCredentials } from './auth/recheck-credentials.ts'
import type { Accounts } from './domain/accounts.ts'
import type { Log, Principal, Project } from './domain/context.ts'
import type { Memory } from './domain/ports.ts'
import type { Env } from './env.ts'
import { createHooks } from './hooks/create-hooks.ts'
import { createHookEndpoint } from './hooks/hook-endpoint.ts'
import { createHttpApp } from './http/app.ts'
import { loopbackHosts, loopbackOrigins } from './http/host-origin.ts'
import { serveHttp, type HttpServer } from './http/serve.ts'
import { createMcpServerFactory } from './mcp/create-server.ts'
import { createMcpTransport } from './mcp/transport/mcp-transport.ts'
import { createTenantBus, type TenantBus } from './mcp/transport/tenant-bus.ts'
import type { CreateMcpServer } from './mcp/transport/types.ts'
import type { OpenDatabase } from './open-database.ts'
import { createAccounts } from './postgres/accounts.ts'
import { createMemory } from './postgres/memory.ts'
import { retentionJob } from './postgres/retention.ts'

export const version = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version

export interface App {
  accounts: Accounts
  memory: Memory
  http: HttpServer
  publicUrl: URL
  close(): Promise<void>
}

export interface AppOptions {
  env: Env
  log: Log
  database: OpenDatabase
  secretKey: string
  /** Only for tests that mount more than the product on its factory; no setting reaches this. */
  decorateServer?: (create: CreateMcpServer, bus: TenantBus) => CreateMcpServer
}

const projectsCacheMs = 2_000

/** Projects change rarely and are asked for on every call; whoever misses one asks again without the cache. */
const cachedProjects = (accounts: Accounts) => {
  const cache = new Map<string, { at: number; projects: Promise<Project[]> }>()
  return async (organizationId: string, signal: AbortSignal, isFresh: boolean) => {
    const held = cache.get(organizationId)
    if (held && !isFresh && Date.now() - held.at < projectsCacheMs) return held.projects
    if (cache.size > 1_000) cache.clear()
    const projects = accounts.listProjects(organizationId, signal)
    projects.catch(() => cache.delete(organizationId))
    cache.set(organizationId, { at: Date.now(), projects })
    return projects
  }
}

const isOpenTo = (principal: Principal, project: Project) =>
  project.organizationId === principal.organizationId &&
  (principal.projectId === undefined || principal.projectId === project.id)

const checkTimeoutMs = 2_000

export const createApp = async ({
  env,
  log,
  database,
  secretKey,
  decorateServer = (create) => create,
}: AppOptions): Promise<App> => {
  const accounts = createAccounts(database.database)
  const memory = createMemory(database.database)
  const listProjects = cachedProjects(accounts)
  const listFor = async (principal: Principal, isFresh = false): Promise<Project[]> => {
    const all = await listProjects(principal.organizationId, AbortSignal.timeout(10_000), isFresh)
    const open = all.filter((project) => isOpenTo(principal, project))
    return open.length > 0 || isFresh ? open : listFor(principal, true)
  }
  const projects = { listFor }
  const bus = createTenantBus({ onError: (error) => log.warn({ err: error }, 'a subscriber failed') })
  const mcp = createMcpTransport({
    createServer: decorateServer(createMcpServerFactory({ memory, projects, bus, version }), bus),
    bus,
    hearsProject: (principal, projectId) =>
      principal.projectId === undefined || principal.projectId === projectId,
    log,
  })
  const isUp = async () =>
    accounts.findOwner(AbortSignal.timeout(checkTimeoutMs)).then(
      () => true,
      () => false,
    )
  const fallback = new URL(`http://${env.HOST.includes(':') ? `[${env.HOST}]` : env.HOST}:${env.PORT}`)
  const app = createHttpApp({
    publicUrl: new URL(env.PUBLIC_URL ?? fallback),
    allowedHosts: [...env.ALLOWED_HOSTS, ...(isLoopback(env.HOST) ? loopbackHosts : [])],
    allowedOrigins: [...env.ALLOWED_ORIGINS, ...(isLoopback(env.HOST) ? loopbackOrigins : [])],
    authenticate: createAuthenticate(accounts, secretKey, log),
    resolveProject: async (principal, org, slug) => {
      const isAsked = (project: Project) => project.organizationSlug === org && project.slug === slug
      return (await listFor(principal)).find(isAsked) ?? (await listFor(principal, true)).find(isAsked)
    },
    mcp,
    hooks: createHookEndpoint(createHooks({ memory, log }), projects),
    health: async () => {
      const ready = await isUp()
      return {
        live: true,
        ready,
        checks: { database: ready ? ('ok' as const) : ('failing' as const) },
      }
    },
    log,
  })
  const http = await serveHttp(app, {
    host: env.HOST,
    port: env.PORT,
    log,
    endStreams: async () => mcp.close(),
  })
  const publicUrl = new URL(env.PUBLIC_URL ?? http.url)
  const stopRechecking = recheckCredentials({
    accounts,
    open: () => mcp.openPrincipals(),
    end: (credentialId) => mcp.closeCredential(credentialId),
    log,
  })
  const stopRetention = retentionJob(database.database, accounts, log)
  return {
    accounts,
    memory,
    http,
    publicUrl,
    async close() {
      stopRetention()
      stopRechecking()
      await http.close()
      await database.close()
    },
  }
}

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || host.startsWith('127.')
