import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { beforeAll, expect, it } from 'vitest'
import { bridgeFile, buildBridge } from './support/bridge-process.ts'

const report = { session_id: 's1', hook_event_name: 'SessionStart', source: 'startup', cwd: '/nowhere' }
const answer = '{"hookSpecificOutput":{"hookEventName":"SessionStart","additionalContext":"D1"}}'

const runHook = async (client: string, input: string, endpoint: string) => {
  const env = { STACKMEMORY_ENDPOINT: endpoint, STACKMEMORY_API_KEY: 'key' }
  const child = spawn(process.execPath, [bridgeFile, 'hook', client], { env, stdio: 'pipe' })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out }
}

const withServer = async <T>(listener: RequestListener, work: (origin: string) => Promise<T>) => {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

beforeAll(buildBridge)

it('hands a report on and prints the answer [bridge.hook]', async () => {
  const received: string[] = []
  const listener: RequestListener = (request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      received.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`)
      response.setHeader('content-type', 'application/json').end(answer)
    })
  }
  await withServer(listener, async (origin) => {
    const { code, out } = await runHook('claude-code', JSON.stringify(report), `${origin}/mcp`)
    expect({ code, out: out.trim() }).toEqual({ code: 0, out: answer })
  })
  expect(received).toHaveLength(1)
  expect(received[0]).toContain('POST /hooks/v1/claude-code')
  expect(received[0]).toContain('Bearer key')
  expect(received[0]).toContain('"session_id":"s1"')
})

it('says nothing and succeeds whatever goes wrong, so that no agent stops for it [bridge.hook]', async () => {
  const silent = { code: 0, out: '' }
  const text = JSON.stringify(report)
  await withServer(
    (_, response) => response.writeHead(500).end('oh no'),
    async (origin) => expect(await runHook('claude-code', text, `${origin}/mcp`)).toEqual(silent),
  )
  expect(await runHook('claude-code', text, 'http://127.0.0.1:9/mcp')).toEqual(silent)
  expect(await runHook('claude-code', 'not JSON', 'http://127.0.0.1:9/mcp')).toEqual(silent)
  expect(await runHook('somebody', text, 'http://127.0.0.1:9/mcp')).toEqual(silent)
  expect(await runHook('claude-code', 'x'.repeat(5 * 1024 * 1024), 'http://127.0.0.1:9/mcp')).toEqual(silent)
})
