import { existsSync } from 'node:fs'
import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { createTestDatabase, engines, startPostgres } from './harness/test-database.ts'

describe.each(engines)('createTestDatabase(%s)', (engine) => {
  it('gives every caller a database of its own', async () => {
    const [one, two] = await Promise.all([createTestDatabase(engine), createTestDatabase(engine)])
    try {
      await one.pool.query('create table only_in_one (id int)')
      await expect(two.pool.query('select * from only_in_one')).rejects.toMatchObject({ code: '42P01' })
    } finally {
      await Promise.all([one.close(), two.close()])
    }
  })

  it('is a superuser in UTC with C collation and the btree_gin extension at hand', async () => {
    const db = await createTestDatabase(engine)
    try {
      const { rows } = await db.pool.query(
        `select current_setting('is_superuser') as superuser, current_setting('timezone') as timezone,
                current_setting('jit') as jit, 'B' < 'a' as c_order, lower('Ä') as lowered,
                exists (select from pg_available_extensions where name = 'btree_gin') as btree_gin`,
      )
      expect(rows[0]).toEqual({
        superuser: 'on',
        timezone: 'UTC',
        jit: 'off',
        c_order: true,
        lowered: 'ä',
        btree_gin: true,
      })
    } finally {
      await db.close()
    }
  })

  it('can start empty', async () => {
    const db = await createTestDatabase(engine, { empty: true })
    try {
      const { rows } = await db.pool.query(
        `select count(*)::int as tables from pg_class where relnamespace = 'public'::regnamespace`,
      )
      expect(rows[0]).toEqual({ tables: 0 })
    } finally {
      await db.close()
    }
  })
})

describe('a pool over PGlite', () => {
  it('ends the transaction of a client that was thrown away', async () => {
    const db = await createTestDatabase('pglite')
    try {
      const client = await db.pool.connect()
      await client.query('begin; create table left_open (id int)')
      client.release(true)
      await expect(db.pool.query('select * from left_open')).rejects.toMatchObject({ code: '42P01' })
      const { rows } = await db.pool.query('select pg_current_xact_id_if_assigned() is null as outside')
      expect(rows[0]).toEqual({ outside: true })
    } finally {
      await db.close()
    }
  })
})

describe('startPostgres', () => {
  it('keeps committed rows through kill -9 and restart, and removes its files at stop', async () => {
    const cluster = await startPostgres({ fsync: true })
    const query = async (sql: string) => {
      const client = new Client({ connectionString: cluster.url })
      await client.connect()
      try {
        return (await client.query(sql)).rows as unknown[]
      } finally {
        await client.end()
      }
    }
    try {
      await query('create table t as select 1 as id')
      const { pid } = cluster
      await cluster.kill()
      await expect(query('select 1')).rejects.toThrow()
      await cluster.restart()
      expect(cluster.pid).not.toBe(pid)
      expect(await query('select id from t')).toEqual([{ id: 1 }])
      expect(await query('show fsync')).toEqual([{ fsync: 'on' }])
    } finally {
      await cluster.stop()
    }
    expect(existsSync(cluster.dataDir)).toBe(false)
  })
})
