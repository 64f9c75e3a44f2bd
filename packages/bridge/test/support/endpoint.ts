/** An MCP endpoint on loopback that does what a test says, and remembers what it was sent. */
import { once } from 'node:events'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly method: string
  readonly headers: IncomingMessage['headers']
  readonly body: Message
  /** Resolves when the other side has closed the connection of this request. */
  readonly closed: Promise<void>
}

export interface Message {
  jsonrpc?: string
  id?: string | number
  method?: string
  params?: Record<string, unknown>
  result?: Record<string, unknown>
  error?: { code: number; message: string; data?: Record<string, unknown> }
}

/** Answers one HTTP request. */
export type Handler = (received: Received, response: ServerResponse) => void | Promise<void>

export interface Endpoint {
  readonly url: URL
  readonly received: Received[]
  handle: Handler
  close(): Promise<void>
}

export const startEndpoint = async (handle: Handler, port = 0): Promise<Endpoint> => {
  const received: Received[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const text = Buffer.concat(chunks).toString()
      const body = (text === '' ? {} : JSON.parse(text)) as Message
      const closed = once(response, 'close').then(() => undefined)
      const each = { method: request.method ?? '', headers: request.headers, body, closed }
      received.push(each)
      await endpoint.handle(each, response)
    })()
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const endpoint: Endpoint = {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`),
    received,
    handle,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return endpoint
}

export const json = (response: ServerResponse, body: unknown, status = 200, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

export const result = (id: unknown, value: object = {}) => ({ jsonrpc: '2.0', id, result: value })

export const openStream = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
}

export const event = (message: object, id?: string): string =>
  `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(message)}\n\n`

/** Sessions as 2025-11-25 has them; `forget()` makes the server forget the one that is open. */
export const withSessions = (handle: Handler): Handler & { forget(): void; readonly opened: string[] } => {
  const opened: string[] = []
  let current: string | undefined
  const handler: Handler = async (received, response) => {
    const { body, headers, method } = received
    if (body.method === 'initialize') {
      opened.push((current = `session-${opened.length + 1}`))
      const value = {
        protocolVersion: '2025-11-25',
        capabilities: {},
        serverInfo: { name: 'fake', version: '1' },
      }
      return json(response, result(body.id, value), 200, { 'mcp-session-id': current })
    }
    if (headers['mcp-session-id'] !== current) {
      const error = { code: -32001, message: 'Session not found' }
      return json(response, { jsonrpc: '2.0', id: null, error }, 404)
    }
    if (method === 'DELETE') return void response.writeHead(204).end()
    if (method === 'POST' && body.id === undefined) return void response.writeHead(202).end()
    return handle(received, response)
  }
  return Object.assign(handler, { opened, forget: () => (current = undefined) })
}
