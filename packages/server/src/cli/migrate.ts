/** `stackmemory migrate`: brings the schema up to date ahead of a deploy, or says what is pending. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Pool } from 'pg'
import { loadEnv } from '../env.ts'
import { openEmbedded } from '../postgres/embedded/open-embedded.ts'
import { migrate, pendingMigrations, schemaVersion, versionNone } from '../postgres/migrate.ts'
import { explainConnection } from './explain-connection.ts'
import { exitCodes, print, printJson, type Io } from './io.ts'
import { createCommandLog } from './local.ts'
import { createProgress } from './progress.ts'

interface MigrationReport {
  version: string
  applied: string[]
  pending: string[]
}

const render = (report: MigrationReport, checkOnly: boolean) => {
  if (report.applied.length > 0)
    return `Applied ${report.applied.join(', ')}. The database is at ${report.version}.`
  if (report.pending.length === 0) return `The database is up to date, at ${report.version}.`
  return checkOnly
    ? `Pending: ${report.pending.join(', ')}. Apply with "stackmemory migrate".`
    : `The database is at ${report.version}.`
}

export const migrateDatabase = async (
  io: Io,
  options: { check?: boolean; json?: boolean },
): Promise<void> => {
  const env = loadEnv(io.env)
  const log = createCommandLog(env)
  const progress = createProgress(io, 'Opening the database')
  const work = async (pool: Pool): Promise<MigrationReport> => {
    const pending = await pendingMigrations(pool)
    if (options.check) return { version: await schemaVersion(pool), applied: [], pending }
    const { applied, version } = await migrate(pool, { log, onProgress: progress.step })
    return { version, applied, pending: [] }
  }
  const onPostgres = async (url: string) => {
    const pool = new Pool({ connectionString: url, max: 2, connectionTimeoutMillis: 10_000 })
    try {
      return await work(pool)
    } catch (error) {
      throw explainConnection(error)
    } finally {
      await pool.end()
    }
  }
  const onEmbedded = async (): Promise<MigrationReport> => {
    // Nothing is there to be checked, and a check creates nothing.
    if (options.check && !existsSync(join(env.DATA_DIR, 'pg')))
      return { version: versionNone, applied: [], pending: [] }
    const embedded = await openEmbedded({ dataDir: env.DATA_DIR, log, onProgress: progress.step })
    try {
      return await work(embedded.pool)
    } finally {
      await embedded.close()
    }
  }
  try {
    const url = env.DATABASE_URL_DIRECT ?? env.DATABASE_URL
    const report =
      env.DATABASE_URL === undefined || url === undefined ? await onEmbedded() : await onPostgres(url)
    progress.done()
    if (options.json) printJson(io, report)
    else print(io, render(report, options.check === true))
    if (options.check && report.pending.length > 0) io.setExitCode(exitCodes.failure)
  } finally {
    progress.done()
  }
}
