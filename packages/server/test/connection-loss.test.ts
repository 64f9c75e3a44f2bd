/** What a caller is told when the database goes away, for real: the server process is killed. */
import { Pool } from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { createDatabase } from '../src/postgres/database.ts'
import { sql } from '../src/postgres/statement.ts'
import { startPostgres, type PostgresCluster } from './harness/test-database.ts'
import { refusal } from './support/world.ts'

const one = sql<{ one: number }>('test.one', 'select 1 as one')
let cluster: PostgresCluster | undefined

afterEach(async () => cluster?.stop())

describe('a database that goes away', () => {
  it('between statements: nothing was changed; during the commit: it may have been [storage.loss]', async () => {
    cluster = await startPostgres({ fsync: true })
    const pool = new Pool({ connectionString: cluster.url, max: 2 })
    await pool.query('create role stackmemory_account')
    const database = createDatabase(pool, 'postgres')
    const scope = { role: 'stackmemory_account', signal: AbortSignal.timeout(60_000) } as const
    const server = cluster

    const before = database.transact(scope, async (tx) => {
      await tx.run(one, [])
      await server.kill()
      await tx.run(one, [])
    })
    expect(await refusal(before)).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('Nothing was changed'),
    })

    await server.restart()
    const during = database.transact(scope, async (tx) => {
      await tx.run(one, [])
      await server.kill()
    })
    expect(await refusal(during)).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('may or may not be there'),
    })

    await server.restart()
    expect(await database.transact(scope, async (tx) => tx.run(one, []))).toEqual([{ one: 1 }])
    await database.close()
  })
})
