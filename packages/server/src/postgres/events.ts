import type { MemoryEvent } from '../domain/memory.ts'
import type { EventStore } from '../domain/ports.ts'
import { insertFromJson, selectList, toJsonRows } from './columns.ts'
import type { Transaction } from './database.ts'
import { sql } from './statement.ts'

const fields = [
  'id',
  'frameId',
  'seq',
  'kind',
  'role',
  'actor',
  'tool',
  'content',
  'data',
  'files',
  'isError',
  'authorId',
  'authorName',
  'clientName',
  'source',
  'externalKey',
  'importId',
  'occurredAt',
  'createdAt',
  'deletedAt',
] as const
const columns = selectList(fields)
const columnsOfE = selectList(fields, 'e')

const insert = sql<never, readonly [string, string]>('events.insert', insertFromJson('events', fields))
const findMany = sql<MemoryEvent, readonly [string, readonly string[]]>(
  'events.find-many',
  `select ${columns} from events where project_id = $1 and id = any ($2::uuid[]) and deleted_at is null`,
)
const findByRef = sql<MemoryEvent, readonly [string, number, number]>(
  'events.find-by-ref',
  `select ${columnsOfE} from events e join frames f on f.project_id = $1 and f.id = e.frame_id
   where e.project_id = $1 and f.ref_no = $2 and e.seq = $3 and e.deleted_at is null and f.deleted_at is null`,
)
const findAt = sql<MemoryEvent, readonly [string, readonly string[], readonly number[]]>(
  'events.find-at',
  `select ${columnsOfE} from unnest($2::uuid[], $3::int[]) as place (frame_id, seq)
   join events e on e.project_id = $1 and e.frame_id = place.frame_id and e.seq = place.seq
   where e.deleted_at is null`,
)
const timeline = sql<MemoryEvent, readonly [string, string, number, number, number]>(
  'events.timeline',
  `select ${columns} from events
   where project_id = $1 and frame_id = $2 and seq between $3 and $4 and deleted_at is null
   order by seq limit $5`,
)
const recent = sql<MemoryEvent, readonly [string, string, number, Date | null]>(
  'events.recent',
  `select ${columns} from events
   where project_id = $1 and frame_id = $2 and deleted_at is null and ($4::timestamptz is null or created_at <= $4)
   order by seq desc limit $3`,
)
const knownExternalKeys = sql<{ key: string }, readonly [string, readonly string[]]>(
  'events.known-external-keys',
  `select external_key as key from events where project_id = $1 and external_key = any ($2::text[])`,
)
const countByKind = sql<
  { kind: string; count: number; firstAt: Date; lastAt: Date },
  readonly [string, readonly string[]]
>(
  'events.count-by-kind',
  `select kind, count(*)::int as count, min(occurred_at) as "firstAt", max(occurred_at) as "lastAt"
   from events where project_id = $1 and frame_id = any ($2::uuid[]) and deleted_at is null group by kind order by kind`,
)
const touchedFiles = sql<{ file: string }, readonly [string, readonly string[]]>(
  'events.touched-files',
  `select file from events, unnest(files) as file
   where project_id = $1 and frame_id = any ($2::uuid[]) and deleted_at is null
   group by file order by count(*) desc, file limit 100`,
)
const errorTexts = sql<{ text: string; count: number }, readonly [string, readonly string[]]>(
  'events.error-texts',
  `select left(split_part(btrim(content), E'\\n', 1), 300) as text, count(*)::int as count
   from events where project_id = $1 and frame_id = any ($2::uuid[]) and is_error and deleted_at is null
   group by 1 order by count(*) desc, max(occurred_at) desc limit 10`,
)
const forget = sql<never, readonly [string, string, Date]>(
  'events.forget',
  `update events set deleted_at = $3 where project_id = $1 and id = $2`,
)

export const createEventStore = (tx: Transaction, projectId: string): EventStore => ({
  insertMany: async (events) => {
    if (events.length) await tx.run(insert, [projectId, toJsonRows(fields, events)])
  },
  findMany: async (ids) => (ids.length ? tx.run(findMany, [projectId, ids]) : []),
  find: async (ref) =>
    'id' in ref
      ? (await tx.run(findMany, [projectId, [ref.id]]))[0]
      : (await tx.run(findByRef, [projectId, ref.frameRefNo, ref.seq]))[0],
  findAt: async (places) =>
    places.length
      ? tx.run(findAt, [projectId, places.map((place) => place.frameId), places.map((place) => place.seq)])
      : [],
  timeline: async (frameId, fromSeq, toSeq, limit) =>
    tx.run(timeline, [projectId, frameId, fromSeq, toSeq, limit]),
  recent: async (frameId, limit, asOf) => tx.run(recent, [projectId, frameId, limit, asOf]),
  knownExternalKeys: async (keys) =>
    keys.length ? (await tx.run(knownExternalKeys, [projectId, keys])).map((row) => row.key) : [],
  async summarise(frameIds) {
    const [kinds, files, errors] = await Promise.all([
      tx.run(countByKind, [projectId, frameIds]),
      tx.run(touchedFiles, [projectId, frameIds]),
      tx.run(errorTexts, [projectId, frameIds]),
    ])
    const times = kinds.flatMap((row) => [row.firstAt.getTime(), row.lastAt.getTime()])
    return {
      counts: Object.fromEntries(kinds.map((row) => [row.kind, row.count])),
      files: files.map((row) => row.file),
      errors,
      firstAt: times.length ? new Date(Math.min(...times)) : null,
      lastAt: times.length ? new Date(Math.max(...times)) : null,
    }
  },
  forget: async (id, at) => void (await tx.run(forget, [projectId, id, at])),
})
