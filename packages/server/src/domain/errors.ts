/**
 * The one table of error codes. Every edge renders it with an exhaustive switch, so a new code is a
 * compile error until each edge has said how it looks there.
 *
 * `publicMessage` is always text that we wrote: never database text, another user's text or a third
 * party's text, because a model reads it and may obey it. It says what to do next and never suggests a
 * destructive step.
 */
export const errorCodes = [
  'invalid_input',
  'unauthenticated',
  'forbidden',
  'not_found',
  'conflict',
  'payload_too_large',
  'quota_exceeded',
  'rate_limited',
  'cancelled',
  'unavailable',
  'internal',
] as const

export type ErrorCode = (typeof errorCodes)[number]

export class DomainError extends Error {
  readonly code: ErrorCode
  readonly publicMessage: string
  /** Machine-readable particulars that are safe to show, for example the field that was wrong. */
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(
    code: ErrorCode,
    publicMessage: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(publicMessage, { cause: options.cause })
    this.name = 'DomainError'
    this.code = code
    this.publicMessage = publicMessage
    this.details = options.details
  }
}

export const invalidInput = (message: string, details?: Record<string, unknown>) =>
  new DomainError('invalid_input', message, { details })

export const notFound = (message: string, details?: Record<string, unknown>) =>
  new DomainError('not_found', message, { details })

export const forbidden = (message: string, details?: Record<string, unknown>) =>
  new DomainError('forbidden', message, { details })

export const conflict = (message: string, details?: Record<string, unknown>) =>
  new DomainError('conflict', message, { details })

export const cancelled = (cause?: unknown) =>
  new DomainError('cancelled', 'The request was cancelled before it finished; nothing was changed.', {
    cause,
  })

export const unavailable = (message: string, cause?: unknown) =>
  new DomainError('unavailable', message, { cause })

export const isDomainError = (error: unknown): error is DomainError => error instanceof DomainError
