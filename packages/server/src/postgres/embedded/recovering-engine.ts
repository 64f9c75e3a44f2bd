import type { PGlite } from '@electric-sql/pglite'
import type { Log } from '../../domain/context.ts'
import { sqlState, toDomainError } from '../database-error.ts'

/*
 * A PANIC ends a PostgreSQL server, which then starts again and recovers from its log. PGlite reports it like any
 * error and goes on with a state that PostgreSQL had given up: when the disk had no room for the next segment of
 * the log, every later statement failed with `cannot drop active portal`, also after there was room again, and a
 * commit that had been refused was still in the buffers, to be written with the next one.
 *
 * So after a PANIC nothing reaches that engine any more. Its connection ends, and the next one first opens the
 * same files with a new engine, which recovers what was acknowledged and nothing else.
 */

/** What the adapter of node-postgres uses of an engine. */
export type ProtocolEngine = Pick<PGlite, 'execProtocolStream' | 'waitReady'>

export interface OpenedEngine {
  readonly engine: PGlite
  /** Gives back what the engine holds of the operating system, without letting it write. */
  abandon(): void
}

export interface RecoveringEngine extends ProtocolEngine {
  /** Opens the files again when the engine panicked; does nothing otherwise. */
  recover(): Promise<void>
  close(): Promise<void>
}

/** SQLSTATE crash_shutdown: what connections to a server would be told. */
const crashShutdown = '57P02'
/** Opening takes a second or two of the process's time, so callers cannot make it be tried all the time. */
const retryAfterMs = 1_000

/** Runs an engine, and opens it again after a PANIC. */
export async function openRecovering(open: () => Promise<OpenedEngine>, log: Log): Promise<RecoveringEngine> {
  let current: OpenedEngine | undefined = await open()
  let failure: { error: unknown; atMs: number } | undefined
  let opening: Promise<void> | undefined

  const reopen = async () => {
    try {
      current = await open()
      failure = undefined
      log.info({}, 'the embedded database was opened again')
    } catch (error) {
      failure = { error: toldWhileServing(error), atMs: performance.now() }
      throw failure.error
    } finally {
      opening = undefined
    }
  }
  return {
    waitReady: Promise.resolve(),
    async execProtocolStream(message, options) {
      const used = current
      if (used === undefined)
        throw Object.assign(new Error('the embedded engine stopped'), { code: crashShutdown })
      const answers = await used.engine.execProtocolStream(message, options)
      if (answers.some(isPanic) && current === used) {
        current = undefined
        log.error(
          { err: answers.find(isPanic) },
          'the embedded database stopped; the next call opens it again',
        )
        used.abandon()
      }
      return answers
    },
    async recover() {
      if (current !== undefined) return
      if (failure !== undefined && performance.now() - failure.atMs < retryAfterMs) throw failure.error
      await (opening ??= reopen())
    },
    async close() {
      await current?.engine.close()
    },
  }
}

/** The sentences of a start name the directory and say to start again: right for its owner, not for a client. */
const toldWhileServing = (error: unknown) => {
  const cause = error instanceof Error ? error.cause : undefined
  return sqlState(cause) === undefined ? error : toDomainError(cause, new AbortController().signal)
}

const isPanic = (answer: object) => 'severity' in answer && answer.severity === 'PANIC'
