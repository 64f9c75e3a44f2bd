import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tools } from '../src/mcp/tools/index.ts'
import { engines } from './harness/test-database.ts'
import { createServedWorld, type ServedWorld } from './support/served-world.ts'

interface Answer {
  isError?: boolean
  content: { text: string }[]
  structuredContent?: Record<string, unknown>
}

describe.each(engines)('the header Idempotency-Key on %s', (engine) => {
  let world: ServedWorld
  let key: string
  beforeAll(async () => {
    world = await createServedWorld(engine)
    key = (await world.createKey(world.acme.people.owner)).key
  })
  afterAll(async () => world.close())

  const modern = async (name: string, args: object, idempotencyKey?: string): Promise<Answer> => {
    const response = await fetch(new URL('/mcp/acme/main', world.url), {
      method: 'POST',
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        authorization: `Bearer ${key}`,
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': name,
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: {
          name,
          arguments: args,
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      }),
    })
    const text = await response.text()
    const json = text.startsWith('{') ? text : (/^data: (.+)$/m.exec(text)?.[1] ?? '{}')
    return (JSON.parse(json) as { result: Answer }).result
  }

  it('makes a repeated call do nothing twice, in both eras [mcp.idempotency-key]', async () => {
    const args = { title: 'Once only' }
    const first = await modern('create_task', args, 'a key of one call')
    expect(first.isError).not.toBe(true)
    expect(await modern('create_task', args, 'a key of one call')).toEqual(first)
    expect(await modern('create_task', args, '"a key of one call"')).toEqual(first)
    expect((await modern('create_task', args, 'another')).structuredContent).not.toEqual(
      first.structuredContent,
    )

    let given = 'in a session'
    const client = new Client({ name: 'test', version: '1' })
    const withKey: typeof fetch = async (url, init) => {
      const headers = new Headers(init?.headers)
      headers.set('idempotency-key', given)
      return fetch(url, { ...init, headers })
    }
    await client.connect(
      new StreamableHTTPClientTransport(new URL('/mcp/acme/main', world.url), {
        fetch: withKey,
        requestInit: { headers: { authorization: `Bearer ${key}` } },
      }),
    )
    const call = async () => client.callTool({ name: 'create_task', arguments: { title: 'In a session' } })
    const [one, two] = [await call(), await call()]
    expect(two).toEqual(one)
    given = 'the next in it'
    expect((await call()).structuredContent).not.toEqual(one.structuredContent)
    await client.close()
  })

  it('gives way to the argument, and is judged like it [mcp.idempotency-key]', async () => {
    const named = { title: 'Named', idempotency_key: 'from the argument' }
    const first = await modern('create_task', named, 'from the header')
    expect(await modern('create_task', named, 'another header')).toEqual(first)
    const reused = await modern('create_task', { title: 'Different' }, 'a key of one call')
    expect(reused).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('code: conflict') }],
    })
    const long = await modern('create_task', { title: 'Too long' }, 'x'.repeat(201))
    expect(long).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('idempotency_key') }],
    })
  })

  it('means nothing to tools that read, and every tool that writes has the argument [mcp.idempotency-key]', async () => {
    const before = await modern('get_active_tasks', {}, 'a key of reading')
    await modern('create_task', { title: 'In between' })
    const after = await modern('get_active_tasks', {}, 'a key of reading')
    expect(after.content[0]?.text).toContain('In between')
    expect(before.content[0]?.text).not.toContain('In between')
    for (const tool of tools)
      expect([tool.name, 'idempotency_key' in tool.input.shape]).toEqual([
        tool.name,
        tool.scope === 'memory:write',
      ])
  })
})
