import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEmbedded } from '../src/postgres/embedded/open-embedded.ts'
import { silentLog as log } from './harness/test-database.ts'

let dataDir: string
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'embedded-maintenance-'))
})
afterAll(() => rm(dataDir, { recursive: true }))

const open = (maintenanceIntervalMs: number) =>
  openEmbedded({ dataDir, log, maintenanceIntervalMs, snapshotIntervalMs: 0 })

const statistics = async (db: Awaited<ReturnType<typeof open>>) => {
  const { rows } = await db.pool.query<{ rows: number; wal: number }>(
    `select reltuples::int as rows, (select sum(size)::float8 from pg_ls_waldir()) as wal
     from pg_class where relname = 'grown'`,
  )
  return rows[0] ?? { rows: Number.NaN, wal: Number.NaN }
}

const within = async (seconds: number, isDone: () => Promise<boolean>) => {
  for (let i = 0; i < seconds * 20 && !(await isDone()); i++)
    await new Promise((wait) => setTimeout(wait, 50))
}

describe('maintenance of the embedded database', () => {
  it('analyzes what changed in an earlier session, whose counters the engine forgot', async () => {
    const first = await open(0)
    await first.pool.query(
      'create table grown as select g as id, md5(g::text) as text from generate_series(1, 5000) g',
    )
    expect((await statistics(first)).rows).toBe(-1)
    await first.close()

    const second = await open(50)
    await within(10, async () => (await statistics(second)).rows === 5000)
    expect((await statistics(second)).rows).toBe(5000)
    await second.close()
  })

  it(
    'keeps the write-ahead log small while much is written, letting transactions finish',
    { timeout: 120_000 },
    async () => {
      const db = await open(50)
      const client = await db.pool.connect()
      await client.query('begin')
      await client.query(`insert into grown values (0, 'in a transaction')`)
      await new Promise((wait) => setTimeout(wait, 300))
      await client.query('commit')
      client.release()
      for (let i = 0; i < 30; i++) {
        await db.pool.query(
          `insert into grown select g, repeat(md5(g::text), 10) from generate_series(1, 10000) g`,
        )
      }
      await within(20, async () => (await statistics(db)).rows === 305_001)
      const after = await statistics(db)
      expect(after.rows).toBe(305_001)
      expect(after.wal / 2 ** 20).toBeLessThanOrEqual(80)
      await db.close()
    },
  )
})
