import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { hookUrl, type LocalMemory, sendHook } from './send-hook.ts'

interface Seen {
  method: string | undefined
  url: string | undefined
  headers: IncomingMessage['headers']
  body: string
}

const bundle = JSON.stringify({
  hookSpecificOutput: { hookEventName: 'SessionStart', additionalContext: 'known' },
})
const input = JSON.stringify({ hook_event_name: 'SessionStart', session_id: 's', cwd: '/home/ana/shop' })

describe('sending a hook', () => {
  const servers: Server[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.close()
      server.closeAllConnections()
    }
  })
  /** `answer` gives status and body, or nothing: then the server stays silent. */
  const serve = async (answer: (count: number) => [number, string] | 'cut' | undefined) => {
    const seen: Seen[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (text: string) => (body += text))
      request.on('end', () => {
        seen.push({ method: request.method, url: request.url, headers: request.headers, body })
        const given = answer(seen.length)
        if (given === 'cut') return request.socket.destroy()
        if (given) response.writeHead(given[0]).end(given[1])
      })
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }

  it('posts to the address of the MCP endpoint and gives the answer back [hooks.send]', async () => {
    const { seen, url } = await serve(() => [200, bundle])
    const env = { STACKMEMORY_ENDPOINT: `${url}/mcp/acme/main`, STACKMEMORY_API_KEY: 'smk_live_x' }
    const findRepository = () => ({ repository: 'github.com/acme/shop', name: 'shop' })
    expect(await sendHook({ client: 'claude-code', input, env, findRepository })).toBe(bundle)
    expect(seen).toMatchObject([{ method: 'POST', url: '/hooks/v1/claude-code/acme/main', body: input }])
    expect(seen[0]?.headers).toMatchObject({
      authorization: 'Bearer smk_live_x',
      'content-type': 'application/json',
      'x-stackmemory-repository': 'github.com/acme/shop',
    })
  })

  it('sends a key to the endpoint that it was meant for [hooks.send]', async () => {
    const { seen, url } = await serve(() => [200, bundle])
    const other = 'https://other.example/mcp'
    const send = async (env: NodeJS.ProcessEnv) => sendHook({ client: 'codex', input, env })
    await send({ RUNWAY_ENDPOINT: url, STACKMEMORY_API_KEY: 'ours', RUNWAY_API_KEY: 'theirs' })
    await send({ STACKMEMORY_ENDPOINT: url, RUNWAY_ENDPOINT: other, RUNWAY_API_KEY: 'theirs' })
    await send({ RUNWAY_ENDPOINT: url, STACKMEMORY_API_KEY: 'ours' })
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer theirs',
      undefined,
      'Bearer ours',
    ])
  })

  it('says nothing when the answer says nothing, or is none [hooks.send]', async () => {
    for (const answer of [
      [204, ''],
      [200, '{}'],
      [401, '{"detail":"x"}'],
      [500, 'oops'],
      [200, '<html>'],
    ] as const) {
      const { url } = await serve(() => [...answer])
      expect(await sendHook({ client: 'codex', input, env: { RUNWAY_ENDPOINT: `${url}/mcp` } })).toBe('')
    }
    expect(
      await sendHook({ client: 'codex', input, env: { RUNWAY_ENDPOINT: 'http://127.0.0.1:9/mcp' } }),
    ).toBe('')
    expect(await sendHook({ client: 'codex', input, env: {} })).toBe('')
    expect(await sendHook({ client: 'notepad', input, env: {} })).toBe('')
    expect(await sendHook({ client: 'codex', input: 'no json', env: {} })).toBe('')
  })

  it('gives up when its time is over, and sooner at the end of a session [hooks.send]', async () => {
    const { url } = await serve(() => undefined)
    const env = { STACKMEMORY_ENDPOINT: `${url}/mcp` }
    const startedAt = performance.now()
    expect(await sendHook({ client: 'codex', input, env, budgetMs: 200 })).toBe('')
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    const end = JSON.stringify({ hook_event_name: 'SessionEnd', session_id: 's' })
    const endedAt = performance.now()
    expect(await sendHook({ client: 'codex', input: end, env })).toBe('')
    expect(performance.now() - endedAt).toBeLessThan(1_400)
    const never = async () => new Promise<LocalMemory>(() => undefined)
    expect(await sendHook({ client: 'codex', input, env: {}, openLocal: never, budgetMs: 100 })).toBe('')
  })

  it('tries once more when the connection broke, under the same key [hooks.send]', async () => {
    const { seen, url } = await serve((count) => (count === 1 ? 'cut' : [200, bundle]))
    expect(await sendHook({ client: 'codex', input, env: { STACKMEMORY_ENDPOINT: `${url}/mcp` } })).toBe(
      bundle,
    )
    expect(seen).toHaveLength(2)
    expect(seen[0]?.headers['idempotency-key']).toBe(seen[1]?.headers['idempotency-key'])
  })

  it('asks the local memory for the project of the repository [hooks.send]', async () => {
    const asked: [string, string][] = []
    const openLocal = async (): Promise<LocalMemory> => ({
      fetch: async (path, init) => {
        asked.push([path, typeof init.body === 'string' ? init.body : ''])
        return path === '/local/project'
          ? Response.json({ organization: 'ana', project: 'shop' })
          : new Response(bundle)
      },
      close: () => undefined,
    })
    const findRepository = () => ({ repository: 'github.com/acme/shop', name: 'shop' })
    expect(await sendHook({ client: 'codex', input, env: {}, openLocal, findRepository })).toBe(bundle)
    expect(asked).toEqual([
      ['/local/project', '{"repository":"github.com/acme/shop","name":"shop"}'],
      ['/hooks/v1/codex/ana/shop', input],
    ])
  })

  it('gives up when the local memory does not name the project [hooks.send]', async () => {
    for (const answer of [
      () => new Response(null, { status: 503 }),
      () => Response.json({ organization: 'ana' }),
      () => Response.json({ organization: '', project: '' }),
    ]) {
      const asked: string[] = []
      const openLocal = async (): Promise<LocalMemory> => ({
        fetch: async (path) => {
          asked.push(path)
          return path === '/local/project' ? answer() : new Response(bundle)
        },
        close: () => undefined,
      })
      expect(await sendHook({ client: 'codex', input, env: {}, openLocal })).toBe('')
      expect(asked).toEqual(['/local/project'])
    }
  })

  it('is turned off by a variable [hooks.send]', async () => {
    const { seen, url } = await serve(() => [200, bundle])
    const env = { STACKMEMORY_ENDPOINT: `${url}/mcp`, STACKMEMORY_HOOKS: 'off' }
    expect(await sendHook({ client: 'codex', input, env })).toBe('')
    expect(seen).toEqual([])
  })

  it('sends a key to no address where others could read it [hooks.send]', () => {
    const url = (text: string) => hookUrl(new URL(text), 'codex').href
    expect(url('https://memory.example.com/mcp')).toBe('https://memory.example.com/hooks/v1/codex')
    expect(url('https://memory.example.com/base/mcp/?readonly=1')).toBe(
      'https://memory.example.com/base/hooks/v1/codex?readonly=1',
    )
    expect(url('http://localhost:8080/mcp/a/b')).toBe('http://localhost:8080/hooks/v1/codex/a/b')
    expect(() => url('http://memory.example.com/mcp')).toThrow()
    expect(() => url('http://app.localhost/mcp')).toThrow()
    expect(() => url('https://a:b@memory.example.com/mcp')).toThrow()
    expect(() => url('file:///etc/passwd')).toThrow()
  })
})
