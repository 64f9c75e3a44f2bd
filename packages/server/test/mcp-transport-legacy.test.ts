import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Toy,
  type ToyOptions,
  anaOther,
  anaProject,
  bobProject,
  jsonOf,
  startToy,
  textOf,
  until,
} from './mcp-transport-toy.ts'

const uri = 'toy://thing/1'
let toy: Toy
let clients: Client[] = []

beforeEach(() => start({}))
afterEach(stop)

async function start(options: ToyOptions): Promise<void> {
  toy = await startToy(options)
}

async function stop(): Promise<void> {
  await Promise.all(clients.map((client) => client.close()))
  clients = []
  await toy.stop()
}

/** The client always offers its newest revision; an older one is offered by changing the message on its way. */
async function connect(key: string, options: { path?: string; version?: string } = {}) {
  const heard: string[] = []
  const client = new Client({ name: 'legacy-client', version: '1.2.3' })
  client.setNotificationHandler(
    ResourceUpdatedNotificationSchema,
    ({ params }) => void heard.push(params.uri),
  )
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.push('tools'))
  const url = new URL(toy.url + (options.path ?? ''))
  const transport = new StreamableHTTPClientTransport(url, {
    requestInit: { headers: { authorization: `Bearer ${key}` } },
    fetch: (input, init) => {
      const body = typeof init?.body === 'string' ? init.body : undefined
      const pinned =
        options.version &&
        body?.replace(/"protocolVersion":"[^"]+"/, `"protocolVersion":"${options.version}"`)
      return fetch(input, pinned === undefined ? init : { ...init, body: pinned })
    },
  })
  await client.connect(transport)
  clients.push(client)
  return { client, transport, heard }
}

async function rpc(key: string, sessionId: string | undefined, message: object, path = '') {
  return fetch(toy.url + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...(sessionId !== undefined && { 'mcp-session-id': sessionId }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
  })
}

const initializeMessage = (protocolVersion: string) => ({
  id: 1,
  method: 'initialize',
  params: { protocolVersion, capabilities: {}, clientInfo: { name: 'raw', version: '0' } },
})

describe('legacy MCP over HTTP', () => {
  for (const version of ['2025-11-25', '2025-06-18']) {
    it(`serves a ${version} session: initialize, list, call, progress [mcp.legacy]`, async () => {
      const { client, transport } = await connect('ana-key', { version, path: '/ana-org/alpha' })
      expect(transport.protocolVersion).toBe(version)
      expect(transport.sessionId).toBeTypeOf('string')
      expect((await client.listTools()).tools).toHaveLength(4)
      const answer = jsonOf(await client.callTool({ name: 'whoami', arguments: {} }))
      expect(answer).toMatchObject({
        era: 'legacy',
        user: 'ana',
        pinned: anaProject.id,
        client: { name: 'legacy-client', version: '1.2.3' },
      })
      const seen: number[] = []
      await client.callTool({ name: 'progress', arguments: {} }, undefined, {
        onprogress: ({ progress }) => void seen.push(progress),
      })
      expect(seen).toEqual([1, 2])
      expect(toy.served).toHaveLength(1)
    })
  }

  it('gives each request of a session its own request id', async () => {
    const { client } = await connect('ana-key')
    const ids = new Set<unknown>()
    for (let i = 0; i < 3; i++) {
      ids.add(jsonOf(await client.callTool({ name: 'whoami', arguments: {} })).requestId)
    }
    expect(ids.size).toBe(3)
  })

  it('negotiates down from a version it does not know [mcp.legacy]', async () => {
    for (const asked of ['1999-01-01', '2099-01-01']) {
      const answer = await (await rpc('ana-key', undefined, initializeMessage(asked))).text()
      expect(answer).toContain('"protocolVersion":"2025-11-25"')
    }
    const { transport } = await connect('ana-key')
    const headers = { authorization: 'Bearer ana-key', 'mcp-session-id': transport.sessionId ?? '' }
    const wrong = await fetch(toy.url, {
      method: 'GET',
      headers: { ...headers, accept: 'text/event-stream', 'mcp-protocol-version': '1999-01-01' },
    })
    expect(wrong.status).toBe(400)
  })

  it('hides a session from everybody who did not open it [mcp.session-bound]', async () => {
    const { transport } = await connect('ana-key', { path: '/ana-org/alpha' })
    const id = transport.sessionId ?? ''
    const list = { id: 7, method: 'tools/list', params: {} }
    const thefts: [string, string][] = [
      ['bob-key', ''],
      ['bob-key', '/bob-org/alpha'],
      ['ana-key-2', '/ana-org/alpha'],
      ['ana-key', ''],
      ['ana-key', '/ana-org/beta'],
      ['ana-key', '/ana-org/alpha?readonly=1'],
      ['ana-key', '/ana-org/alpha?tools=upstream'],
    ]
    const unknown = await (await rpc('bob-key', 'no-such-session', list)).text()
    for (const [key, path] of thefts) {
      const answer = await rpc(key, id, list, path)
      expect([key, path, answer.status]).toEqual([key, path, 404])
      expect(await answer.text()).toBe(unknown)
    }
    const bob = { authorization: 'Bearer bob-key', 'mcp-session-id': id, accept: 'text/event-stream' }
    expect((await fetch(toy.url, { headers: bob })).status).toBe(404)
    expect((await fetch(toy.url, { method: 'DELETE', headers: bob })).status).toBe(404)
    expect((await rpc('ana-key', id, list, '/ana-org/alpha')).status).toBe(200)
    expect((await rpc('no-key', id, list, '/ana-org/alpha')).status).toBe(401)
  })

  it('forgets rights with the session: changed rights do not find the old one [mcp.session-bound]', async () => {
    const known = toy.keys.get('ana-key')?.principal
    if (known === undefined) throw new Error('ana has no key')
    const changes = [
      { scopes: ['memory:read'] as const },
      { role: 'viewer' as const },
      { projectId: anaProject.id },
    ]
    for (const change of changes) {
      toy.keys.set('ana-key', { principal: known })
      const { transport } = await connect('ana-key')
      const ask = () => rpc('ana-key', transport.sessionId, { id: 1, method: 'tools/list' })
      expect((await ask()).status).toBe(200)
      toy.keys.set('ana-key', { principal: { ...known, ...change } })
      expect((await ask()).status).toBe(404)
    }
  })

  it('ends a session on DELETE, expiry, revocation and shutdown [mcp.session-bound]', async () => {
    const first = await connect('ana-key')
    const firstId = first.transport.sessionId
    await first.transport.terminateSession()
    expect((await rpc('ana-key', firstId, { id: 1, method: 'ping' })).status).toBe(404)

    const known = toy.keys.get('ana-key-2')
    if (known) toy.keys.set('ana-key-2', { ...known, expiresAt: new Date(Date.now() + 500) })
    await rpc('ana-key-2', undefined, initializeMessage('2025-11-25'))
    await connect('bob-key')
    expect(toy.mcp.sessionCount()).toBe(2)
    await until(() => toy.mcp.sessionCount() === 1)
    toy.mcp.closeCredential('k-bob')
    expect(toy.mcp.sessionCount()).toBe(0)
    await connect('ana-key')
    await toy.stop()
    expect(toy.mcp.sessionCount()).toBe(0)
    expect(toy.bus.count('ana-org') + toy.bus.count('bob-org')).toBe(0)
  })

  it('asks for a session where one is needed', async () => {
    expect((await rpc('ana-key', undefined, { id: 1, method: 'tools/list' })).status).toBe(400)
    const headers = { authorization: 'Bearer ana-key', accept: 'text/event-stream' }
    const get = await fetch(toy.url, { headers })
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('limits sessions per credential and in total, and expires idle ones [mcp.session-bound]', async () => {
    await stop()
    await start({ mcpLimits: { sessionsPerCredentialMax: 2, sessionsMax: 3, sessionIdleMs: 300 } })
    const open = (key: string) => rpc(key, undefined, initializeMessage('2025-11-25'))
    const statuses = []
    for (const key of ['ana-key', 'ana-key', 'ana-key', 'bob-key', 'bob-key'])
      statuses.push((await open(key)).status)
    expect(statuses).toEqual([200, 200, 429, 200, 503])
    expect(await (await open('ana-key')).text()).toContain('2 open MCP sessions, which is the limit')
    await until(() => toy.mcp.sessionCount() === 0)
    expect((await open('ana-key')).status).toBe(200)
  })

  it('does not expire a session whose stream is open', async () => {
    await stop()
    await start({ mcpLimits: { sessionIdleMs: 150 } })
    const { client, transport } = await connect('ana-key')
    const answer = fetch(toy.url, {
      headers: {
        authorization: 'Bearer ana-key',
        accept: 'text/event-stream',
        'mcp-session-id': transport.sessionId ?? '',
      },
    })
    expect([200, 409]).toContain((await answer).status)
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(toy.mcp.sessionCount()).toBe(1)
    await client.ping()
  })

  it('aborts the handler on notifications/cancelled [mcp.cancel]', async () => {
    const { client } = await connect('ana-key')
    const controller = new AbortController()
    const call = client.callTool({ name: 'wait', arguments: { label: 'l' } }, undefined, {
      signal: controller.signal,
    })
    const outcome = call.then(
      () => 'answered',
      () => 'cancelled',
    )
    await until(() => toy.running.includes('l'))
    controller.abort('not needed any more')
    expect(await outcome).toBe('cancelled')
    await until(() => toy.aborted.includes('l'))
  })

  it('delivers resource and list events only inside the tenant [mcp.bus-tenant]', async () => {
    const ana = await connect('ana-key')
    const anaPinned = await connect('ana-key', { path: '/ana-org/beta' })
    const bob = await connect('bob-key', { path: '/bob-org/alpha' })
    for (const { client } of [ana, anaPinned, bob]) {
      await client.subscribeResource({ uri })
      await new Promise((resolve) => setTimeout(resolve, 100)) // The GET stream is opened beside the first call.
    }
    toy.bus.publishFor(anaProject, { kind: 'resource_updated', uri })
    toy.bus.publishFor(anaProject, { kind: 'resource_updated', uri: 'toy://thing/not-subscribed' })
    toy.bus.publishFor(anaOther, { kind: 'tools_list_changed' })
    await until(() => ana.heard.length > 0 && anaPinned.heard.length > 0)
    toy.bus.publishFor(bobProject, { kind: 'resource_updated', uri })
    await until(() => bob.heard.length > 0)
    await ana.client.unsubscribeResource({ uri })
    toy.bus.publishFor(anaProject, { kind: 'resource_updated', uri })
    await ana.client.ping()
    expect({ ana: ana.heard, anaPinned: anaPinned.heard, bob: bob.heard }).toEqual({
      ana: [uri],
      anaPinned: ['tools'],
      bob: [uri],
    })
  })

  it('masks errors of handlers [mcp.error-masked]', async () => {
    const { client } = await connect('ana-key')
    const raw = await client.callTool({ name: 'fail', arguments: { how: 'raw' } })
    expect(raw.isError).toBe(true)
    expect(JSON.stringify(raw)).not.toContain('secret_table')
    expect(textOf(raw)).toContain('code: internal')
  })
})
