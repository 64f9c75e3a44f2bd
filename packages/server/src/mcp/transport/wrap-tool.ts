/**
 * The error edge of MCP. The protocol library sends the message of any thrown error to the client, so a
 * driver's text (a statement, a path, somebody's data) would reach a model. Every handler is wrapped: only
 * `publicMessage`, which we wrote, gets out; anything else becomes a neutral sentence and one log line.
 */
import {
  type CallToolResult,
  type InputRequiredResult,
  ProtocolError,
  ProtocolErrorCode,
  type ServerContext,
} from '@modelcontextprotocol/server'
import type { Log } from '../../domain/context.ts'
import { type ErrorCode, isDomainError } from '../../domain/errors.ts'

export type ToolResult = CallToolResult | InputRequiredResult

/** Id of the HTTP request that carries this call; the caller sees it in `x-request-id`. */
export function requestIdOf(ctx: ServerContext): string {
  return ctx.http?.req?.headers.get('x-request-id') ?? 'unknown'
}

/**
 * Wraps a tool handler: failures become an `isError` result with a sentence, the code and the request id.
 * A tool without arguments declares an empty input schema, so that it too gets `(args, ctx)`.
 */
export function wrapTool<Args>(
  handler: (args: Args, ctx: ServerContext) => ToolResult | Promise<ToolResult>,
  log: Log,
): (args: Args, ctx: ServerContext) => Promise<ToolResult> {
  return async (args, ctx) => {
    try {
      return await handler(args, ctx)
    } catch (error) {
      const failure = describeFailure(error, ctx, log)
      const text = `${failure.message}\n\n(code: ${failure.code}, request: ${failure.requestId})`
      return { content: [{ type: 'text', text }], isError: true }
    }
  }
}

/** Wraps a resource, prompt or completion handler: failures become a JSON-RPC error of the same wording. */
export function wrapRequest<Params extends unknown[], Result>(
  handler: (...params: Params) => Result | Promise<Result>,
  log: Log,
): (...params: Params) => Promise<Result> {
  return async (...params) => {
    try {
      return await handler(...params)
    } catch (error) {
      const { code, message, requestId, details } = describeFailure(error, contextOf(params), log)
      const data = { code, requestId, ...(details && { details }) }
      throw new ProtocolError(rpcCodes[code], message, data)
    }
  }
}

// Resources: an unknown URI is "invalid params" (MCP 2026-07-28, Resources, error handling).
const rpcCodes: Record<ErrorCode, number> = {
  invalid_input: ProtocolErrorCode.InvalidParams,
  not_found: ProtocolErrorCode.InvalidParams,
  conflict: ProtocolErrorCode.InvalidParams,
  payload_too_large: ProtocolErrorCode.InvalidParams,
  unauthenticated: ProtocolErrorCode.InvalidRequest,
  forbidden: ProtocolErrorCode.InvalidRequest,
  quota_exceeded: ProtocolErrorCode.InvalidRequest,
  rate_limited: ProtocolErrorCode.InvalidRequest,
  cancelled: ProtocolErrorCode.InternalError,
  unavailable: ProtocolErrorCode.InternalError,
  internal: ProtocolErrorCode.InternalError,
}

interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly requestId: string
  readonly details?: Readonly<Record<string, unknown>>
}

function describeFailure(error: unknown, ctx: ServerContext | undefined, log: Log): Failure {
  const requestId = ctx === undefined ? 'unknown' : requestIdOf(ctx)
  if (isDomainError(error)) {
    if (error.code === 'internal') log.error({ err: error, requestId }, 'mcp handler failed')
    return { code: error.code, message: error.publicMessage, requestId, details: error.details }
  }
  // The caller has gone: whatever the interrupted work threw is not a defect.
  if (ctx?.mcpReq.signal.aborted === true) {
    log.debug({ err: error, requestId }, 'mcp handler cancelled')
    return { code: 'cancelled', message: 'The request was cancelled before it finished.', requestId }
  }
  log.error({ err: error, requestId }, 'mcp handler failed')
  const message = 'Something went wrong inside the server. Try again; if it stays, report the request id.'
  return { code: 'internal', message, requestId }
}

/** The library passes the context last: after the arguments, after the URI, after template variables. */
const contextOf = (params: readonly unknown[]): ServerContext | undefined => params.findLast(isServerContext)

const isServerContext = (value: unknown): value is ServerContext =>
  typeof value === 'object' && value !== null && 'mcpReq' in value
