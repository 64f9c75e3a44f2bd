import type { Frame } from '../domain/memory.ts'
import type { FrameStore } from '../domain/ports.ts'
import { insertFromJson, selectList, toJsonRows } from './columns.ts'
import type { Transaction } from './database.ts'
import { sql } from './statement.ts'

const fields = [
  'id',
  'refNo',
  'parentId',
  'depth',
  'name',
  'type',
  'status',
  'outcome',
  'goal',
  'constraints',
  'files',
  'branch',
  'taskId',
  'eventCount',
  'authorId',
  'authorName',
  'clientName',
  'source',
  'externalKey',
  'importId',
  'startedAt',
  'lastActivityAt',
  'closedAt',
  'createdAt',
  'deletedAt',
] as const
const columns = selectList(fields)

// What a frame was at a moment (`asOf`, null: now): open until it was closed, and where it stood before it moved.
const columnsAsOf = (alias: string, asOf: string) =>
  fields
    .map((field) => {
      const column = selectList([field], alias)
      if (field === 'status')
        return `case when ${alias}.closed_at > ${asOf}::timestamptz then 'open' else ${alias}.status end as status`
      if (field === 'outcome' || field === 'closedAt')
        return `case when ${alias}.closed_at > ${asOf}::timestamptz then null else ${column.split(' as ')[0]} end as "${field}"`
      if (field === 'parentId')
        return `case when m.moved_at is null then ${alias}.parent_id else m.from_parent_id end as "parentId"`
      if (field === 'depth')
        return `case when m.moved_at is null then ${alias}.depth else m.from_depth end as depth`
      return column
    })
    .join(', ')
const moveAfter = (alias: string, asOf: string) => `left join lateral (
     select * from frame_moves m
     where m.project_id = $1 and m.frame_id = ${alias}.id and m.moved_at > ${asOf}::timestamptz
     order by m.moved_at limit 1) m on true`

const insert = sql<never, readonly [string, string]>('frames.insert', insertFromJson('frames', fields))
const findById = sql<Frame, readonly [string, string]>(
  'frames.find-by-id',
  `select ${columns} from frames where project_id = $1 and id = $2 and deleted_at is null`,
)
const findByRef = sql<Frame, readonly [string, number]>(
  'frames.find-by-ref',
  `select ${columns} from frames where project_id = $1 and ref_no = $2 and deleted_at is null`,
)
const findMany = sql<Frame, readonly [string, readonly string[], Date | null]>(
  'frames.find-many',
  `select ${columnsAsOf('f', '$3')} from frames f ${moveAfter('f', '$3')}
   where f.project_id = $1 and f.id = any ($2::uuid[]) and f.deleted_at is null`,
)
const findByExternalKey = sql<Frame, readonly [string, string]>(
  'frames.find-by-external-key',
  `select ${columns} from frames where project_id = $1 and external_key = $2`,
)
const callStack = sql<Frame, readonly [string, string, Date | null]>(
  'frames.call-stack',
  `with recursive path as (
     select f.id, case when m.moved_at is null then f.parent_id else m.from_parent_id end as above, 0 as up
     from frames f ${moveAfter('f', '$3')} where f.project_id = $1 and f.id = $2
     union all
     select f.id, case when m.moved_at is null then f.parent_id else m.from_parent_id end, path.up + 1
     from path join frames f on f.project_id = $1 and f.id = path.above ${moveAfter('f', '$3')}
     where path.up < 64)
   select ${columnsAsOf('f', '$3')} from path join frames f on f.project_id = $1 and f.id = path.id
   ${moveAfter('f', '$3')} where f.deleted_at is null order by path.up desc`,
)
const lockOpenDescendants = sql<Frame, readonly [string, string]>(
  'frames.lock-open-descendants',
  `with recursive below as (
     select id, depth from frames where project_id = $1 and parent_id = $2
     union all
     select f.id, f.depth from frames f join below on f.parent_id = below.id where f.project_id = $1)
   select ${columns} from frames
   where project_id = $1 and id in (select id from below) and status = 'open' and deleted_at is null
   order by depth desc, id for update`,
)
const subtree = sql<Frame, readonly [string, string]>(
  'frames.subtree',
  `with recursive below as (
     select f.* from frames f where f.project_id = $1 and f.id = $2
     union all
     select f.* from frames f join below on f.parent_id = below.id where f.project_id = $1)
   select ${columns} from below where deleted_at is null order by ref_no`,
)
const lock = sql<Frame, readonly [string, string]>(
  'frames.lock',
  `select ${columns} from frames where project_id = $1 and id = $2 and deleted_at is null for update`,
)
const listOpen = sql<Frame, readonly [string, number, Date | null]>(
  'frames.list-open',
  `select ${columnsAsOf('f', '$3')} from frames f ${moveAfter('f', '$3')}
   where f.project_id = $1 and f.deleted_at is null
     and case when $3::timestamptz is null then f.status = 'open'
              else f.created_at <= $3 and (f.closed_at is null or f.closed_at > $3) end
   order by f.created_at desc, f.id limit $2`,
)
const countOpen = sql<{ count: number }, readonly [string]>(
  'frames.count-open',
  `select count(*)::int as count from frames where project_id = $1 and status = 'open' and deleted_at is null`,
)
const close = sql<never, readonly [string, string, string, Date]>(
  'frames.close',
  `update frames set status = 'closed', outcome = $3, closed_at = $4, last_activity_at = greatest(last_activity_at, $4)
   where project_id = $1 and id = $2`,
)
const reopen = sql<never, readonly [string, string, Date]>(
  'frames.reopen',
  `update frames set status = 'open', outcome = null, closed_at = null, last_activity_at = greatest(last_activity_at, $3)
   where project_id = $1 and id = $2`,
)
const reparent = sql<never, readonly [string, string, string | null, number, Date]>(
  'frames.reparent',
  `with recursive below as (
     select $2::uuid as id, $4::int as depth
     union all
     select f.id, below.depth + 1 from frames f join below on f.parent_id = below.id where f.project_id = $1),
   moved as (
     insert into frame_moves (project_id, frame_id, moved_at, from_parent_id, from_depth)
     select $1, f.id, $5, f.parent_id, f.depth from frames f join below on f.id = below.id where f.project_id = $1
     on conflict do nothing)
   update frames f set depth = below.depth, parent_id = case when f.id = $2 then $3 else f.parent_id end
   from below where f.project_id = $1 and f.id = below.id`,
)
const reserveEvents = sql<
  { lastSeq: number; status: 'open' | 'closed' },
  readonly [string, string, number, Date]
>(
  'frames.reserve-events',
  `update frames set event_count = event_count + $3, last_activity_at = greatest(last_activity_at, $4)
   where project_id = $1 and id = $2 and deleted_at is null
   returning event_count as "lastSeq", status`,
)
const forget = sql<never, readonly [string, string, Date]>(
  'frames.forget',
  `update frames set deleted_at = $3 where project_id = $1 and id = $2`,
)

export const createFrameStore = (tx: Transaction, projectId: string): FrameStore => ({
  insert: async (frame) => void (await tx.run(insert, [projectId, toJsonRows(fields, [frame])])),
  find: async (ref) =>
    'id' in ref
      ? (await tx.run(findById, [projectId, ref.id]))[0]
      : (await tx.run(findByRef, [projectId, ref.refNo]))[0],
  findMany: async (ids, asOf = null) => (ids.length ? tx.run(findMany, [projectId, ids, asOf]) : []),
  findByExternalKey: async (key) => (await tx.run(findByExternalKey, [projectId, key]))[0],
  callStack: async (id, asOf = null) => tx.run(callStack, [projectId, id, asOf]),
  lockOpenDescendants: async (id) => tx.run(lockOpenDescendants, [projectId, id]),
  lock: async (id) => (await tx.run(lock, [projectId, id]))[0],
  subtree: async (id) => tx.run(subtree, [projectId, id]),
  listOpen: async (limit, asOf) => tx.run(listOpen, [projectId, limit, asOf]),
  countOpen: async () => (await tx.run(countOpen, [projectId]))[0]?.count ?? 0,
  close: async (id, outcome, at) => void (await tx.run(close, [projectId, id, outcome, at])),
  reopen: async (id, at) => void (await tx.run(reopen, [projectId, id, at])),
  reparent: async (id, parentId, depth, at) =>
    void (await tx.run(reparent, [projectId, id, parentId, depth, at])),
  reserveEvents: async (id, count, at) => (await tx.run(reserveEvents, [projectId, id, count, at]))[0],
  forget: async (id, at) => void (await tx.run(forget, [projectId, id, at])),
})
