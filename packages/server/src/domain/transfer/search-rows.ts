/** From the rows of an export back to search entries, by the same tokeniser that reads the queries. */
import { anchorEntries, digestEntries, eventEntries, frameEntries, taskEntries } from '../index-memory.ts'
import type { Anchor, Digest, Frame, MemoryEvent, Task } from '../memory.ts'
import type { SearchEntry, SearchStore } from '../ports.ts'
import type { TransferRow, TransferTable } from './format.ts'

const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** The row as the domain sees it. It was verified, and the database checked it too. */
const toDomain = (row: TransferRow): unknown =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      camel(name),
      name.endsWith('_at') && typeof value === 'string' ? new Date(value) : value,
    ]),
  )

interface TaskHistory {
  task: Task
  notes: { version: number; note: string; at: Date }[]
}

/** Collects rows in the order of the file and writes what is searched of them. */
export const createSearchRebuild = (search: SearchStore) => {
  const forgottenFrames = new Set<string>()
  const histories = new Map<string, TaskHistory>()

  const entriesOf = (table: TransferTable, row: TransferRow): SearchEntry[] => {
    if (row['deleted_at'] || (forgottenFrames.has(String(row['frame_id'])) && table !== 'anchors')) return []
    switch (table) {
      case 'frames':
        return row['source'] === 'import' ? [] : frameEntries(toDomain(row) as Frame) // see ingest/import-session.ts
      case 'events':
        return eventEntries(toDomain(row) as MemoryEvent)
      case 'digests':
        return digestEntries(toDomain(row) as Digest)
      case 'anchors': {
        // What an anchor says never changes, so it is indexed once, as it was recorded.
        const anchor = toDomain(row) as Anchor
        return anchorEntries({ ...anchor, version: 1, updatedAt: anchor.createdAt })
      }
      case 'imports':
      case 'digest_versions':
      case 'frame_moves':
      case 'tasks':
      case 'anchor_versions':
      case 'task_versions':
      case 'task_dependencies':
        return []
    }
  }

  const remember = (table: TransferTable, row: TransferRow) => {
    if (table === 'frames' && row['deleted_at']) forgottenFrames.add(String(row['id']))
    if (table === 'tasks' && !row['deleted_at'])
      histories.set(String(row['id']), { task: toDomain(row) as Task, notes: [] })
    if (table === 'task_versions')
      histories.get(String(row['task_id']))?.notes.push({
        version: Number(row['version']),
        note: String(row['note']),
        at: new Date(String(row['changed_at'])),
      })
  }

  return {
    async add(table: TransferTable, rows: readonly TransferRow[]) {
      for (const row of rows) remember(table, row)
      await search.insertMany(rows.flatMap((row) => entriesOf(table, row)))
    },
    /** A task is indexed anew whenever its note changed; bundles of earlier moments see the earlier ones. */
    async finish() {
      for (const { task, notes } of histories.values()) {
        const versions = notes.length > 0 ? notes : [{ version: 1, note: task.note, at: task.createdAt }]
        let note: string | undefined
        for (const each of versions) {
          if (each.note === note) continue
          if (note !== undefined) await search.retire(task.id, each.at)
          note = each.note
          await search.insertMany(taskEntries({ ...task, version: each.version, note, updatedAt: each.at }))
        }
      }
    },
  }
}
