import { isDomainError, type ErrorCode } from '../domain/errors.ts'
import { CommandFailure, exitCodes, warn, type Io } from './io.ts'
import { safeText } from './terminal-text.ts'

const exitCodeOf = (code: ErrorCode): number => {
  switch (code) {
    case 'invalid_input': // commands turn what is wrong with their input into a failure of their own
      return exitCodes.configuration
    case 'conflict':
      return exitCodes.conflict
    case 'unavailable':
    case 'rate_limited':
    case 'quota_exceeded':
      return exitCodes.unavailable
    case 'unauthenticated':
    case 'forbidden':
    case 'not_found':
    case 'payload_too_large':
    case 'cancelled':
    case 'internal':
      return exitCodes.failure
  }
}

/** Says to a person why a command failed, and sets the exit code that says what kind of failure it was. */
export const reportFailure = (error: unknown, io: Io): void => {
  if (isClosedPipe(error)) return
  if (error instanceof CommandFailure) {
    warn(io, `stackmemory: ${safeText(error.message)}`)
    return io.setExitCode(error.exitCode)
  }
  if (isDomainError(error)) {
    warn(io, `stackmemory: ${safeText(error.publicMessage)}`)
    return io.setExitCode(exitCodeOf(error.code))
  }
  warn(
    io,
    `stackmemory: something unexpected happened. ${safeText(error instanceof Error ? (error.stack ?? error.message) : String(error))}`,
  )
  io.setExitCode(exitCodes.failure)
}

export const isClosedPipe = (error: unknown) => (error as { code?: unknown } | null)?.code === 'EPIPE'
