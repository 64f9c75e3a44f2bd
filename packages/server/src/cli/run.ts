import { CommanderError } from 'commander'
import { exitCodes, type Io } from './io.ts'
import { createProgram } from './program.ts'
import { isClosedPipe, reportFailure } from './report-failure.ts'

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
    reportFailure(error, io)
  }
}
