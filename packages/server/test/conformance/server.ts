/**
 * The server that the conformance runner measures: the built transport, HTTP edge and API keys from `dist`, with
 * the conformance fixtures on top. It is started by `scripts/test-conformance.mjs`, prints one JSON line with
 * its URL and key, and stops with SIGTERM. Needs a Node that runs TypeScript (22.18 or newer).
 */
import { randomBytes } from 'node:crypto'
import { McpServer, type ServerContext, createRequestStateCodec } from '@modelcontextprotocol/server'
import type * as ApiKey from '../../src/auth/api-key.ts'
import type { Principal, Project } from '../../src/domain/context.ts'
import type * as App from '../../src/http/app.ts'
import type * as Credential from '../../src/http/credential.ts'
import type * as HostOrigin from '../../src/http/host-origin.ts'
import type * as Serve from '../../src/http/serve.ts'
import type * as Transport from '../../src/mcp/transport/mcp-transport.ts'
import type * as Bus from '../../src/mcp/transport/tenant-bus.ts'
import type { CreateMcpServer, CreateServerArgs } from '../../src/mcp/transport/types.ts'
import { type FixtureState, registerConformanceFixtures } from './fixtures/register.ts'

// The types come from the sources, the code from the build: only the build is measured.
const load = async <T>(path: string): Promise<T> =>
  import(new URL(`../../dist/${path}`, import.meta.url).href)
const { createApiKey, parseApiKey, verifySecret } = await load<typeof ApiKey>('auth/api-key.js')
const { createHttpApp } = await load<typeof App>('http/app.js')
const { readCredential } = await load<typeof Credential>('http/credential.js')
const { loopbackHosts, loopbackOrigins } = await load<typeof HostOrigin>('http/host-origin.js')
const { serveHttp } = await load<typeof Serve>('http/serve.js')
const { createMcpTransport } = await load<typeof Transport>('mcp/transport/mcp-transport.js')
const { createTenantBus } = await load<typeof Bus>('mcp/transport/tenant-bus.js')

const project: Project = {
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
  organizationId: '01890a5d-ac96-774b-bcce-b302099a8058',
  organizationSlug: 'conformance',
  slug: 'fixtures',
  name: 'Conformance',
}
const pepper = randomBytes(32).toString('hex')
const apiKey = createApiKey({ live: false })
const stored = apiKey.secretHash(pepper)
const principal: Principal = {
  userId: '01890a5d-ac96-774b-bcce-b302099a8059',
  userName: 'conformance',
  organizationId: project.organizationId,
  role: 'member',
  scopes: ['memory:read', 'memory:write'],
  credential: { kind: 'api_key', id: apiKey.id },
  client: { name: 'unknown', version: '' },
}
const states = createRequestStateCodec<FixtureState>({ key: randomBytes(32) })
const log = { debug: note, info: () => undefined, warn: note, error: note }
const bus = createTenantBus()

const requestState = { verify: (state: string, ctx: ServerContext) => states.verify(state, ctx) }

/** The one line to change when the product's factory takes over. */
const createServer: CreateMcpServer = createMinimalServer

function createMinimalServer(args: CreateServerArgs): McpServer {
  const capabilities = { tools: { listChanged: true } }
  const options = { capabilities, requestState: args.requestState }
  return new McpServer({ name: 'stackmemory', version: '0.0.0' }, options)
}

const mcp = createMcpTransport({
  createServer: async (args) => {
    const server = await createServer({ ...args, requestState })
    registerConformanceFixtures(server, {
      era: args.era,
      publish: (event) => bus.publishFor(project, event),
      mintState: (payload) => states.mint(payload),
    })
    return server
  },
  bus,
  log,
})
const app = createHttpApp({
  publicUrl: new URL('http://localhost'),
  allowedHosts: loopbackHosts,
  allowedOrigins: loopbackOrigins,
  authenticate: (request) => {
    const presented = readCredential(request.headers)
    if (presented.kind === 'none') return Promise.resolve({ ok: false, error: 'missing' })
    const parsed = presented.kind === 'bearer' ? parseApiKey(presented.token) : undefined
    const known = parsed?.id === apiKey.id && verifySecret(parsed.secret, stored, pepper)
    return Promise.resolve(known ? { ok: true, principal } : { ok: false, error: 'invalid' })
  },
  resolveProject: (_caller, org, slug) =>
    Promise.resolve(org === project.organizationSlug && slug === project.slug ? project : undefined),
  mcp,
  health: () => Promise.resolve({ live: true, ready: true }),
  log,
})
const http = await serveHttp(app, { host: '127.0.0.1', port: 0, log, endStreams: () => mcp.close() })
process.once('SIGTERM', () => void http.close())
const path = `/mcp/${project.organizationSlug}/${project.slug}`
process.stdout.write(`${JSON.stringify({ url: http.url, path, key: apiKey.key })}\n`)

function note(fields: object, message: string): void {
  if (process.env.CONFORMANCE_VERBOSE !== undefined)
    process.stderr.write(`${message} ${JSON.stringify(fields)}\n`)
}
