import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ServerProcess, startServer } from '../../server/test/support/server-process.ts'
import { bridgeFile, buildBridge, startBridge } from './support/bridge-process.ts'
import { startEndpoint } from './support/endpoint.ts'
import { modernMeta } from './support/piped.ts'

const info = { name: 'test', version: '1' }
const initialize = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: info }

describe('the bridge as a client starts it', () => {
  let dataDir = ''
  let server: ServerProcess
  let env: Record<string, string> = {}

  beforeAll(async () => {
    await buildBridge()
    dataDir = await mkdtemp(join(tmpdir(), 'bridge-'))
    server = await startServer({ DATA_DIR: dataDir })
    env = { STACKMEMORY_ENDPOINT: server.url.href, STACKMEMORY_API_KEY: server.key ?? '' }
  })

  afterAll(async () => {
    await server.stop('SIGTERM')
    await rm(dataDir, { recursive: true, force: true })
  })

  it('serves the official client of 2026-07-28 [bridge.unchanged]', async () => {
    const client = new Client(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
    await client.connect(new StdioClientTransport({ command: process.execPath, args: [bridgeFile], env }))
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('add_decision')
    const added = await client.callTool({
      name: 'add_decision',
      arguments: { content: 'Modern clients are served.' },
    })
    expect(added.isError).not.toBe(true)
    const found = await client.callTool({ name: 'search_memory', arguments: { query: 'modern clients' } })
    expect(JSON.stringify(found.content)).toContain('Modern clients are served.')
    await client.close()
  })

  it('serves the client of the older era that people have [bridge.unchanged]', async () => {
    const client = new LegacyClient(info)
    const runway = { RUNWAY_ENDPOINT: server.url.href, RUNWAY_API_KEY: server.key ?? '' }
    await client.connect(new LegacyTransport({ command: process.execPath, args: [bridgeFile], env: runway }))
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('add_decision')
    const added = await client.callTool({
      name: 'add_decision',
      arguments: { content: 'Older clients are served.' },
    })
    expect(added.isError).not.toBe(true)
    await client.close()
  })

  it('writes nothing but JSON-RPC to standard output, and never the key [bridge.stdout]', async () => {
    const bridge = startBridge([], env)
    bridge.process.stdin.write('no JSON at all\n[]\n{"jsonrpc":"2.0"}\n')
    bridge.send({ id: 1, method: 'initialize', params: initialize })
    await bridge.answerTo(1)
    bridge.send({ method: 'notifications/initialized' })
    bridge.send({ id: 2, method: 'no/such/method' })
    bridge.send({ id: 3, method: 'tools/call', params: { name: 'search_memory', arguments: { query: 'x' } } })
    await Promise.all([bridge.answerTo(2), bridge.answerTo(3)])
    await bridge.end()
    for (const line of bridge.lines) expect(JSON.parse(line), line).toHaveProperty('jsonrpc', '2.0')
    expect(bridge.lines.length).toBeGreaterThanOrEqual(3)
    expect(bridge.stderr() + bridge.lines.join()).not.toContain(server.key)
  })

  it.each(['modern', 'legacy'])(
    'is gone within a second of the end of input, era: %s [bridge.exit]',
    async (era) => {
      const bridge = startBridge([], env)
      if (era === 'modern') bridge.send({ id: 1, method: 'server/discover', params: { _meta: modernMeta } })
      else bridge.send({ id: 1, method: 'initialize', params: initialize })
      expect(await bridge.answerTo(1)).toHaveProperty('result')
      const { code, ms } = await bridge.end()
      expect(code).toBe(0)
      expect(ms).toBeLessThan(1_000)
    },
  )

  it('is gone within a second also when nobody answers [bridge.exit]', async () => {
    const endpoint = await startEndpoint(() => undefined)
    const bridge = startBridge([endpoint.url.href])
    bridge.send({ id: 1, method: 'initialize', params: initialize })
    while (endpoint.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    expect((await bridge.end()).ms).toBeLessThan(1_000)
    await endpoint.close()
  })

  it('names the variable when the key is missing or wrong [bridge.errors]', async () => {
    const wrong = `smk_live_${'0'.repeat(40)}`
    for (const [key, words] of [
      [undefined, 'Put one into the variable STACKMEMORY_API_KEY'],
      [wrong, 'does not accept the API key in RUNWAY_API_KEY'],
    ]) {
      const bridge = startBridge([server.url.href], key === undefined ? {} : { RUNWAY_API_KEY: key })
      bridge.send({ id: 1, method: 'initialize', params: initialize })
      expect((await bridge.answerTo(1)).error?.message).toContain(words)
      await bridge.end()
      expect(bridge.stderr()).not.toContain(wrong)
    }
  })

  it('tells the client what is wrong with its settings, and exits with 78 [bridge.settings]', async () => {
    const bridge = startBridge([], { STACKMEMORY_API_KEY: 'one', RUNWAY_API_KEY: 'two' })
    bridge.send({ id: 1, method: 'initialize', params: initialize })
    expect((await bridge.answerTo(1)).error?.message).toContain('both set, to different values')
    expect((await bridge.end()).code).toBe(78)
  })
})
