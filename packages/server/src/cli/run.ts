import { setTimeout as sleep } from 'node:timers/promises'
import { CommanderError } from 'commander'
import { unavailable } from '../domain/errors.ts'
import { exitCodes, type Io } from './io.ts'
import { createProgram } from './program.ts'
import { isClosedPipe, reportFailure } from './report-failure.ts'
import { OwnedElsewhere, runInOwner } from './run-in-owner.ts'

/** Runs one command line. Sentences for a person go to stderr; the exit code says what kind of failure it was. */
export const run = async (argv: readonly string[], io: Io): Promise<void> => {
  // `| head` closes the pipe before we are done: not an error. Whoever writes much notices it by itself.
  for (const stream of [io.stdout, io.stderr])
    stream.on('error', (error) => {
      if (!isClosedPipe(error)) io.setExitCode(exitCodes.failure)
    })
  for (const startedAt = performance.now(); ;) {
    try {
      await createProgram(io).parseAsync([...argv])
      return
    } catch (error) {
      if (error instanceof CommanderError)
        return io.setExitCode(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage)
      if (!(error instanceof OwnedElsewhere)) return reportFailure(error, io)
      if (await runThere(error, argv.slice(2), io)) return
      // The owner is starting or ending: the next attempt finds it, or the directory free.
      if (performance.now() - startedAt > ownerWaitMs) return reportFailure(ownerSilent(), io)
      await sleep(ownerPollMs)
    }
  }
}

const ownerWaitMs = 30_000
const ownerPollMs = 100

const runThere = async ({ address }: OwnedElsewhere, argv: readonly string[], io: Io): Promise<boolean> => {
  try {
    return address !== undefined && (await runInOwner(address, argv, io))
  } catch (error) {
    reportFailure(error, io)
    return true
  }
}

const ownerSilent = () =>
  unavailable(
    'The process that has the data directory open does not answer. See "stackmemory doctor", then try again.',
  )
