import { type IncomingHttpHeaders, request as httpRequest } from 'node:http'
import { connect as netConnect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApiKey } from '../src/auth/api-key.ts'
import { serveHttp } from '../src/http/serve.ts'
import { type Toy, recordingLog, startToy, until } from './mcp-transport-toy.ts'

let toy: Toy

beforeAll(async () => {
  toy = await startToy({ httpLimits: { bodyBytesMax: 100_000, jsonDepthMax: 20 } })
})
afterAll(() => toy.stop())

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** fetch does not let a test set Host or stream a body that lies about its length. */
function send(
  path: string,
  options: { method?: string; headers?: Record<string, string>; chunks?: readonly (string | Buffer)[] } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, chunks = [] } = options
    const outgoing = httpRequest(toy.http.url + path, { method, headers, agent: false }, (incoming) => {
      const parts: Buffer[] = []
      incoming.on('data', (part: Buffer) => parts.push(part))
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: Buffer.concat(parts).toString(),
        }),
      )
    })
    outgoing.on('error', reject)
    for (const chunk of chunks) outgoing.write(chunk)
    outgoing.end()
  })
}

const mcpHeaders = {
  authorization: 'Bearer ana-key',
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
}
const post = (chunks: readonly (string | Buffer)[], headers: Record<string, string> = {}, path = '/mcp') =>
  send(path, { method: 'POST', headers: { ...mcpHeaders, ...headers }, chunks })
const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '0' } },
})

describe('host and origin', () => {
  it('refuses a foreign Host on every route [http.host-origin]', async () => {
    for (const host of [
      'evil.example',
      'evil.example:80',
      'localhost.evil.example',
      'localhost@evil.example',
    ]) {
      for (const path of ['/', '/mcp', '/health', '/nowhere']) {
        const answer = await send(path, { headers: { host, authorization: 'Bearer ana-key' } })
        expect([host, path, [400, 403].includes(answer.status)]).toEqual([host, path, true])
      }
    }
    expect((await send('/', { headers: { host: 'evil.example' } })).status).toBe(403)
    for (const host of ['localhost', 'LOCALHOST:9999', '127.0.0.1:1']) {
      expect((await send('/', { headers: { host } })).status).toBe(200)
    }
  })

  it('refuses foreign and null origins, and passes none at all [http.host-origin]', async () => {
    const foreign = [
      'https://evil.example',
      'null',
      'http://console.example.com',
      'https://localhost',
      'nonsense',
      '',
    ]
    for (const origin of foreign) {
      const answer = await post([initialize], { origin })
      expect([origin, answer.status]).toEqual([origin, 403])
      expect(answer.headers['x-request-id']).toBeTypeOf('string')
    }
    for (const origin of ['https://console.example.com', 'http://localhost:5173', 'http://localhost']) {
      expect([origin, (await post([initialize], { origin })).status]).toEqual([origin, 200])
    }
    expect((await post([initialize])).status).toBe(200)
  })
})

describe('the body', () => {
  it('takes a message of exactly the limit and refuses one byte more [http.body-limit]', async () => {
    const padded = (bytes: number) => initialize + ' '.repeat(bytes - Buffer.byteLength(initialize))
    expect((await post([padded(100_000)])).status).toBe(200)
    const answer = await post([padded(100_001)])
    expect(answer.status).toBe(413)
    expect(answer.body).toContain('larger than 100000 bytes')
  })

  it('counts while reading when the length is not declared [http.body-limit]', async () => {
    const answer = await post(Array.from({ length: 20 }, () => ' '.repeat(10_000)))
    expect(answer.status).toBe(413)
    expect(JSON.parse(answer.body)).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32000 } })
  })

  it('limits a message to 4 MiB unless told otherwise, and answers although more is coming [http.body-limit]', async () => {
    const usual = await startToy()
    const headers = { ...mcpHeaders }
    const ask = (bytes: number) => fetch(usual.url, { method: 'POST', headers, body: ' '.repeat(bytes) })
    expect((await ask(4 * 1024 * 1024)).status).toBe(400)
    expect((await ask(4 * 1024 * 1024 + 1)).status).toBe(413)
    expect((await ask(30 * 1024 * 1024)).status).toBe(413)
    await usual.stop()
  })

  it('does not read the body of a caller it does not know [http.body-limit]', async () => {
    const answer = await post(['{'], { authorization: 'Bearer wrong' })
    expect(answer.status).toBe(401)
  })

  it('says that invalid UTF-8 is invalid UTF-8 [http.invalid-utf8]', async () => {
    const broken = [
      Buffer.from('{"jsonrpc":"2.0","id":1,"method":"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}'),
    ]
    const answer = await post(broken)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toEqual({
      jsonrpc: '2.0',
      id: null,
      error: { code: -32700, message: 'The message is not valid UTF-8. Encode the JSON text as UTF-8.' },
    })
  })

  it('keeps a character that arrives in two pieces [http.invalid-utf8]', async () => {
    const bytes = Buffer.from(initialize.replace('"raw"', '"räw"'))
    const middle = bytes.indexOf(0xc3) + 1
    expect((await post([bytes.subarray(0, middle), bytes.subarray(middle)])).status).toBe(200)
    expect(toy.served.at(-1)?.principal.client.name).toBe('räw')
  })

  it('answers -32700 for what is not JSON, 400 for what is too deep, 415 for another type', async () => {
    for (const text of ['', '{', 'undefined', '{"a":1}x']) {
      const answer = await post([text])
      expect([text, answer.status, answer.body.includes('-32700')]).toEqual([text, 400, true])
    }
    const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
    expect((await post([deep(21)])).body).toContain('deeper than 20 levels')
    expect((await post([deep(20)])).body).not.toContain('deeper')
    expect((await post([JSON.stringify({ text: '[[['.repeat(50) })])).body).not.toContain('deeper')
    for (const type of ['text/plain', 'application/jsonp', '']) {
      expect([type, (await post([initialize], { 'content-type': type })).status]).toEqual([type, 415])
    }
    expect((await post([initialize], { 'content-type': 'Application/JSON; charset=utf-8' })).status).toBe(200)
  })
})

describe('the caller', () => {
  it('challenges a missing and an invalid credential differently (RFC 6750 §3.1)', async () => {
    const missing = await post([initialize], { authorization: '' })
    const invalid = await post([initialize], { authorization: 'Bearer wrong' })
    expect([missing.status, invalid.status]).toEqual([401, 401])
    expect(invalid.headers['www-authenticate']).toContain('Bearer realm="stackmemory", error="invalid_token"')
    const none = await send('/mcp', { method: 'POST' })
    expect(none.headers['www-authenticate']).toBe('Bearer realm="stackmemory"')
    expect(none.headers['content-type']).toBe('application/problem+json')
  })

  it('takes the key from X-API-Key, and refuses two keys that differ', async () => {
    const { authorization: _, ...headers } = mcpHeaders
    const key = { 'x-api-key': 'ana-key' }
    expect(
      (await send('/mcp', { method: 'POST', headers: { ...headers, ...key }, chunks: [initialize] })).status,
    ).toBe(200)
    expect((await post([initialize], { 'x-api-key': 'bob-key' })).status).toBe(401)
    expect((await post([initialize], { authorization: 'Basic YTpi' })).status).toBe(401)
  })

  it('refuses a key in the URL and says where it belongs', async () => {
    const { key } = createApiKey()
    for (const path of [
      '/mcp?api_key=x',
      `/mcp?anything=${key}`,
      `/mcp/org/${key}`,
      '/mcp?access_token=ana-key',
    ]) {
      const answer = await post([initialize], {}, path)
      expect([path, answer.status]).toEqual([path, 400])
      expect(answer.body).toContain('Authorization: Bearer')
      expect(answer.body).not.toContain(key)
    }
  })

  it('answers the same for an unknown project and another tenant’s', async () => {
    const bodies = []
    for (const path of ['/mcp/bob-org/alpha', '/mcp/nobody/nothing', '/mcp/ana-org/nothing']) {
      const answer = await post([initialize], {}, path)
      expect([path, answer.status]).toEqual([path, 404])
      bodies.push(answer.body.replace(String(answer.headers['x-request-id']), 'id'))
    }
    expect(new Set(bodies).size).toBe(1)
  })

  it('refuses view parameters that it does not know', async () => {
    expect((await post([initialize], {}, '/mcp?readonly=yes')).status).toBe(400)
    expect((await post([initialize], { 'x-stackmemory-tools': 'all' })).status).toBe(400)
    expect((await post([initialize], { 'x-stackmemory-tools': 'upstream' })).status).toBe(200)
    expect(toy.served.at(-1)?.toolSet).toBe('upstream')
  })
})

describe('the rest', () => {
  it('names itself, its health, and what is missing', async () => {
    expect(JSON.parse((await send('/')).body)).toEqual({ name: 'StackMemory', mcp: 'http://localhost/mcp' })
    expect((await send('/health')).status).toBe(200)
    const ready = await send('/ready')
    expect([ready.status, ready.body]).toEqual([503, '{"status":"failing","checks":{"database":"failing"}}'])
    expect((await send('/nowhere')).status).toBe(404)
    for (const method of ['PUT', 'HEAD', 'PATCH', 'OPTIONS']) {
      const answer = await send('/mcp', { method, headers: { authorization: 'Bearer ana-key' } })
      expect([method, answer.status]).toEqual([method, 405])
    }
  })

  it('writes one access line per request, with its id and without secrets', async () => {
    const before = toy.lines.length
    const answer = await post([initialize], { authorization: 'Bearer bob-key' }, '/mcp/bob-org/alpha')
    await post([initialize], {}, '/mcp?token=ana-key')
    const lines = toy.lines.slice(before).filter((line) => line.message === 'request')
    expect(lines.map(({ fields }) => [fields.route, fields.status, fields.rpcMethod])).toEqual([
      ['/mcp/:org/:project', 200, 'initialize'],
      ['unmatched', 400, undefined],
    ])
    expect(lines[0]?.fields.requestId).toBe(answer.headers['x-request-id'])
    expect(JSON.stringify(toy.lines)).not.toMatch(/bob-key|ana-key/)
  })
})

describe('the socket', () => {
  const app = { fetch: () => new Response('ok') }
  const log = recordingLog([])

  it('says that the port is in use and what to do [http.port-in-use]', async () => {
    const first = await serveHttp(app, { host: '127.0.0.1', port: 0, log })
    const second = serveHttp(app, { host: '127.0.0.1', port: first.port, log })
    await expect(second).rejects.toThrow(`Port ${first.port} on 127.0.0.1 is already in use. Choose`)
    await first.close()
    await (await serveHttp(app, { host: '127.0.0.1', port: first.port, log })).close()
  })

  it('says that an address is not of this machine [http.port-in-use]', async () => {
    const refused = serveHttp(app, { host: '192.0.2.1', port: 0, log })
    await expect(refused).rejects.toThrow('no address 192.0.2.1')
  })

  it('does not wait at shutdown for connections that never sent anything', async () => {
    const server = await serveHttp(app, { host: '127.0.0.1', port: 0, log })
    const silent = netConnect(server.port, '127.0.0.1')
    await new Promise((resolve) => silent.once('connect', resolve))
    const startedAt = performance.now()
    await server.close()
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    silent.destroy()
  })

  it('lets a request in flight finish during shutdown, and cuts it at the limit', async () => {
    let finish: (response: Response) => void = () => undefined
    let arrived = 0
    const slow = {
      fetch: () => {
        arrived++
        return new Promise<Response>((resolve) => (finish = resolve))
      },
    }
    const limits = { drainTimeoutMs: 300 }
    const patient = await serveHttp(slow, {
      host: '127.0.0.1',
      port: 0,
      log,
      limits: { drainTimeoutMs: 5_000 },
    })
    const answered = fetch(patient.url).then((response) => response.text())
    await until(() => arrived === 1)
    const closed = patient.close()
    finish(new Response('finished'))
    expect(await answered).toBe('finished')
    await closed

    const strict = await serveHttp(slow, { host: '127.0.0.1', port: 0, log, limits })
    const cut = fetch(strict.url).catch(() => 'cut')
    await until(() => arrived === 2)
    await strict.close()
    expect(await cut).toBe('cut')
  })

  it('gives up on a request whose headers do not arrive', async () => {
    const limits = { headersTimeoutMs: 200 }
    const server = await serveHttp(app, { host: '127.0.0.1', port: 0, log, limits })
    const slow = netConnect(server.port, '127.0.0.1')
    const said: string[] = []
    slow.on('data', (data: Buffer) => said.push(data.toString()))
    slow.write('GET / HTTP/1.1\r\nHost: loc')
    await new Promise((resolve) => slow.once('close', resolve))
    expect(said.join('')).toContain('408')
    await server.close()
  })
})
