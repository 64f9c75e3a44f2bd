import type { Log } from '../../domain/context.ts'
import { isDomainError } from '../../domain/errors.ts'
import { member } from './client-info.ts'
import type { McpCall } from './types.ts'

/** The id to echo: that of a single request whose id could be read, otherwise null (JSON-RPC 2.0 §5). */
export function echoableId(body: unknown): string | number | null {
  const id = member(body, 'id')
  return typeof member(body, 'method') === 'string' && (typeof id === 'string' || typeof id === 'number')
    ? id
    : null
}

export interface RpcFailure {
  readonly status: number
  readonly code: number
  readonly message: string
  readonly headers?: Record<string, string>
}

export function rpcErrorResponse(body: unknown, failure: RpcFailure): Response {
  const { status, code, message, headers } = failure
  return Response.json(
    { jsonrpc: '2.0', id: echoableId(body), error: { code, message } },
    { status, headers },
  )
}

/** The product could not build a server for this call: our sentence if it has one, otherwise a neutral one. */
export function factoryFailureResponse(call: McpCall, error: unknown, log: Log): Response {
  const { body, requestId } = call
  if (isDomainError(error) && error.code !== 'internal') {
    const status = error.code === 'unavailable' ? 503 : 200
    return rpcErrorResponse(body, {
      status,
      code: -32603,
      message: `${error.publicMessage} (request: ${requestId})`,
    })
  }
  log.error({ err: error, requestId }, 'creating an mcp server failed')
  const message = `Something went wrong inside the server. Try again; if it stays, report the request id ${requestId}.`
  return rpcErrorResponse(body, { status: 500, code: -32603, message })
}
