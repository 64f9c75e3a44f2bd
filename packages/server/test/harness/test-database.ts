import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Client, Pool } from 'pg'
import { inject } from 'vitest'
import { createEnginePool, openEngine } from '../../src/postgres/embedded/engine.ts'

export { type PostgresCluster, startPostgres } from './start-postgres.ts'
export { silentLog } from './migrate-template.ts'

export type Engine = 'postgres' | 'pglite'

/** Both engines, for `describe.each(engines)`. */
export const engines: readonly Engine[] = ['postgres', 'pglite']

export interface TestDatabase {
  readonly engine: Engine
  /** Superuser pool on a migrated, otherwise empty database of its own. */
  readonly pool: Pool
  /** For a second pool or another role. Only on `postgres`: PGlite has no network. */
  readonly url?: string
  /** Ends the pool and removes the database. */
  close(): Promise<void>
}

export interface TestDatabaseOptions {
  /** Start without the server's migrations, to run migrations of the test's own. */
  readonly empty?: boolean
}

/** Creates a database for one test file: 30-110 ms on PostgreSQL, about a second on PGlite. */
export function createTestDatabase(engine: Engine, options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  return engine === 'postgres' ? createPostgresDatabase(options) : createPgliteDatabase(options)
}

async function createPostgresDatabase({ empty }: TestDatabaseOptions): Promise<TestDatabase> {
  const adminUrl = inject('postgresUrl')
  const template = empty ? 'template0' : inject('postgresTemplate')
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await runAdmin(adminUrl, `create database ${name} template ${template}`)
  const url = new URL(adminUrl)
  url.pathname = `/${name}`
  const pool = new Pool({ connectionString: url.href })
  // The pool's end does not wait for its sockets, and a client that is cut off while closing is an
  // uncaught error.
  const disconnected: Promise<unknown>[] = []
  pool.on('connect', (client) => disconnected.push(new Promise((resolve) => client.once('end', resolve))))
  return {
    engine: 'postgres',
    pool,
    url: url.href,
    async close() {
      if (!pool.ended) await pool.end()
      await Promise.all(disconnected)
      await runAdmin(adminUrl, `drop database if exists ${name} with (force)`)
    },
  }
}

async function runAdmin(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

async function createPgliteDatabase({ empty }: TestDatabaseOptions): Promise<TestDatabase> {
  const template = new Blob([await readFile(inject('pgliteTemplate'))])
  const engine = await openEngine({ durable: false, loadDataDir: template })
  const pool = createEnginePool(engine)
  if (empty) await dropEverything(pool)
  return {
    engine: 'pglite',
    pool,
    async close() {
      if (!pool.ended) await pool.end()
      await engine.close()
    },
  }
}

/** Cheaper than a second dump: initdb is the expensive part, and the template already went through it. */
async function dropEverything(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(
    `select quote_ident(nspname) as name from pg_namespace
     where nspname !~ '^pg_' and nspname <> 'information_schema'`,
  )
  for (const { name } of rows) await pool.query(`drop schema ${name} cascade`)
  await pool.query('create schema public; grant usage on schema public to public')
}
