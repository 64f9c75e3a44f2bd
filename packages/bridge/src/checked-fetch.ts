/**
 * The checks between the transport and the network: no redirect is followed, and an answer with an error status
 * becomes a failure in our words, unless it carries a JSON-RPC error, which is handed on. 401 and an insufficient
 * scope pass through while somebody can authorise: the transport asks them.
 */
import { BridgeFailure, RpcFailure, cancelled, unreachable } from './failure.ts'
import type { RouteFetch } from './route.ts'

export interface CheckedFetchOptions {
  readonly fetch: RouteFetch
  /** "The server at https://…" */
  readonly place: string
  /** Whether the transport shall see 401 and 403. */
  readonly authorizes: boolean
  /** What to do about a 401: names the variable. */
  readonly unauthenticated: string
}

/** Bytes of an error answer that are read. */
const errorBytesMax = 256 * 1024

export function createCheckedFetch(options: CheckedFetchOptions): RouteFetch {
  return async (url, init) => {
    let response: Response
    try {
      response = await options.fetch(url, { ...init, redirect: 'manual' })
    } catch (error) {
      if (init?.signal?.aborted) throw cancelled()
      throw error instanceof BridgeFailure ? error : unreachable(options.place, error)
    }
    // 405 says that there is no stream (GET) or that sessions cannot be ended (DELETE).
    if (response.ok || (response.status === 405 && init?.method !== 'POST')) return response
    if (options.authorizes && isChallenge(response)) return response
    throw await failureOf(response, init, options)
  }
}

/** RFC 6750 §3: what a new token could help with. */
function isChallenge({ status, headers }: Response): boolean {
  const scope = /\berror="?insufficient_scope\b/.test(headers.get('www-authenticate') ?? '')
  return status === 401 || (status === 403 && scope)
}

async function failureOf(
  response: Response,
  init: RequestInit | undefined,
  { place, unauthenticated }: CheckedFetchOptions,
): Promise<BridgeFailure> {
  const { status, headers } = response
  const text = await readAtMost(response, errorBytesMax)
  const hasSession = new Headers(init?.headers).has('mcp-session-id')
  // Streamable HTTP, "Session Management": the client must start a new session.
  if (status === 404 && hasSession) {
    return new BridgeFailure('session_lost', `${place} has ended the session. Connect again.`)
  }
  if (status === 401) return new BridgeFailure('unauthenticated', `${place} ${unauthenticated}`)
  const retryAfterSeconds = secondsOf(headers.get('retry-after'))
  const rpcError = rpcErrorOf(text)
  if (rpcError) {
    const data = rpcError.data ?? (retryAfterSeconds === undefined ? undefined : { retryAfterSeconds })
    return new RpcFailure(data === undefined ? rpcError : { ...rpcError, data })
  }
  const again = retryAfterSeconds === undefined ? 'Try again later' : `Try again in ${retryAfterSeconds} s`
  const data = { status, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) }
  const failure = (kind: BridgeFailure['kind'], sentence: string) =>
    new BridgeFailure(kind, `${place} ${sentence}`, { data })
  if (status === 403)
    return failure('forbidden', 'does not allow this to the key in use. Use a key that may.')
  if (status === 429) return failure('rate_limited', `gets too many requests from here. ${again}.`)
  if (status >= 500) return failure('unavailable', `has a problem of its own (HTTP ${status}). ${again}.`)
  if (status >= 300 && status < 400) {
    const advice = 'Set STACKMEMORY_ENDPOINT to the final address of the MCP endpoint, if you trust it.'
    return failure('redirected', `answers with a redirect, which is not followed. ${advice}`)
  }
  if (status === 404)
    return failure('refused', 'has no MCP endpoint at this address. Correct STACKMEMORY_ENDPOINT.')
  if (status === 413) return failure('refused', 'says that this message is too large. Send less at once.')
  return failure('refused', `refused the message (HTTP ${status}). Check that it is an MCP endpoint.`)
}

/** RFC 9110 §10.2.3: seconds or a date. */
function secondsOf(value: string | null): number | undefined {
  if (value === null) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value)
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000))
}

function rpcErrorOf(text: string): { code: number; message: string; data?: unknown } | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null || !('jsonrpc' in parsed) || !('error' in parsed))
      return undefined
    const { error } = parsed
    if (typeof error !== 'object' || error === null || !('code' in error) || !('message' in error))
      return undefined
    const { code, message } = error
    if (!Number.isInteger(code) || typeof message !== 'string') return undefined
    return { code: Number(code), message, ...('data' in error && { data: error.data }) }
  } catch {
    return undefined
  }
}

/** What comes after the limit is dropped: such a text is no JSON-RPC error of a server that means well. */
async function readAtMost(response: Response, bytesMax: number): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const part of response.body ?? []) {
      parts.push(part)
      if ((bytes += part.byteLength) > bytesMax) break
    }
  } catch {
    // The status alone says enough.
  }
  return Buffer.concat(parts).toString('utf8')
}
