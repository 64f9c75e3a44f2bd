import type { Log } from '../domain/context.ts'
import type { Env } from '../env.ts'
import type { OpenDatabase } from '../open-database.ts'

/** The database that this process has open as its owner, for commands that run inside it. */
export interface OpenedMemory {
  readonly env: Env
  readonly database: OpenDatabase
  readonly log: Log
}
