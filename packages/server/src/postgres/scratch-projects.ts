/** The only statements that delete what was recorded. Their role sees one project, and only a scratch project. */
import { forbidden } from '../domain/errors.ts'
import { sqlState } from './database-error.ts'
import type { Database } from './database.ts'
import { sql } from './statement.ts'

/** All of memory but `project_counters`, which goes last. */
export const scratchTables = [
  'search_entries',
  'idempotency_keys',
  'receipts',
  'task_dependencies',
  'task_versions',
  'digest_versions',
  'digests',
  'anchor_versions',
  'anchors',
  'events',
  'frame_moves',
  'tasks',
  'frames',
  'imports',
]

// One statement, because tables refer to each other in circles: references are checked when it ends.
const deleteMemory = sql<never, readonly [string]>(
  'scratch.delete-memory',
  `with ${scratchTables.map((table) => `deleted_${table} as (delete from ${table} where project_id = $1)`).join(', ')}
   delete from project_counters where project_id = $1`,
)
const deleteProject = sql<{ id: string }, readonly [string]>(
  'scratch.delete-project',
  'delete from projects where id = $1 returning id',
)

/** False when the project is not there, or is not a scratch project. */
export const deleteScratchProject = async (
  database: Database,
  id: string,
  signal: AbortSignal,
): Promise<boolean> => {
  try {
    return await database.transact({ role: 'stackmemory_scratch', projectId: id, signal }, async (tx) => {
      await tx.run(deleteMemory, [id])
      return (await tx.run(deleteProject, [id])).length === 1
    })
  } catch (error) {
    if (sqlState((error as { cause?: unknown }).cause) !== '42501') throw error
    throw forbidden(
      'The user of DATABASE_URL may not enter the role stackmemory_scratch, which removes scratch projects. Grant it to the user: grant stackmemory_scratch to <user>.',
    )
  }
}
