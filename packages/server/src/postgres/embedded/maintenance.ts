import { escapeIdentifier, type Pool } from 'pg'
import type { Log } from '../../domain/context.ts'

/*
 * What the server processes of a normal PostgreSQL do and single-user mode does not: without it the log grew
 * from 32 to 224 MB while loading 200,000 rows and never shrank, and the planner had no statistics.
 *
 * Every statement goes through the pool like a user's, so it waits for transactions in progress; one table is
 * vacuumed at a time, so that others can go in between (a 334 MB table takes 1.6 s; a checkpoint 20-65 ms).
 */

const checkpointBytes = 16 * 2 ** 20
const checkpointAgeMs = 300_000

/** Makes one pass: vacuums and analyzes the tables that changed enough, then checkpoints when it is time. */
export function createMaintenance(pool: Pool, log: Log): () => Promise<void> {
  let checkpointedAtMs = performance.now()
  let checkpointedLsn: string | undefined
  return async () => {
    for (const table of await changedTables(pool)) {
      const startedMs = performance.now()
      await pool.query(`vacuum (analyze) public.${escapeIdentifier(table)}`)
      log.debug({ table, durationMs: Math.round(performance.now() - startedMs) }, 'table vacuumed')
    }
    const { lsn, bytes } = await logPosition(pool, checkpointedLsn)
    const old = performance.now() - checkpointedAtMs > checkpointAgeMs
    if (checkpointedLsn !== undefined && !(bytes > checkpointBytes || (old && bytes > 0))) return
    await pool.query('checkpoint')
    checkpointedLsn = (await logPosition(pool, lsn)).lsn
    checkpointedAtMs = performance.now()
  }
}

async function logPosition(pool: Pool, since: string | undefined): Promise<{ lsn: string; bytes: number }> {
  const { rows } = await pool.query<{ lsn: string; bytes: number }>(
    `select l::text as lsn, (l - coalesce($1::pg_lsn, l))::float8 as bytes from pg_current_wal_insert_lsn() l`,
    [since],
  )
  return rows[0] ?? { lsn: '0/0', bytes: 0 }
}

/**
 * Autovacuum's own default thresholds: 50 rows and a tenth or a fifth of the table; 1000 inserts and a fifth.
 * The engine forgets its counters at every start, so a table that has never been looked at, or has grown by a
 * fifth since, is due as well.
 */
async function changedTables(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select s.relname::text as name
     from pg_stat_user_tables s join pg_class c on c.oid = s.relid
     where s.schemaname = 'public' and (
       s.n_mod_since_analyze > 50 + 0.1 * greatest(c.reltuples, 0)
       or s.n_dead_tup > 50 + 0.2 * greatest(c.reltuples, 0)
       or s.n_ins_since_vacuum > 1000 + 0.2 * greatest(c.reltuples, 0)
       or pg_relation_size(c.oid) > 0 and c.reltuples < 0
       or pg_relation_size(c.oid) / 8192 > 10 + 1.2 * c.relpages)
     order by s.relname`,
  )
  return rows.map((row) => row.name)
}
