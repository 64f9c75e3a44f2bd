import type { ImportRun } from '../domain/memory.ts'
import type { ImportedFrameState, ImportStore, KeptDigest } from '../domain/ports.ts'
import { insertFromJson, selectList, toJsonRows } from './columns.ts'
import type { Transaction } from './database.ts'
import { sql } from './statement.ts'

const fields = [
  'id',
  'source',
  'label',
  'status',
  'report',
  'authorId',
  'authorName',
  'clientName',
  'createdAt',
  'finishedAt',
  'undoneAt',
] as const
const digestFields = [
  'frameId',
  'outcome',
  'summary',
  'text',
  'body',
  'durationMs',
  'occurredAt',
  'createdAt',
] as const
const columns = selectList(fields)
const digestColumns = selectList(digestFields).replace('duration_ms as', 'duration_ms::float8 as')

const insert = sql<never, readonly [string, string]>('imports.insert', insertFromJson('imports', fields))
const find = sql<ImportRun, readonly [string, string]>(
  'imports.find',
  `select ${columns} from imports where project_id = $1 and id = $2`,
)
const lock = sql<ImportRun, readonly [string, string]>(
  'imports.lock',
  `select ${columns} from imports where project_id = $1 and id = $2 for update`,
)
const list = sql<ImportRun, readonly [string, number]>(
  'imports.list',
  `select ${columns} from imports where project_id = $1 order by created_at desc, id desc limit $2`,
)
const update = sql<never, readonly [string, string, string, string, Date | null, Date | null]>(
  'imports.update',
  `update imports set status = $3, report = $4::jsonb, finished_at = $5, undone_at = $6
   where project_id = $1 and id = $2`,
)
const changedAnchors = sql<{ id: string }, readonly [string, string]>(
  'imports.changed-anchors',
  `select a.id from anchors a where a.project_id = $1 and a.deleted_at is null
     and a.id in (select v.anchor_id from anchor_versions v where v.project_id = $1 and v.import_id = $2)
   order by a.ref_no desc`,
)
const changedTasks = sql<{ id: string }, readonly [string, string]>(
  'imports.changed-tasks',
  `select t.id from tasks t where t.project_id = $1 and t.deleted_at is null
     and t.id in (select v.task_id from task_versions v where v.project_id = $1 and v.import_id = $2)
   order by t.ref_no desc`,
)
/** Anchors and tasks that were first recorded by somebody else, or were changed since, are not the import's. */
const frames = sql<ImportedFrameState, readonly [string, string]>(
  'imports.frames',
  `with touched as (
     select id from frames where project_id = $1 and import_id = $2
     union
     select frame_id from events where project_id = $1 and import_id = $2 and deleted_at is null)
   select f.id, f.ref_no as "refNo", f.parent_id as "parentId", f.depth,
     f.import_id is not distinct from $2::uuid as "isOwn",
     (select count(*)::int from events e where e.project_id = $1 and e.frame_id = f.id and e.deleted_at is null
        and e.import_id is distinct from $2::uuid) as events,
     (select count(*)::int from frames c where c.project_id = $1 and c.parent_id = f.id and c.deleted_at is null
        and c.import_id is distinct from $2::uuid) as children,
     (select count(*)::int from anchors a where a.project_id = $1 and a.frame_id = f.id and a.deleted_at is null
        and exists (select from anchor_versions v where v.project_id = $1 and v.anchor_id = a.id
          and v.import_id is distinct from $2::uuid)) as anchors,
     (select count(*)::int from tasks t where t.project_id = $1 and t.frame_id = f.id and t.deleted_at is null
        and exists (select from task_versions v where v.project_id = $1 and v.task_id = t.id
          and v.import_id is distinct from $2::uuid)) as tasks,
     (select d.import_id from digest_versions d
        join imports other on other.project_id = $1 and other.id = d.import_id and other.status <> 'undone'
        join imports own on own.project_id = $1 and own.id = $2
        where d.project_id = $1 and d.frame_id = f.id and other.created_at > own.created_at
        order by other.created_at desc limit 1) as "laterImport"
   from frames f join touched on touched.id = f.id
   where f.project_id = $1 and f.deleted_at is null order by f.depth desc, f.ref_no desc`,
)
const forgetEvents = sql<{ id: string }, readonly [string, string, string, Date]>(
  'imports.forget-events',
  `update events set deleted_at = $4, external_key = null
   where project_id = $1 and import_id = $2 and frame_id = $3 and deleted_at is null returning id`,
)
const countEvents = sql<{ count: number }, readonly [string, string, string]>(
  'imports.count-events',
  `select count(*)::int as count from events
   where project_id = $1 and import_id = $2 and frame_id = $3 and deleted_at is null`,
)
const releaseFrame = sql<never, readonly [string, string]>(
  'imports.release-frame',
  `update frames set external_key = null where project_id = $1 and id = $2`,
)
const releaseTask = sql<never, readonly [string, string]>(
  'imports.release-task',
  `update tasks set external_key = null where project_id = $1 and id = $2`,
)
const keepDigest = sql<never, readonly [string, string, string]>(
  'imports.keep-digest',
  `insert into digest_versions (project_id, import_id, frame_id, outcome, summary, text, body, duration_ms, occurred_at, created_at)
   select $1::uuid, $2::uuid, frame_id, outcome, summary, text, body, duration_ms, occurred_at, created_at
   from jsonb_populate_recordset(null::digest_versions, $3::jsonb) on conflict do nothing`,
)
const keptDigest = sql<KeptDigest, readonly [string, string, string]>(
  'imports.kept-digest',
  `select ${digestColumns} from digest_versions where project_id = $1 and import_id = $2 and frame_id = $3`,
)
const restoreEnd = sql<never, readonly [string, string, string, Date]>(
  'imports.restore-end',
  `update frames set outcome = $3, closed_at = $4, last_activity_at = $4
   where project_id = $1 and id = $2 and status = 'closed'`,
)

export const createImportStore = (tx: Transaction, projectId: string): ImportStore => ({
  insert: async (run) => void (await tx.run(insert, [projectId, toJsonRows(fields, [run])])),
  find: async (id) => (await tx.run(find, [projectId, id]))[0],
  lock: async (id) => (await tx.run(lock, [projectId, id]))[0],
  list: async (limit) => tx.run(list, [projectId, limit]),
  update: async ({ id, status, report, finishedAt, undoneAt }) =>
    void (await tx.run(update, [projectId, id, status, JSON.stringify(report), finishedAt, undoneAt])),
  changedAnchors: async (id) => (await tx.run(changedAnchors, [projectId, id])).map((row) => row.id),
  changedTasks: async (id) => (await tx.run(changedTasks, [projectId, id])).map((row) => row.id),
  frames: async (id) => tx.run(frames, [projectId, id]),
  forgetEvents: async (id, frameId, at) =>
    (await tx.run(forgetEvents, [projectId, id, frameId, at])).map((row) => row.id),
  countEvents: async (id, frameId) => (await tx.run(countEvents, [projectId, id, frameId]))[0]?.count ?? 0,
  releaseFrame: async (frameId) => void (await tx.run(releaseFrame, [projectId, frameId])),
  releaseTask: async (taskId) => void (await tx.run(releaseTask, [projectId, taskId])),
  keepDigest: async (id, digest) =>
    void (await tx.run(keepDigest, [projectId, id, toJsonRows(digestFields, [digest])])),
  keptDigest: async (id, frameId) => (await tx.run(keptDigest, [projectId, id, frameId]))[0],
  restoreEnd: async (frameId, outcome, at) =>
    void (await tx.run(restoreEnd, [projectId, frameId, outcome, at])),
})
