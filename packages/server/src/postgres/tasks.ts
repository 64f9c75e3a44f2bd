import type { Task, TaskStatus, TaskVersion } from '../domain/memory.ts'
import type { TaskStore, TaskWithBlockers } from '../domain/ports.ts'
import { insertFromJson, selectList, snake, toJsonRows } from './columns.ts'
import type { Transaction } from './database.ts'
import { defineLookup } from './lookup.ts'
import { sql } from './statement.ts'

const fields = [
  'id',
  'refNo',
  'version',
  'title',
  'description',
  'status',
  'priority',
  'tags',
  'parentId',
  'frameId',
  'progress',
  'note',
  'claimedBy',
  'claimedByName',
  'claimedAt',
  'authorId',
  'authorName',
  'clientName',
  'source',
  'externalKey',
  'createdAt',
  'updatedAt',
  'closedAt',
  'deletedAt',
] as const
const versionFields = [
  'taskId',
  'version',
  'status',
  'priority',
  'progress',
  'note',
  'claimedByName',
  'changedBy',
  'changedByName',
  'clientName',
  'importId',
  'changedAt',
] as const
const mutable = [
  'version',
  'title',
  'description',
  'status',
  'priority',
  'tags',
  'progress',
  'note',
  'claimedBy',
  'claimedByName',
  'claimedAt',
  'updatedAt',
  'closedAt',
  'deletedAt',
].map(snake)
const columns = selectList(fields)

const unfinished = `('todo', 'in_progress', 'blocked')`
const blockedBy = `coalesce((
    select array_agg(b.ref_no order by b.ref_no) from task_dependencies d
    join tasks b on b.project_id = $1 and b.id = d.blocked_by_id
    where d.project_id = $1 and d.task_id = t.id and d.removed_at is null and b.status in ${unfinished}
      and b.deleted_at is null), '{}') as "blockedBy"`

const lookup = defineLookup<Task>('tasks', columns)
const insert = sql<never, readonly [string, string]>('tasks.insert', insertFromJson('tasks', fields))
const insertVersion = sql<never, readonly [string, string]>(
  'tasks.insert-version',
  insertFromJson('task_versions', versionFields),
)
const update = sql<{ id: string }, readonly [string, string]>(
  'tasks.update',
  `update tasks t set (${mutable.join(', ')}) = (select ${mutable.map((column) => `n.${column}`).join(', ')})
   from jsonb_populate_recordset(null::tasks, $2::jsonb) n
   where t.project_id = $1 and t.id = n.id and t.version = n.version - 1 returning t.id`,
)
const addDependencies = sql<never, readonly [string, string, readonly string[], Date]>(
  'tasks.add-dependencies',
  `insert into task_dependencies (project_id, task_id, blocked_by_id, created_at)
   select $1, $2, blocker, $4 from unnest($3::uuid[]) as blocker on conflict do nothing`,
)
const removeDependencies = sql<never, readonly [string, string, readonly string[], Date]>(
  'tasks.remove-dependencies',
  `update task_dependencies set removed_at = $4
   where project_id = $1 and task_id = $2 and blocked_by_id = any ($3::uuid[]) and removed_at is null`,
)
const waitsFor = sql<{ found: boolean }, readonly [string, string, string]>(
  'tasks.waits-for',
  `with recursive chain as (
     select blocked_by_id from task_dependencies where project_id = $1 and task_id = $2 and removed_at is null
     union
     select d.blocked_by_id from task_dependencies d join chain c on d.task_id = c.blocked_by_id
     where d.project_id = $1 and d.removed_at is null)
   select exists (select from chain where blocked_by_id = $3) as found`,
)
// Ready first (nothing unfinished in front of it), then by priority, then the one touched last.
const list = sql<
  TaskWithBlockers,
  readonly [string, readonly string[], string | null, readonly string[] | null, string | null, number]
>(
  'tasks.list',
  `select ${selectList(fields, 't')}, ${blockedBy} from tasks t
   where t.project_id = $1 and t.deleted_at is null and t.status = any ($2::text[])
     and ($3::text is null or t.priority = $3) and ($4::text[] is null or t.tags && $4)
     and ($5::uuid is null or t.claimed_by = $5)
   order by t.status in ('done', 'cancelled'), t.status = 'blocked' or exists (
       select from task_dependencies d join tasks b on b.project_id = $1 and b.id = d.blocked_by_id
       where d.project_id = $1 and d.task_id = t.id and d.removed_at is null and b.status in ${unfinished}
         and b.deleted_at is null),
     array_position(array['urgent', 'high', 'medium', 'low'], t.priority), t.updated_at desc, t.id limit $6`,
)
const listAsOf = sql<TaskWithBlockers, readonly [string, readonly string[], number, Date]>(
  'tasks.list-as-of',
  `select ${fields.map((field) => (field === 'updatedAt' ? 'v.changed_at as "updatedAt"' : selectList([field], ['version', 'status', 'priority', 'progress', 'note', 'claimedByName'].includes(field) ? 'v' : 't'))).join(', ')},
     coalesce((
       select array_agg(b.ref_no order by b.ref_no) from task_dependencies d
       join tasks b on b.project_id = $1 and b.id = d.blocked_by_id
       join lateral (
         select bv.status from task_versions bv where bv.project_id = $1 and bv.task_id = b.id and bv.changed_at <= $4
         order by bv.version desc limit 1) bv on bv.status in ${unfinished}
       where d.project_id = $1 and d.task_id = t.id and d.created_at <= $4
         and (d.removed_at is null or d.removed_at > $4) and b.deleted_at is null), '{}') as "blockedBy"
     from tasks t join lateral (
       select * from task_versions v where v.project_id = $1 and v.task_id = t.id and v.changed_at <= $4
       order by v.version desc limit 1) v on true
   where t.project_id = $1 and t.deleted_at is null and v.status = any ($2::text[])
   order by v.status in ('done', 'cancelled'), v.status = 'blocked',
     array_position(array['urgent', 'high', 'medium', 'low'], v.priority), v.changed_at desc, t.id limit $3`,
)
const blockers = sql<
  { taskId: string; refNo: number; status: TaskStatus },
  readonly [string, readonly string[]]
>(
  'tasks.blockers',
  `select d.task_id as "taskId", b.ref_no as "refNo", b.status from task_dependencies d
   join tasks b on b.project_id = $1 and b.id = d.blocked_by_id
   where d.project_id = $1 and d.task_id = any ($2::uuid[]) and d.removed_at is null and b.deleted_at is null
   order by b.ref_no`,
)
const versions = sql<TaskVersion, readonly [string, string]>(
  'tasks.versions',
  `select ${selectList(versionFields)} from task_versions where project_id = $1 and task_id = $2 order by version`,
)
const metrics = sql<Record<TaskStatus | 'ready' | 'total', number>, readonly [string]>(
  'tasks.metrics',
  `select count(*)::int as total,
     count(*) filter (where t.status = 'todo')::int as todo, count(*) filter (where t.status = 'in_progress')::int as in_progress,
     count(*) filter (where t.status = 'blocked')::int as blocked, count(*) filter (where t.status = 'done')::int as done,
     count(*) filter (where t.status = 'cancelled')::int as cancelled,
     count(*) filter (where t.status in ('todo', 'in_progress') and not exists (
       select from task_dependencies d join tasks b on b.project_id = $1 and b.id = d.blocked_by_id
       where d.project_id = $1 and d.task_id = t.id and d.removed_at is null and b.status in ${unfinished}
         and b.deleted_at is null))::int as ready
   from tasks t where t.project_id = $1 and t.deleted_at is null`,
)

export const createTaskStore = (tx: Transaction, projectId: string): TaskStore => ({
  insert: async (task) => void (await tx.run(insert, [projectId, toJsonRows(fields, [task])])),
  insertVersion: async (version) =>
    void (await tx.run(insertVersion, [projectId, toJsonRows(versionFields, [version])])),
  ...lookup(tx, projectId),
  async update(task) {
    const rows = await tx.run(update, [projectId, toJsonRows(fields, [task])])
    if (rows.length !== 1) throw new Error(`Task ${task.id} changed under its lock`)
  },
  addDependencies: async (taskId, blockedByIds, at) => {
    if (blockedByIds.length) await tx.run(addDependencies, [projectId, taskId, blockedByIds, at])
  },
  removeDependencies: async (taskId, blockedByIds, at) => {
    if (blockedByIds.length) await tx.run(removeDependencies, [projectId, taskId, blockedByIds, at])
  },
  waitsFor: async (fromId, toId) => (await tx.run(waitsFor, [projectId, fromId, toId]))[0]?.found ?? false,
  list: async (filter, asOf) =>
    asOf
      ? tx.run(listAsOf, [projectId, filter.statuses, filter.limit, asOf])
      : tx.run(list, [
          projectId,
          filter.statuses,
          filter.priority ?? null,
          filter.tags?.length ? filter.tags : null,
          filter.claimedBy ?? null,
          filter.limit,
        ]),
  blockers: async (taskIds) => (taskIds.length ? tx.run(blockers, [projectId, taskIds]) : []),
  versions: async (id) => tx.run(versions, [projectId, id]),
  metrics: async () =>
    (await tx.run(metrics, [projectId]))[0] ?? {
      total: 0,
      todo: 0,
      in_progress: 0,
      blocked: 0,
      done: 0,
      cancelled: 0,
      ready: 0,
    },
})
