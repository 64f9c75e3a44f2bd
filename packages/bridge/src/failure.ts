/**
 * Why a message got no answer, in our own words. What a stranger's server wrote never becomes such a sentence,
 * because a model may obey it; only a JSON-RPC error is handed on as it came, since forwarding it is the job.
 */

/** Implementation-defined server error (JSON-RPC 2.0 §5.1), used for every failure of the bridge itself. */
export const bridgeErrorCode = -32010
/** MCP 2026-07-28, Streamable HTTP: a header does not agree with the body. */
export const headerMismatchCode = -32020

export type FailureKind =
  | 'cancelled'
  /** No connection: the message was not sent, or it is unknown whether it arrived. */
  | 'unreachable'
  /** The connection ended while an answer was awaited. */
  | 'broken'
  /** The other side ended its answer without having answered. */
  | 'no_answer'
  | 'session_lost'
  /** There is no owner of local memory, and none could be started. */
  | 'not_started'
  | 'unauthenticated'
  | 'forbidden'
  | 'rate_limited'
  | 'unavailable'
  | 'refused'
  | 'redirected'
  | 'misconfigured'
  /** A JSON-RPC error of the server, in `rpcError`. */
  | 'rpc'

export interface RpcError {
  code: number
  message: string
  data?: unknown
}

export class BridgeFailure extends Error {
  readonly kind: FailureKind
  readonly rpcError: RpcError

  constructor(kind: FailureKind, message: string, more: { data?: object; cause?: unknown } = {}) {
    super(message, { cause: more.cause })
    this.name = 'BridgeFailure'
    this.kind = kind
    this.rpcError = { code: bridgeErrorCode, message, data: { reason: kind, ...more.data } }
  }
}

/** A JSON-RPC error that came with an HTTP status other than 2xx: handed on, under the id of its request. */
export class RpcFailure extends BridgeFailure {
  override readonly rpcError: RpcError

  constructor(rpcError: RpcError) {
    super('rpc', rpcError.message)
    this.rpcError = rpcError
  }
}

export const cancelled = (): BridgeFailure => new BridgeFailure('cancelled', 'The request was cancelled.')

export const noAnswer = (place: string): BridgeFailure =>
  new BridgeFailure('no_answer', `${place} ended its reply without an answer. Send the request again.`)

/** The connection failed: what `fetch` threw. `place` names the other side for a person. */
export function unreachable(place: string, error: unknown): BridgeFailure {
  const code = networkCode(error)
  const more = { data: code === undefined ? {} : { code }, cause: error }
  const sentence = networkSentences[code ?? ''] ?? certificateSentence(code)
  if (sentence !== undefined) return new BridgeFailure('unreachable', `${place} ${sentence}`, more)
  return new BridgeFailure(
    'unreachable',
    `${place} cannot be reached. Check the address and the network.`,
    more,
  )
}

const networkSentences: Record<string, string> = {
  ECONNREFUSED: 'does not answer: nothing listens there. Start the server, or correct STACKMEMORY_ENDPOINT.',
  ENOTFOUND: 'cannot be found: its host name is unknown. Correct STACKMEMORY_ENDPOINT, or check the network.',
  EAI_AGAIN: 'cannot be found: the name service does not answer. Check the network, then try again.',
  ETIMEDOUT: 'did not answer in time. Check the network, then try again.',
  UND_ERR_CONNECT_TIMEOUT: 'did not answer in time. Check the network, then try again.',
  UND_ERR_HEADERS_TIMEOUT: 'took the request and did not answer in time. Try again.',
  ECONNRESET: 'closed the connection. Try again.',
  UND_ERR_SOCKET: 'closed the connection. Try again.',
}

function certificateSentence(code: string | undefined): string | undefined {
  if (code === undefined || !/CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) return undefined
  return (
    'has a certificate that this computer does not trust. ' +
    'Name the file of its authority in NODE_EXTRA_CA_CERTS, or correct STACKMEMORY_ENDPOINT.'
  )
}

/** The system's or the HTTP client's code for a failed connection, from the error or what caused it. */
export function networkCode(error: unknown): string | undefined {
  for (let each: unknown = error, depth = 0; each instanceof Error && depth < 5; each = each.cause, depth++) {
    if ('code' in each && typeof each.code === 'string') return each.code
    if (each instanceof AggregateError) return networkCode(each.errors[0])
  }
  return undefined
}
