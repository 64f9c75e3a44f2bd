import { CommanderError } from 'commander'
import { isDomainError, type ErrorCode } from '../domain/errors.ts'
import { CommandFailure, exitCodes, warn, type Io } from './io.ts'
import { createProgram } from './program.ts'

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

/** Runs one command line. Sentences for a person go to stderr; the exit code says what kind of failure it was. */
export const run = async (argv: readonly string[], io: Io): Promise<void> => {
  // `| head` closes the pipe before we are done: not an error. Whoever writes much notices it by itself.
  for (const stream of [io.stdout, io.stderr])
    stream.on('error', (error) => {
      if (!isClosedPipe(error)) io.setExitCode(exitCodes.failure)
    })
  try {
    await createProgram(io).parseAsync([...argv])
  } catch (error) {
    if (error instanceof CommanderError)
      return io.setExitCode(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage)
    if (isClosedPipe(error)) return
    if (error instanceof CommandFailure) {
      warn(io, `stackmemory: ${error.message}`)
      return io.setExitCode(error.exitCode)
    }
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

const isClosedPipe = (error: unknown) => (error as { code?: unknown } | null)?.code === 'EPIPE'
