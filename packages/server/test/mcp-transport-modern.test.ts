import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Toy,
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
let clients: Client[]

beforeEach(async () => {
  toy = await startToy({ busLimits: { subscriptionsPerTenantMax: 3 } })
  clients = []
})

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await toy.stop()
})

async function connect(key: string, path = '') {
  const heard: string[] = []
  const client = new Client(
    { name: 'modern-client', version: '9.9.9' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void heard.push(params.uri),
  )
  client.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'))
  const headers = { authorization: `Bearer ${key}` }
  await client.connect(
    new StreamableHTTPClientTransport(new URL(toy.url + path), { requestInit: { headers } }),
  )
  clients.push(client)
  return { client, heard }
}

describe('MCP 2026-07-28 over HTTP', () => {
  it('discovers, lists, and calls with one server per request [mcp.modern]', async () => {
    const { client } = await connect('ana-key', '/ana-org/alpha')
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28')
    const { tools } = await client.listTools()
    expect(tools.map((tool) => tool.name)).toEqual(['whoami', 'wait', 'progress', 'fail'])
    const answer = jsonOf(await client.callTool({ name: 'whoami', arguments: {} }))
    expect(answer).toMatchObject({
      era: 'modern',
      user: 'ana',
      pinned: anaProject.id,
      client: { name: 'modern-client', version: '9.9.9' },
      readonly: false,
    })
    expect(toy.mcp.sessionCount()).toBe(0)
  })

  it('hands no credential to a tool', async () => {
    const { client } = await connect('ana-key')
    const { headers } = jsonOf(await client.callTool({ name: 'whoami', arguments: {} }))
    expect(headers).toContain('x-request-id')
    expect(headers).not.toContain('authorization')
  })

  it('tells the factory which tool is called, so that it registers only that one [mcp.modern]', async () => {
    const { client } = await connect('ana-key')
    await client.callTool({ name: 'whoami', arguments: {} })
    expect(toy.served.at(-1)?.toolName).toBe('whoami')
    await client.listTools()
    expect(toy.served.at(-1)?.toolName).toBeUndefined()
  })

  it('streams progress before the result [mcp.modern]', async () => {
    const { client } = await connect('ana-key')
    const seen: number[] = []
    const options = { onprogress: ({ progress }: { progress: number }) => void seen.push(progress) }
    expect(textOf(await client.callTool({ name: 'progress', arguments: {} }, options))).toBe('done')
    expect(seen).toEqual([1, 2])
  })

  it('aborts the handler when the client closes the stream [mcp.cancel]', async () => {
    const { client } = await connect('ana-key')
    const controller = new AbortController()
    const call = client.callTool({ name: 'wait', arguments: { label: 'm' } }, { signal: controller.signal })
    const outcome = call.then(
      () => 'answered',
      () => 'cancelled',
    )
    await until(() => toy.running.includes('m'))
    controller.abort()
    expect(await outcome).toBe('cancelled')
    await until(() => toy.aborted.includes('m'))
    expect(toy.lines.filter((line) => line.level === 'error')).toEqual([])
  })

  it('delivers events only inside the tenant and its visible projects [mcp.bus-tenant]', async () => {
    const [ana, anaPinned, bob] = [
      await connect('ana-key'),
      await connect('ana-key', '/ana-org/beta'),
      await connect('bob-key', '/bob-org/alpha'),
    ]
    for (const { client } of [ana, anaPinned, bob]) {
      await client.listen({ resourceSubscriptions: [uri], toolsListChanged: true })
    }
    toy.bus.publishFor(anaProject, { kind: 'resource_updated', uri })
    toy.bus.publishFor(anaOther, { kind: 'tools_list_changed' })
    await until(() => ana.heard.length > 0 && anaPinned.heard.length > 0)
    toy.bus.publishFor(bobProject, { kind: 'resource_updated', uri })
    await until(() => bob.heard.length > 0)
    expect({ ana: ana.heard, anaPinned: anaPinned.heard, bob: bob.heard }).toEqual({
      ana: [uri],
      anaPinned: ['tools'],
      bob: [uri],
    })
  })

  it('limits subscriptions per tenant and gives the place back [mcp.bus-tenant]', async () => {
    const { client } = await connect('ana-key')
    const open = []
    for (let i = 0; i < 3; i++) open.push(await client.listen({ toolsListChanged: true }))
    await expect(client.listen({ toolsListChanged: true })).rejects.toThrow('Too many open subscriptions')
    const bob = await connect('bob-key')
    await bob.client.listen({ toolsListChanged: true })
    await open[0]?.close()
    await until(() => toy.bus.count('ana-org') === 2)
    await client.listen({ toolsListChanged: true })
  })

  it('counts nothing for a subscription that was refused or has nothing to listen to', async () => {
    const { client } = await connect('ana-key')
    await client.listen({}).catch(() => undefined)
    expect(toy.bus.count('ana-org')).toBe(0)
  })

  it('closes the stream when the credential expires and when it is revoked [mcp.bus-tenant]', async () => {
    const known = toy.keys.get('ana-key')
    if (known) toy.keys.set('short-key', { ...known, expiresAt: new Date(Date.now() + 400) })
    const short = await connect('short-key')
    const expiring = await short.client.listen({ toolsListChanged: true })
    expect(await expiring.closed).toBe('remote')
    const bob = await connect('bob-key')
    const revoked = await bob.client.listen({ toolsListChanged: true })
    toy.mcp.closeCredential('k-bob')
    expect(await revoked.closed).toBe('remote')
    await until(() => toy.bus.count('ana-org') + toy.bus.count('bob-org') === 0)
  })

  it('ends streams gracefully on shutdown', async () => {
    const { client } = await connect('ana-key')
    const subscription = await client.listen({ toolsListChanged: true })
    await toy.stop()
    expect(await subscription.closed).toBe('graceful')
  })

  it('shows our sentence for our errors and nothing of any other error [mcp.error-masked]', async () => {
    const { client } = await connect('ana-key')
    const domain = await client.callTool({ name: 'fail', arguments: { how: 'domain' } })
    expect(domain.isError).toBe(true)
    expect(textOf(domain)).toMatch(
      /^There is no task T9\..*\n\n\(code: not_found, request: [0-9a-f-]{36}\)$/s,
    )
    const raw = await client.callTool({ name: 'fail', arguments: { how: 'raw' } })
    expect(raw.isError).toBe(true)
    expect(JSON.stringify(raw)).not.toContain('secret_table')
    const logged = toy.lines.filter((line) => line.level === 'error')
    expect(logged).toHaveLength(1)
    expect(textOf(raw)).toContain(`code: internal, request: ${String(logged[0]?.fields.requestId)}`)
  })

  it('answers a factory that fails with our sentence [mcp.error-masked]', async () => {
    await expect(connect('ana-key', '?tools=upstream&readonly=1')).rejects.toThrow(/503|The store is away/)
  })
})
