/** How long somebody keeps what was taken away, and what a hostile request costs the others. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { engines } from './harness/test-database.ts'
import { createServedWorld, type ServedWorld } from './support/served-world.ts'

describe.each(engines)('access on %s', (engine) => {
  let world: ServedWorld
  beforeAll(async () => {
    world = await createServedWorld(engine)
  })
  afterAll(async () => world.close())

  const post = async (key: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${world.url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify(body),
    })

  /** A session of the older protocol with its stream, which says when it ended. */
  const legacyStream = async (key: string) => {
    const protocolVersion = '2025-06-18'
    const opened = await post(key, {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion, capabilities: {}, clientInfo: { name: 'stream', version: '1' } },
    })
    await opened.text()
    const headers = {
      'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
      'mcp-protocol-version': protocolVersion,
    }
    return watch(
      await fetch(`${world.url}/mcp`, {
        headers: { ...headers, authorization: `Bearer ${key}`, accept: 'text/event-stream' },
      }),
    )
  }
  const modernStream = async (key: string) =>
    watch(
      await post(
        key,
        {
          jsonrpc: '2.0',
          id: 1,
          method: 'subscriptions/listen',
          params: {
            notifications: { resourceSubscriptions: ['stackmemory://acme/main/decisions'] },
            _meta: {
              'io.modelcontextprotocol/protocolVersion': '2026-07-28',
              'io.modelcontextprotocol/clientInfo': { name: 'stream', version: '1' },
              'io.modelcontextprotocol/clientCapabilities': {},
            },
          },
        },
        { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
      ),
    )
  const watch = (response: Response) => {
    expect(response.status).toBe(200)
    const stream = { ended: false }
    const drain = async (reader: ReadableStreamDefaultReader<Uint8Array>) => {
      try {
        for (let next = await reader.read(); !next.done; next = await reader.read());
      } finally {
        stream.ended = true
      }
    }
    if (response.body) drain(response.body.getReader()).catch(() => undefined)
    return stream
  }

  it.each([
    ['revoked', 'update api_keys set revoked_at = now() where id = $1'],
    [
      'given to a viewer',
      `update memberships set role = 'viewer'
       where user_id = (select user_id from api_keys where id = $1)`,
    ],
  ])(
    'ends sessions and streams within seconds when a key is %s [security.revocation]',
    async (_, change) => {
      const { people } = world.acme
      const { id, key } = await world.createKey(people.admin)
      const kept = await world.createKey(people.owner)
      const streams = [await legacyStream(key), await modernStream(key)]
      const others = [await legacyStream(kept.key), await modernStream(kept.key)]
      await world.test.pool.query(change, [id])
      await vi.waitFor(() => expect(streams.map((stream) => stream.ended)).toEqual([true, true]), 12_000)
      expect(
        others.map((stream) => stream.ended),
        'streams of other keys',
      ).toEqual([false, false])
    },
    30_000,
  )

  it.each(['readonly=0&readonly=1', 'readonly=1&readonly=0', 'READONLY=1', 'ReadOnly=true'])(
    'takes writing away for ?%s [security.readonly]',
    async (query) => {
      const { key } = await world.createKey(world.acme.people.owner, { projectId: world.acme.main.id })
      for (const era of ['modern', 'legacy'] as const) {
        const caller = await world.connect(era, key, `/mcp?${query}`)
        const tools = await caller.tools()
        expect(tools).toContain('get_context')
        expect(tools).not.toContain('add_decision')
        for (const tool of ['add_decision', 'record_decision'])
          expect(await caller.call(tool, { content: 'Written' }), tool).not.toMatchObject({ kind: 'ok' })
      }
    },
  )

  it('refuses a key in the name of a parameter too [security.readonly]', async () => {
    const { key } = await world.createKey(world.acme.people.owner)
    const response = await fetch(`${world.url}/mcp?${key}=1`)
    expect(response.status).toBe(400)
  })

  it('refuses a year that cannot be stored as wrong input, not as a defect [security.query]', async () => {
    const { key } = await world.createKey(world.acme.people.owner, { projectId: world.acme.main.id })
    const caller = await world.connect('modern', key)
    const refused = await caller.call('get_context', { as_of: '0000-01-01T00:00:00Z' })
    expect(refused).toMatchObject({ kind: 'error', text: expect.stringContaining('out of range') })
  })

  it('answers others while the largest hostile batch is worked on [security.responsive]', async () => {
    const { key } = await world.createKey(world.acme.people.owner, { projectId: world.acme.main.id })
    const caller = await world.connect('modern', key)
    const frame = (await caller.call('start_frame', { name: 'Large' })).structured['frame']
    const events = Array.from({ length: 15 }, () => ({ content: '&lt;'.repeat(65_000) }))
    let answered = 0
    const ask = async () => {
      answered += Number((await fetch(world.url)).ok)
    }
    const timer = setInterval(() => void ask().catch(() => undefined), 20)
    const batch = await caller.call('record_events', { frame, events })
    clearInterval(timer)
    expect(batch).toMatchObject({ kind: 'ok' })
    expect(answered).toBeGreaterThanOrEqual(10)
  }, 60_000)

  it.each(['\u0301', '\ufe0f', "'", '\\', '" & | !', '\u{1f600}', "a':*", '()', '<->', '=/'])(
    'answers a question of many %j [security.query]',
    async (text) => {
      const { key } = await world.createKey(world.acme.people.viewer)
      const caller = await world.connect('modern', key)
      const query = `${text.repeat(2_000).slice(0, 3_000)} x`
      for (const tool of ['search_memory', 'get_context'])
        expect(await caller.call(tool, { query, project: 'acme/main' }), tool).toMatchObject({ kind: 'ok' })
    },
  )
})
