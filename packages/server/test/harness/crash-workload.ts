import { writeSync } from 'node:fs'
import type { Pool } from 'pg'

/** Table and load of the crash tests: every kind of index that the server uses. */
export const crashSchema = `
  create table if not exists crash_rows (
    id int primary key, body text not null, attributes jsonb not null, touched int not null default 0,
    tsv tsvector generated always as (to_tsvector('english', body)) stored);
  create index if not exists crash_rows_touched on crash_rows (touched, id);
  create index if not exists crash_rows_attributes on crash_rows ((attributes ->> 'kind'));
  create index if not exists crash_rows_tsv on crash_rows using gin (tsv);`

/**
 * Inserts rows one by one and three to a transaction, updates one in five, and acknowledges each commit with
 * the ids on stdout. The pipe is written synchronously, so an acknowledgement never precedes its commit.
 */
export async function writeAcknowledged(pool: Pool, firstId: number, count: number): Promise<void> {
  for (let id = firstId; id < firstId + count;) {
    const ids = id % 4 === 0 ? [id, id + 1, id + 2] : [id]
    const client = await pool.connect()
    await client.query('begin')
    for (const one of ids) {
      await client.query('insert into crash_rows (id, body, attributes) values ($1, $2, $3)', [
        one,
        `row ${one} remembers ${'something worth keeping '.repeat(18)}`,
        JSON.stringify({ kind: `k${one % 7}` }),
      ])
    }
    if (id % 5 === 0)
      await client.query('update crash_rows set touched = touched + 1 where id = $1', [id - 3])
    await client.query('commit')
    client.release()
    writeSync(1, `ack ${ids.join(' ')}\n`)
    id += ids.length
    if (id % 150 < ids.length) await pool.query('checkpoint')
  }
}
