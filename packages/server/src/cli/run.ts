import { CommanderError } from 'commander'
import { isDomainError, type ErrorCode } from '../domain/errors.ts'
import { exitCodes, warn, type Io } from './io.ts'
import { createProgram } from './program.ts'

const exitCodeOf = (code: ErrorCode): number => {
  switch (code) {
    case 'invalid_input':
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

/** Runs one command line. Sentences for a person go to stderr; the exit code says what kind of failure it was. */
export const run = async (argv: readonly string[], io: Io): Promise<void> => {
  try {
    await createProgram(io).parseAsync([...argv])
  } catch (error) {
    if (error instanceof CommanderError)
      return io.setExitCode(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage)
    if (isDomainError(error)) {
      warn(io, `stackmemory: ${error.publicMessage}`)
      return io.setExitCode(exitCodeOf(error.code))
    }
    warn(
      io,
      `stackmemory: something unexpected happened. ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    )
    io.setExitCode(exitCodes.failure)
  }
}
