/**
 * The server that the conformance runner measures: the built product, on an embedded database in a temporary
 * directory, with the conformance fixtures on top of its own factory. It is started by
 * `scripts/test-conformance.mjs`, prints one JSON line with its URL and key, and stops with SIGTERM. Needs a
 * Node that runs TypeScript (22.18 or newer).
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { McpServer, type ServerContext, createRequestStateCodec } from '@modelcontextprotocol/server'
import type * as App from '../../src/app.ts'
import type * as EnvModule from '../../src/env.ts'
import type * as FirstStart from '../../src/first-start.ts'
import type * as OpenDatabase from '../../src/open-database.ts'
import type * as Accounts from '../../src/postgres/accounts.ts'
import type { CreateMcpServer, CreateServerArgs } from '../../src/mcp/transport/types.ts'
import type { TenantBus } from '../../src/mcp/transport/tenant-bus.ts'
import { type FixtureState, registerConformanceFixtures } from './fixtures/register.ts'

// The types come from the sources, the code from the build: only the build is measured.
const load = async <T>(path: string): Promise<T> =>
  import(new URL(`../../dist/${path}`, import.meta.url).href)
const { createApp } = await load<typeof App>('app.js')
const { loadEnv } = await load<typeof EnvModule>('env.js')
const { prepareFirstStart } = await load<typeof FirstStart>('first-start.js')
const { openDatabase } = await load<typeof OpenDatabase>('open-database.js')
const { createAccounts } = await load<typeof Accounts>('postgres/accounts.js')

const dataDir = await mkdtemp(join(tmpdir(), 'stackmemory-conformance-'))
const env = loadEnv({ DATA_DIR: dataDir, PORT: '0', PUBLIC_URL: 'http://localhost' })
const secretKey = randomBytes(32).toString('hex')
const states = createRequestStateCodec<FixtureState>({ key: randomBytes(32) })
const requestState = { verify: (state: string, ctx: ServerContext) => states.verify(state, ctx) }
const log = { debug: note, info: () => undefined, warn: note, error: note }

const fixtureOptions = ({ era, pinned }: CreateServerArgs, bus: TenantBus) => ({
  era,
  publish: (event: Parameters<TenantBus['publishFor']>[1]) => {
    if (pinned) bus.publishFor(pinned, event)
  },
  mintState: async (payload: FixtureState) => states.mint(payload),
})

type Handler = (request: unknown, ctx: unknown) => Promise<Record<string, unknown[]>>

/** The product answers these lists itself, so what the fixtures would list is added to its answer. */
const listHandler = (server: McpServer, method: string): Handler | undefined =>
  // oxlint-disable-next-line no-underscore-dangle -- the library has no public way to ask
  (server.server as unknown as { _requestHandlers: Map<string, Handler> })._requestHandlers.get(method)

const addToList = (
  server: McpServer,
  fixtures: McpServer,
  method: 'tools/list' | 'resources/list',
  key: string,
) => {
  const [own, more] = [listHandler(server, method), listHandler(fixtures, method)]
  if (!own || !more) return
  server.server.setRequestHandler(method, async (request, ctx) => {
    const [ours, theirs] = [await own(request, ctx), await more(request, ctx)]
    return { ...ours, [key]: [...(ours[key] ?? []), ...(theirs[key] ?? [])] } as never
  })
}

const withFixtures =
  (create: CreateMcpServer, bus: TenantBus): CreateMcpServer =>
  async (args) => {
    const server = await create({ ...args, requestState })
    const fixtures = new McpServer({ name: 'fixtures', version: '0.0.0' })
    registerConformanceFixtures(fixtures, fixtureOptions(args, bus))
    registerConformanceFixtures(server, fixtureOptions(args, bus))
    addToList(server, fixtures, 'tools/list', 'tools')
    addToList(server, fixtures, 'resources/list', 'resources')
    return server
  }

const database = await openDatabase(env, log, () => undefined)
const key = await prepareFirstStart(createAccounts(database.database), secretKey, AbortSignal.timeout(60_000))
const app = await createApp({ env, log, database, secretKey, decorateServer: withFixtures })
process.once('SIGTERM', () => void app.close().then(() => rm(dataDir, { recursive: true, force: true })))
process.stdout.write(`${JSON.stringify({ url: app.http.url, path: '/mcp/personal/default', key })}\n`)

function note(fields: object, message: string): void {
  if (process.env.CONFORMANCE_VERBOSE !== undefined)
    process.stderr.write(
      `${message} ${JSON.stringify(fields, (_key, value) => (value instanceof Error ? value.stack : value))}\n`,
    )
}
