/** RFC 9457 problem details: how a failure looks on every HTTP route that is not an MCP message. */
import type { ErrorCode } from '../domain/errors.ts'

const statuses: Record<ErrorCode, number> = {
  invalid_input: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  payload_too_large: 413,
  quota_exceeded: 429,
  rate_limited: 429,
  cancelled: 499,
  unavailable: 503,
  internal: 500,
}

export const httpStatusOf = (code: ErrorCode): number => statuses[code]

const titles: Record<ErrorCode, string> = {
  invalid_input: 'Invalid input',
  unauthenticated: 'Authentication required',
  forbidden: 'Forbidden',
  not_found: 'Not found',
  conflict: 'Conflict',
  payload_too_large: 'Payload too large',
  quota_exceeded: 'Quota exceeded',
  rate_limited: 'Too many requests',
  cancelled: 'Cancelled',
  unavailable: 'Unavailable',
  internal: 'Internal error',
}

export interface Problem {
  readonly code: ErrorCode
  /** Text that we wrote; it says what to do next. */
  readonly detail: string
  readonly requestId: string
  /** Overrides the status that belongs to the code, for example 415. */
  readonly status?: number
  readonly headers?: Record<string, string>
}

export function problemResponse(problem: Problem): Response {
  const status = problem.status ?? httpStatusOf(problem.code)
  const body = {
    type: 'about:blank',
    title: titles[problem.code],
    status,
    detail: problem.detail,
    code: problem.code,
    requestId: problem.requestId,
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...problem.headers },
  })
}
