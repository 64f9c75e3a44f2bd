/**
 * One connection to the service: the official transport, and for each request a promise of its answer. The
 * transport reports much of what goes wrong on the side (`onerror`, a stream that ends); here all of it ends in
 * the one promise of the request that it concerns.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type AuthProvider,
  InsufficientScopeError,
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  type JSONRPCResponse,
  type OAuthClientProvider,
  type RequestId,
  SdkError,
  SdkHttpError,
  StreamableHTTPClientTransport,
  type Transport,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { createCheckedFetch } from './checked-fetch.ts'
import { BridgeFailure, cancelled, noAnswer, unreachable } from './failure.ts'
import type { Route } from './route.ts'

/** Who supplies tokens. An OAuth provider is asked again on 401; a plain one only holds a key. */
export type Authorization = AuthProvider | OAuthClientProvider

export interface ConnectionOptions {
  readonly route: Route
  readonly place: string
  readonly authorization?: Authorization | undefined
  /** What a person does about a 401: a sentence without its subject. */
  readonly unauthenticated: string
  readonly headers: Record<string, string>
  /** Requests and notifications of the server. */
  readonly onMessage: (message: JSONRPCMessage) => void
  readonly log: (line: string) => void
}

export interface Connection {
  /** Rejects with a BridgeFailure. Aborting `signal` ends the stream of this request alone. */
  request(message: JSONRPCRequest, more: RequestOptions): Promise<JSONRPCResponse>
  /** Sends what has no answer: a notification, or an answer to a request of the server. */
  post(message: JSONRPCNotification | JSONRPCResponse): Promise<void>
  setProtocolVersion(version: string): void
  /** Aborted once the connection is of no use any more: closed, its session gone, or its other side. */
  readonly lost: AbortSignal
  /** Fails what is awaited. With `endSession` the session is ended first, which takes `endSessionMsMax` at most. */
  close(more?: { endSession?: boolean }): Promise<void>
}

export interface RequestOptions {
  readonly headers: Record<string, string>
  readonly signal: AbortSignal
}

const endSessionMsMax = 400
/** Attempts to take up the stream of one request again; then it gets an error. */
const resumeFailuresMax = 3
/** The session's own stream is taken up again for as long as the connection is in use. */
const reconnectionOptions = {
  initialReconnectionDelay: 500,
  maxReconnectionDelay: 30_000,
  reconnectionDelayGrowFactor: 2,
  maxRetries: Number.MAX_SAFE_INTEGER,
}

/** What belongs to one request, reachable from the `fetch` calls that the transport makes for it. */
interface Attempt {
  /** The answer comes on a stream: its end, and not the end of `send`, says that none will come. */
  streams: boolean
  resumeFailures: number
  readonly fail: (error: unknown) => void
}

/** A plain holder of a key has nothing to try after a 401. */
const canRenew = (authorization: Authorization | undefined): boolean =>
  authorization !== undefined &&
  ('redirectToAuthorization' in authorization || authorization.onUnauthorized !== undefined)

export async function createConnection(options: ConnectionOptions): Promise<Connection> {
  const { route, place, authorization } = options
  const pending = new Map<
    RequestId,
    { resolve(answer: JSONRPCResponse): void; fail: (error: unknown) => void }
  >()
  const attempts = new AsyncLocalStorage<Attempt | undefined>()
  const lost = new AbortController()
  const lose = (why = new BridgeFailure('broken', `${place} closed the connection.`)) => {
    lost.abort()
    for (const { fail } of pending.values()) fail(why)
  }
  const loseRoute = () => lose()
  const checkedFetch = createCheckedFetch({
    fetch: route.fetch,
    place,
    authorizes: canRenew(authorization),
    unauthenticated: options.unauthenticated,
  })
  const transport = new StreamableHTTPClientTransport(route.url, {
    fetch: async (url, init) => {
      const attempt = attempts.getStore()
      try {
        const response = await checkedFetch(url, init)
        if (attempt)
          attempt.streams = /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')
        return response
      } catch (error) {
        const isGet = init?.method === 'GET'
        if (isGet && error instanceof BridgeFailure && !lost.signal.aborted) options.log(error.message)
        if (isGet && attempt && ++attempt.resumeFailures >= resumeFailuresMax) attempt.fail(error)
        // What else this session was asked will not be answered either.
        if (error instanceof BridgeFailure && error.kind === 'session_lost') lose(error)
        throw error
      }
    },
    authProvider: authorization,
    requestInit: { headers: options.headers },
    reconnectionOptions,
  })
  const listeners: Pick<Transport, 'onmessage' | 'onerror'> = {
    onmessage: (message) => {
      if ('method' in message) return options.onMessage(message)
      const waiting = message.id === undefined ? undefined : pending.get(message.id)
      if (waiting) waiting.resolve(message)
      else options.log('An answer that nobody waits for was dropped.')
    },
    onerror: (error) => {
      // What concerns a request ends in its promise; this is for what has none.
      if (lost.signal.aborted || error instanceof BridgeFailure) return
      options.log(`The connection had a problem (${error.name}).`)
    },
  }
  Object.assign(transport, listeners)
  await transport.start()
  route.lost?.addEventListener('abort', loseRoute, { once: true })
  if (route.lost?.aborted) lose()

  const toFailure = (error: unknown): BridgeFailure => {
    if (error instanceof BridgeFailure) return error
    const status = error instanceof SdkHttpError ? error.status : undefined
    if (error instanceof UnauthorizedError || status === 401) {
      return new BridgeFailure('unauthenticated', `${place} ${options.unauthenticated}`, { cause: error })
    }
    if (error instanceof InsufficientScopeError || status === 403) {
      return new BridgeFailure('forbidden', `${place} wants more rights than were granted.`, { cause: error })
    }
    // An answer of another type than the two that MCP knows, or JSON that is no message.
    if (
      error instanceof SdkError ||
      error instanceof SyntaxError ||
      (error as Error).name.includes('ZodError')
    ) {
      return noAnswer(place)
    }
    return unreachable(place, error)
  }

  return {
    lost: lost.signal,
    setProtocolVersion: (version) => transport.setProtocolVersion(version),
    request: (message, { headers, signal }) =>
      new Promise((resolve, reject) => {
        const stream = new AbortController()
        const done = () => {
          pending.delete(message.id)
          signal.removeEventListener('abort', abort)
        }
        const attempt: Attempt = {
          streams: false,
          resumeFailures: 0,
          fail: (error) => {
            done()
            stream.abort()
            reject(toFailure(error))
          },
        }
        const abort = () => attempt.fail(cancelled())
        if (signal.aborted) return abort()
        if (lost.signal.aborted) return attempt.fail(new BridgeFailure('broken', `${place} is gone.`))
        signal.addEventListener('abort', abort)
        const resolveOnce = (answer: JSONRPCResponse) => {
          done()
          resolve(answer)
        }
        pending.set(message.id, { fail: attempt.fail, resolve: resolveOnce })
        const onRequestStreamEnd = () => attempt.fail(noAnswer(place))
        const more = { headers, requestSignal: stream.signal, onRequestStreamEnd }
        const sent = attempts.run(attempt, async () => transport.send(message, more))
        sent.then(() => attempt.streams || attempt.fail(noAnswer(place)), attempt.fail)
      }),
    post: async (message) => {
      try {
        await attempts.run(undefined, async () => transport.send(message))
      } catch (error) {
        throw toFailure(error)
      }
    },
    close: async ({ endSession = false } = {}) => {
      route.lost?.removeEventListener('abort', loseRoute)
      if (endSession && !lost.signal.aborted) {
        const timeout = new Promise((resolve) => setTimeout(resolve, endSessionMsMax).unref())
        await Promise.race([transport.terminateSession().catch(() => undefined), timeout])
      }
      lose()
      await transport.close()
      route.close()
    },
  }
}
