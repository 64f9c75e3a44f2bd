import { amcheck } from '@electric-sql/pglite/contrib/amcheck'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { removeServerLock } from '../../src/postgres/embedded/data-directory.ts'
import { createEnginePool, openEngine } from '../../src/postgres/embedded/engine.ts'

/*
 * Opens a database directory after a crash and prints what is in it: `{ ids, damage }`. A process of its own,
 * because a damaged directory can make the engine spin or die.
 */
const [, , folder = ''] = process.argv
await removeServerLock(folder)
const engine = await openEngine({
  durable: false,
  fs: new NodeFS(folder),
  extensions: { amcheck },
})
const pool = createEnginePool(engine)
const damage: string[] = []
const check = async (what: string, sql: string) => {
  try {
    const { rows } = await pool.query<{ problem: string }>(sql)
    damage.push(...rows.map((row) => `${what}: ${row.problem}`))
  } catch (error) {
    damage.push(`${what}: ${String(error)}`)
  }
}
await pool.query('create extension if not exists amcheck')
await check(
  'btree',
  `with checked as materialized (
     select bt_index_check(c.oid::regclass, true) from pg_class c join pg_am a on a.oid = c.relam
     where a.amname = 'btree' and c.relkind = 'i' and c.relpersistence = 'p')
   select 'nothing was checked' as problem from checked having count(*) < 100`,
)
await check('heap', `select msg as problem from verify_heapam('crash_rows')`)
await check(
  'gin',
  `select format('%s rows by index, %s by scan', i.n, s.n) as problem
   from (select count(*) as n from crash_rows where tsv @@ 'rememb'::tsquery) i,
        (select count(*) as n from crash_rows where body like '%remembers%') s where i.n <> s.n`,
)
const { rows } = await pool.query<{ ids: number[] }>(
  `select coalesce(array_agg(id), '{}') as ids from crash_rows`,
)
process.stdout.write(`${JSON.stringify({ ids: rows[0]?.ids, damage })}\n`, () => process.exit(0))
