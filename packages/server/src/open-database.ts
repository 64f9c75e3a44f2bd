/** Opens the database that the configuration names, embedded or not, and brings its schema up to date. */
import { Pool } from 'pg'
import type { Log } from './domain/context.ts'
import { invalidInput, unavailable } from './domain/errors.ts'
import type { Env } from './env.ts'
import { createDatabase, type Database } from './postgres/database.ts'
import {
  openEmbedded,
  type EmbeddedDatabase,
  type OpenEmbeddedOptions,
} from './postgres/embedded/open-embedded.ts'
import { migrate } from './postgres/migrate.ts'

export interface OpenDatabase {
  database: Database
  /** For maintenance that needs more than a role of the application: migrations, snapshots, doctor. */
  pool: Pool
  embedded: EmbeddedDatabase | undefined
  close(): Promise<void>
}

const serverVersionMin = 150_000

const connectTimeoutMs = 10_000

const assertVersion = async (pool: Pool) => {
  const { rows } = await pool.query<{ version: number }>(
    `select current_setting('server_version_num')::int as version`,
  )
  if ((rows[0]?.version ?? 0) < serverVersionMin)
    throw invalidInput('The server behind DATABASE_URL is older than PostgreSQL 15. Use version 15 or newer.')
}

const openPostgres = async (
  env: Env,
  url: string,
  log: Log,
  onProgress: (message: string) => void,
): Promise<OpenDatabase> => {
  const options = {
    max: env.DATABASE_POOL_MAX,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 30_000,
    application_name: 'stackmemory',
  }
  onProgress('Connecting to PostgreSQL')
  const direct = new Pool({ ...options, connectionString: env.DATABASE_URL_DIRECT ?? url, max: 2 })
  try {
    await assertVersion(direct)
    await migrate(direct, { log, onProgress })
  } catch (error) {
    throw explainConnection(error)
  } finally {
    await direct.end()
  }
  const pool = new Pool({ ...options, connectionString: url })
  const database = createDatabase(pool, 'postgres', { statementTimeoutMs: env.DATABASE_STATEMENT_TIMEOUT_MS })
  return { database, pool, embedded: undefined, close: async () => database.close() }
}

const explainConnection = (error: unknown) => {
  const code = (error as { code?: unknown } | null)?.code
  if (code === '28P01' || code === '28000')
    return invalidInput('PostgreSQL refused the user or password of DATABASE_URL. Check both.')
  if (code === '3D000')
    return invalidInput('The database named in DATABASE_URL is not there. Create it, then start again.')
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'ETIMEDOUT')
    return unavailable(
      'PostgreSQL cannot be reached at the address of DATABASE_URL. Check the address, and that the server runs.',
      error,
    )
  return error
}

export const openDatabase = async (
  env: Env,
  log: Log,
  onProgress: (message: string) => void,
  options: Pick<OpenEmbeddedOptions, 'ownerInfo' | 'claim' | 'snapshotAtClose'> = {},
): Promise<OpenDatabase> => {
  if (env.DATABASE_URL !== undefined) return openPostgres(env, env.DATABASE_URL, log, onProgress)
  const embedded = await openEmbedded({ ...options, dataDir: env.DATA_DIR, log, onProgress })
  try {
    await migrate(embedded.pool, { log, onProgress })
  } catch (error) {
    await embedded.close()
    throw error
  }
  return {
    database: createDatabase(embedded.pool, 'pglite'),
    pool: embedded.pool,
    embedded,
    close: async () => embedded.close(),
  }
}
