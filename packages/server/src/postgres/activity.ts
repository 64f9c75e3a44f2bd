import type { ActivityEntry, ActivityStore, MemoryCounts } from '../domain/ports.ts'
import type { Transaction } from './database.ts'
import { sql } from './statement.ts'

/** $2 kinds (null: all), $3 since, $4 until, $5 name in lower case, $6 frame, $7 how many. */
const within = (at: string) =>
  `($3::timestamptz is null or ${at} >= $3) and ($4::timestamptz is null or ${at} < $4)`
const by = (...names: string[]) =>
  `($5::text is null or ${names.map((name) => `lower(${name}) = $5`).join(' or ')})`

const frames = `
  select coalesce(d.id, f.id) as "itemId", case when d.id is null then 'frame' else 'digest' end as "itemKind",
    f.id as "frameId", coalesce(f.closed_at, f.started_at) as at, f.ref_no as place
  from frames f
  left join digests d on d.project_id = $1 and d.frame_id = f.id and d.deleted_at is null and f.status = 'closed'
  where f.project_id = $1 and f.deleted_at is null and ($2::text[] is null or 'frame' = any ($2))
    and ($6::uuid is null or f.id = $6 or f.parent_id = $6)
    and ${within('coalesce(f.closed_at, f.started_at)')} and ${by('f.author_name', 'f.client_name')}
  order by at desc, place desc limit $7`
const anchors = `
  select a.id, 'anchor', a.frame_id, a.occurred_at as at, a.ref_no as place from anchors a
  where a.project_id = $1 and a.deleted_at is null and ($2::text[] is null or a.type = any ($2))
    and ($6::uuid is null or a.frame_id = $6)
    and ${within('a.occurred_at')} and ${by('a.author_name', 'a.client_name')}
  order by at desc, place desc limit $7`
// Errors, or the kinds that were asked for; of one frame everything.
const events = `
  select e.id, 'event', e.frame_id, e.occurred_at as at, e.seq as place from events e
  join frames f on f.project_id = $1 and f.id = e.frame_id and f.deleted_at is null
  where e.project_id = $1 and e.deleted_at is null
    and case when $2::text[] is null then e.is_error or $6::uuid is not null
             else e.kind = any ($2) or (e.is_error and 'error' = any ($2)) end
    and ($6::uuid is null or e.frame_id = $6)
    and ${within('e.occurred_at')} and ${by('e.author_name', 'e.client_name', 'e.actor')}
  order by at desc, place desc limit $7`
const tasks = `
  select t.id, 'task', t.frame_id, t.updated_at as at, t.ref_no as place from tasks t
  where t.project_id = $1 and t.deleted_at is null and ($2::text[] is null or 'task' = any ($2))
    and ($6::uuid is null or t.frame_id = $6)
    and ${within('t.updated_at')} and ${by('t.author_name', 't.client_name', 't.claimed_by_name')}
  order by at desc, place desc limit $7`

const list = sql<
  ActivityEntry,
  readonly [string, readonly string[] | null, Date | null, Date | null, string | null, string | null, number]
>(
  'activity.list',
  `select "itemId", "itemKind", "frameId", at
   from ((${frames}) union all (${anchors}) union all (${events}) union all (${tasks})) happened
   order by at desc, place desc, "itemId" limit $7`,
)

const counts = sql<MemoryCounts & { lastActivityAt: Date | null }, readonly [string]>(
  'activity.counts',
  `select f.frames, f.open as "openFrames", e.events, a.active as "statementsInForce",
     a.superseded as "statementsSuperseded", t.tasks, t.open as "openTasks", t.ready as "readyTasks",
     greatest(f.at, a.at, t.at) as "lastActivityAt"
   from
     (select count(*)::int as frames, count(*) filter (where status = 'open')::int as open, max(last_activity_at) as at
      from frames where project_id = $1 and deleted_at is null) f,
     (select count(*)::int as events from events where project_id = $1 and deleted_at is null) e,
     (select count(*) filter (where status = 'active')::int as active,
        count(*) filter (where status = 'superseded')::int as superseded, max(updated_at) as at
      from anchors where project_id = $1 and deleted_at is null) a,
     (select count(*)::int as tasks, count(*) filter (where status not in ('done', 'cancelled'))::int as open,
        count(*) filter (where status in ('todo', 'in_progress') and not exists (
          select from task_dependencies d join tasks b on b.project_id = $1 and b.id = d.blocked_by_id
          where d.project_id = $1 and d.task_id = tasks.id and d.removed_at is null
            and b.status in ('todo', 'in_progress', 'blocked') and b.deleted_at is null))::int as ready,
        max(updated_at) as at
      from tasks where project_id = $1 and deleted_at is null) t`,
)

export const createActivityStore = (tx: Transaction, projectId: string): ActivityStore => ({
  list: async ({ kinds, since, until, author, frameId, limit }) =>
    tx.run(list, [
      projectId,
      kinds.length > 0 ? kinds : null,
      since ?? null,
      until ?? null,
      author?.toLowerCase() ?? null,
      frameId ?? null,
      limit,
    ]),
  counts: async () => {
    const [row] = await tx.run(counts, [projectId])
    if (!row) throw new Error('The counts returned no row')
    return row
  },
})
