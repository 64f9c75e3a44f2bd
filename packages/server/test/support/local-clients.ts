/** Clients of the private address, each with a broker to start when there is none. Needs the built server. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  connectLocal,
  type ConnectLocalOptions,
  type LocalConnection,
} from '../../src/local/connect-local.ts'
import { isAlive, readLock } from '../../src/local/owner.ts'

export const lingerMs = 300

export type LocalHome = Awaited<ReturnType<typeof createLocalHome>>

/** A data directory and a runtime folder of their own. */
export const createLocalHome = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'local-'))
  const dataDir = join(folder, 'data')
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    STACKMEMORY_BROKER_LINGER_MS: String(lingerMs),
  }
  const connections: LocalConnection[] = []
  return {
    folder,
    dataDir,
    env,
    async connect(options: Partial<ConnectLocalOptions> = {}) {
      const connection = await connectLocal({ dataDir, env, ...options })
      connections.push(connection)
      return connection
    },
    /** Waits until nobody owns the directory. */
    async untilFree() {
      for (;;) {
        const holder = readLock(dataDir)
        if (holder === undefined || isAlive(holder) !== true) return
        await sleep(20)
      }
    },
    async close() {
      for (const connection of connections) connection.close()
      await this.untilFree()
      await rm(folder, { recursive: true, maxRetries: 5 })
    },
  }
}

/** Kills a process that a test started indirectly, and waits until the system says that it is gone. */
export const killOwner = async (connection: LocalConnection) => {
  process.kill(connection.owner.pid, 'SIGKILL')
  await connection.closed
}

export const callMcp = async (
  connection: LocalConnection,
  method: string,
  params: Record<string, unknown> = {},
  headers: Record<string, string> = {},
  path = '/mcp',
) => {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const response = await connection.fetch(path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof params['name'] === 'string' ? { 'mcp-name': params['name'] } : {}),
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } }),
  })
  const text = await response.text()
  const json = text.startsWith('{') ? text : (/^data: (.+)$/m.exec(text)?.[1] ?? '{}')
  return {
    status: response.status,
    body: JSON.parse(json) as Record<string, never> & { result?: ToolAnswer },
  }
}

export interface ToolAnswer {
  content?: { text: string }[]
  structuredContent?: Record<string, unknown>
  isError?: boolean
}
