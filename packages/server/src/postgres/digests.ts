import type { Digest } from '../domain/memory.ts'
import type { DigestStore } from '../domain/ports.ts'
import { insertFromJson, selectList, toJsonRows } from './columns.ts'
import type { Transaction } from './database.ts'
import { sql } from './statement.ts'

const fields = [
  'id',
  'frameId',
  'outcome',
  'summary',
  'text',
  'body',
  'durationMs',
  'authorId',
  'authorName',
  'clientName',
  'source',
  'occurredAt',
  'createdAt',
  'deletedAt',
] as const
const columns = selectList(fields).replace('duration_ms as', 'duration_ms::float8 as')

const insert = sql<never, readonly [string, string]>('digests.insert', insertFromJson('digests', fields))
const findByFrames = sql<Digest, readonly [string, readonly string[]]>(
  'digests.find-by-frames',
  `select ${columns} from digests where project_id = $1 and frame_id = any ($2::uuid[]) and deleted_at is null`,
)
const findMany = sql<Digest, readonly [string, readonly string[]]>(
  'digests.find-many',
  `select ${columns} from digests where project_id = $1 and id = any ($2::uuid[]) and deleted_at is null`,
)
const recent = sql<Digest, readonly [string, number, Date | null]>(
  'digests.recent',
  `select ${columns} from digests
   where project_id = $1 and deleted_at is null and ($3::timestamptz is null or created_at <= $3)
   order by occurred_at desc, id limit $2`,
)
const latestHandoff = sql<Digest, readonly [string, Date | null]>(
  'digests.latest-handoff',
  `select ${columns} from digests
   where project_id = $1 and outcome = 'handoff' and deleted_at is null and ($2::timestamptz is null or created_at <= $2)
   order by occurred_at desc, id desc limit 1`,
)
const remove = sql<never, readonly [string, string, Date]>(
  'digests.forget',
  `update digests set deleted_at = $3 where project_id = $1 and frame_id = $2`,
)
const replace = sql<never, readonly [string, string, string]>(
  'digests.replace',
  `update digests d set outcome = n.outcome, summary = n.summary, text = n.text, body = n.body,
     duration_ms = n.duration_ms, occurred_at = n.occurred_at, created_at = n.created_at
   from jsonb_populate_recordset(null::digests, $2::jsonb) n
   where d.project_id = $1 and d.frame_id = $3`,
)

export const createDigestStore = (tx: Transaction, projectId: string): DigestStore => ({
  insert: async (digest) => void (await tx.run(insert, [projectId, toJsonRows(fields, [digest])])),
  findByFrames: async (frameIds) => (frameIds.length ? tx.run(findByFrames, [projectId, frameIds]) : []),
  findMany: async (ids) => (ids.length ? tx.run(findMany, [projectId, ids]) : []),
  recent: async (limit, asOf) => tx.run(recent, [projectId, limit, asOf]),
  latestHandoff: async (asOf) => (await tx.run(latestHandoff, [projectId, asOf]))[0],
  replace: async (digest) =>
    void (await tx.run(replace, [projectId, toJsonRows(fields, [digest]), digest.frameId])),
  forget: async (frameId, at) => void (await tx.run(remove, [projectId, frameId, at])),
})
