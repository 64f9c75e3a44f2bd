/**
 * The pipe between a client on stdio and the service: JSON-RPC passes unchanged, in both protocol eras. What a
 * host on stdio cannot do itself is done here: headers made of the message, a new session in place of one that the
 * server has forgotten, an answer to every request, and repeating what broke off where nothing can happen twice.
 */
import { randomUUID } from 'node:crypto'
import {
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  type JSONRPCResponse,
  type RequestId,
  isJSONRPCErrorResponse,
} from '@modelcontextprotocol/client'
import { type Authorization, type Connection, createConnection } from './connection.ts'
import { BridgeFailure, RpcFailure, cancelled, headerMismatchCode } from './failure.ts'
import { type LegacySession, isModern, restoreSession, trackSession } from './legacy-session.ts'
import { createParamHeaders } from './param-headers.ts'
import type { RouteSource } from './route.ts'

/** The side of the client: `StdioServerTransport`. */
export interface HostTransport {
  onmessage?: ((message: JSONRPCMessage) => void) | undefined
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined
  start(): Promise<void>
  send(message: JSONRPCMessage): Promise<void>
  close(): Promise<void>
}

export interface PipeOptions {
  readonly host: HostTransport
  readonly source: RouteSource
  /** The seam for authorization: a holder of a key today, an OAuth provider when there is one. */
  readonly authorization?: Authorization | undefined
  /** What a person does about a 401: a sentence without its subject. */
  readonly unauthenticated: string
  /** Sent with every message. */
  readonly headers?: Record<string, string>
  /** One line for a person; never content, never a key. */
  readonly log: (line: string) => void
}

export interface Pipe {
  start(): Promise<void>
  /** Ends the session and all that is under way. Takes half a second at most. */
  close(): Promise<void>
  /** Resolves when the client has gone. */
  readonly closed: Promise<void>
}

interface InFlight {
  readonly request: JSONRPCRequest
  readonly abort: AbortController
  readonly startedAt: number
  /** The same on every repeat, so that the service does nothing twice. */
  readonly idempotencyKey: string | undefined
  repeats: number
}

/** Pauses before the repeats; the last one stays. The first is short: most often another owner answers at once. */
const repeatDelaysMs = [0, 50, 100, 200, 400]
/** Over the network a message is repeated this often. */
const remoteRepeatsMax = 1
const remoteRepeatDelayMs = 250
/** Pages of a tool list that are read to learn the headers of one tool. */
const toolPagesMax = 64

export function createPipe(options: PipeOptions): Pipe {
  const { host, source, log } = options
  const inFlight = new Map<RequestId, InFlight>()
  /** Requests of the server that the client has not answered. */
  const asked = new Set<RequestId>()
  const params = createParamHeaders(log)
  const stopped = new AbortController()
  let session: LegacySession | undefined
  let current: Promise<Connection> | undefined

  const toHost = (message: JSONRPCMessage): void => {
    host.send(message).catch(() => log('The client no longer reads.'))
  }

  const onServerMessage = (message: JSONRPCMessage): void => {
    if ('method' in message && 'id' in message) asked.add(message.id)
    toHost(message)
  }

  async function open(): Promise<Connection> {
    const route = await source.open(stopped.signal)
    const connection = await createConnection({
      ...options,
      route,
      place: source.place,
      headers: options.headers ?? {},
      onMessage: onServerMessage,
    })
    if (session === undefined) return connection
    try {
      for (const notification of await restoreSession(connection, session, stopped.signal))
        toHost(notification)
      return connection
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  /** The connection in use; one is opened when there is none, or when it was lost. */
  async function connected(): Promise<Connection> {
    const opening = (current ??= open())
    try {
      const connection = await opening
      if (!connection.lost.aborted) return connection
      discard(opening)
      await connection.close()
      return await connected()
    } catch (error) {
      discard(opening)
      throw error
    }
  }

  function discard(opening: Promise<Connection>): void {
    if (current !== opening) return
    current = undefined
    // The server that asked is gone; its questions must not stay open, nor be answered to another.
    for (const requestId of asked) {
      toHost({
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId, reason: 'The server is gone.' },
      })
    }
    asked.clear()
  }

  async function answerOf(entry: InFlight): Promise<JSONRPCResponse> {
    for (;;) {
      try {
        const connection = await connected()
        return await ask(connection, entry)
      } catch (error) {
        if (!(error instanceof BridgeFailure)) throw error
        const delayMs = repeatDelay(entry, error)
        if (delayMs === undefined) throw error
        entry.repeats++
        await pause(delayMs, entry.abort.signal)
      }
    }
  }

  /** How long to wait before a repeat; undefined when there is none. */
  function repeatDelay({ repeats, startedAt }: InFlight, { kind }: BridgeFailure): number | undefined {
    if (stopped.signal.aborted) return undefined
    if (source.repeatForMs > 0) {
      const broke = ['unreachable', 'broken', 'no_answer', 'session_lost', 'unavailable'].includes(kind)
      const isInTime = Date.now() - startedAt < source.repeatForMs
      return broke && isInTime ? repeatDelaysMs[Math.min(repeats, repeatDelaysMs.length - 1)] : undefined
    }
    if (repeats >= remoteRepeatsMax) return undefined
    if (kind === 'session_lost') return 0
    return kind === 'unreachable' ? remoteRepeatDelayMs : undefined
  }

  async function ask(connection: Connection, entry: InFlight): Promise<JSONRPCResponse> {
    const { request, abort, idempotencyKey } = entry
    const attempt = async () => {
      const headers = {
        ...(isModern(request) && request.method === 'tools/call' && params.headersFor(request.params)),
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      }
      return inBand(connection.request(request, { headers, signal: abort.signal }), request.id)
    }
    let answer = await attempt()
    if (isHeaderMismatch(answer) && request.method === 'tools/call' && isModern(request)) {
      // The client remembers a tool list from before this process; the headers are to be learnt first.
      await learnTools(connection, request, abort.signal)
      answer = await attempt()
    }
    if ('result' in answer && request.method === 'tools/list' && isModern(request))
      params.learn(answer.result)
    if ('result' in answer && !isModern(request)) {
      session = trackSession(session, request, answer.result)
      if (request.method === 'initialize' && session) connection.setProtocolVersion(session.version)
    }
    return answer
  }

  async function learnTools(
    connection: Connection,
    like: JSONRPCRequest,
    signal: AbortSignal,
  ): Promise<void> {
    const meta = like.params?.['_meta']
    let cursor: unknown
    for (let page = 0; page < toolPagesMax; page++) {
      const id = `stackmemory-bridge-${randomUUID()}`
      const request = {
        jsonrpc: '2.0' as const,
        id,
        method: 'tools/list',
        params: { _meta: meta, ...(typeof cursor === 'string' && { cursor }) },
      } as JSONRPCRequest
      const answer = await inBand(connection.request(request, { headers: {}, signal }), id)
      if (!('result' in answer)) return
      params.learn(answer.result)
      cursor = answer.result['nextCursor']
      if (typeof cursor !== 'string') return
    }
  }

  async function carry(request: JSONRPCRequest): Promise<void> {
    if (inFlight.has(request.id)) return log('A request was dropped: its id is in use by another.')
    const idempotencyKey = request.method === 'tools/call' ? randomUUID() : undefined
    const entry = { request, abort: new AbortController(), startedAt: Date.now(), idempotencyKey, repeats: 0 }
    inFlight.set(request.id, entry)
    try {
      const answer = await answerOf(entry)
      if (!entry.abort.signal.aborted) toHost(answer)
    } catch (error) {
      // A cancelled request is not answered (MCP, "Cancellation").
      if (entry.abort.signal.aborted || stopped.signal.aborted) return
      const failure = error instanceof BridgeFailure ? error : unexpected(error)
      if (failure.kind !== 'cancelled') log(failure.message)
      toHost({ jsonrpc: '2.0', id: request.id, error: failure.rpcError })
    } finally {
      inFlight.delete(request.id)
    }
  }

  /** Notifications, and the client's answers to requests of the server. */
  async function pass(message: JSONRPCNotification | JSONRPCResponse): Promise<void> {
    if (!('method' in message) && message.id !== undefined && !asked.delete(message.id)) return
    if ('method' in message && message.method === 'notifications/cancelled') return cancel(message)
    if ('method' in message && message.method === 'notifications/initialized' && session) session.ready = true
    try {
      const connection = await connected()
      await connection.post(message)
    } catch (error) {
      log(error instanceof BridgeFailure ? error.message : unexpected(error).message)
    }
  }

  /**
   * 2026-07-28: the end of a request's stream is its cancellation. Before: the notification is, and the stream is
   * ended after it, as no answer will come.
   */
  async function cancel(notification: JSONRPCNotification): Promise<void> {
    const entry = inFlight.get(notification.params?.['requestId'] as RequestId)
    if (entry && isModern(entry.request)) return entry.abort.abort()
    if (session === undefined || entry?.request.method === 'initialize') return
    const connection = await current?.catch(() => undefined)
    await connection?.post(notification).catch((error: Error) => log(error.message))
    entry?.abort.abort()
  }

  function unexpected(error: unknown): BridgeFailure {
    log(`Unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    return new BridgeFailure('refused', 'The bridge had an unexpected problem; its log says more. Try again.')
  }

  let hostClosed: () => void = () => undefined
  const closed = new Promise<void>((resolve) => (hostClosed = resolve))
  return {
    closed,
    async start() {
      const listeners: Pick<HostTransport, 'onmessage' | 'onerror' | 'onclose'> = {
        onmessage: (message) => {
          if ('method' in message && 'id' in message) void carry(message)
          else void pass(message)
        },
        onerror: (error) => {
          log(`A message of the client could not be read (${error.name}).`)
          if (isUnreadable(error)) toHost(parseError as unknown as JSONRPCMessage)
        },
        onclose: hostClosed,
      }
      Object.assign(host, listeners)
      await host.start()
    },
    async close() {
      const ending = current
      stopped.abort()
      for (const { abort } of inFlight.values()) abort.abort()
      current = undefined
      const connection = await Promise.race([ending?.catch(() => undefined), pause(100)])
      if (connection) await connection.close({ endSession: session !== undefined })
      await host.close()
    },
  }
}

/** A JSON-RPC error that came with an error status is an answer like any other. */
async function inBand(answer: Promise<JSONRPCResponse>, id: RequestId): Promise<JSONRPCResponse> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof RpcFailure) return { jsonrpc: '2.0', id, error: error.rpcError }
    throw error
  }
}

const isHeaderMismatch = (answer: JSONRPCResponse): boolean =>
  isJSONRPCErrorResponse(answer) && answer.error.code === headerMismatchCode

/** JSON-RPC 2.0 §5: the id is null, as it could not be read. */
const parseError = {
  jsonrpc: '2.0',
  id: null,
  error: { code: -32700, message: 'This line is no JSON-RPC message. Send one message on each line.' },
}

const isUnreadable = (error: Error): boolean =>
  error instanceof SyntaxError || error.name.includes('ZodError')

async function pause(ms: number, signal?: AbortSignal): Promise<undefined> {
  await new Promise<void>((resolve, reject) => {
    if (signal?.aborted) reject(cancelled())
    const timer = setTimeout(() => resolve(), ms)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(cancelled())
    })
  })
  return undefined
}
