import type { Pool } from 'pg'
import { isDomainError } from '../domain/errors.ts'
import { pendingMigrations, schemaVersion } from '../postgres/migrate.ts'
import { failed, ok, warning, type Check } from './check.ts'

const versionMin = 150_000
const skewWarnMs = 5_000
const skewFailMs = 5 * 60_000
const roles = ['stackmemory_app', 'stackmemory_account', 'stackmemory_search'] as const

const checkServer = async (pool: Pool): Promise<Check> => {
  const { rows } = await pool.query<{ number: number; version: string }>(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as version`,
  )
  const { number = 0, version = '' } = rows[0] ?? {}
  return number >= versionMin
    ? ok('database', `PostgreSQL ${version.split(' ')[0] ?? ''}`)
    : failed('database', `PostgreSQL ${version} is too old. Use version 15 or newer.`)
}

const checkMigrations = async (pool: Pool): Promise<Check> => {
  try {
    const pending = await pendingMigrations(pool)
    return pending.length === 0
      ? ok('migrations', `Up to date, at ${await schemaVersion(pool)}`)
      : warning(
          'migrations',
          `Pending: ${pending.join(', ')}. The next start applies them, or "stackmemory migrate".`,
        )
  } catch (error) {
    if (isDomainError(error)) return failed('migrations', error.publicMessage)
    throw error
  }
}

/** What the first migration needs and makes. */
const checkParts = async (pool: Pool): Promise<Check> => {
  const { rows } = await pool.query<{ extension: boolean; available: boolean; roles: string[] }>(
    `select exists (select from pg_extension where extname = 'btree_gin') as extension,
       exists (select from pg_available_extensions where name = 'btree_gin') as available,
       array(select rolname::text from pg_roles where rolname = any ($1::text[])
         and pg_has_role(current_user, oid, 'member')) as roles`,
    [roles],
  )
  const { extension = false, available = false, roles: held = [] } = rows[0] ?? {}
  if (!extension && !available)
    return failed(
      'extensions',
      'The extension btree_gin cannot be installed. Install the contrib package of PostgreSQL.',
    )
  const missing = roles.filter((role) => !held.includes(role))
  if (extension && missing.length > 0)
    return failed(
      'roles',
      `The user of DATABASE_URL cannot use ${missing.join(', ')}. Grant the roles to it, or migrate as a user who may.`,
    )
  return ok('extensions', extension ? 'btree_gin and the roles are there.' : 'btree_gin can be installed.')
}

const checkClock = async (pool: Pool, now: Date): Promise<Check> => {
  const { rows: tables } = await pool.query<{ there: boolean }>(
    `select to_regclass('public.api_keys') is not null and to_regclass('public.frames') is not null as there`,
  )
  const newest = tables[0]?.there
    ? await pool.query<{ newest: Date | null; serverNow: Date }>(
        `select greatest((select max(created_at) from api_keys), (select max(created_at) from frames)) as newest,
           clock_timestamp() as "serverNow"`,
      )
    : await pool.query<{ newest: null; serverNow: Date }>(
        `select null as newest, clock_timestamp() as "serverNow"`,
      )
  const { newest: newestAt = null, serverNow = now } = newest.rows[0] ?? {}
  const aheadMs = newestAt ? newestAt.getTime() - Date.now() : 0
  if (aheadMs > skewFailMs)
    return failed(
      'clock',
      `The newest row is of ${newestAt?.toISOString() ?? ''}, which is in the future. Correct the time of this machine.`,
    )
  const skewMs = Math.abs(serverNow.getTime() - Date.now())
  return skewMs > skewWarnMs
    ? warning(
        'clock',
        `This machine and the database differ by ${Math.round(skewMs / 1_000)} s. Correct the time of one.`,
      )
    : ok('clock', new Date().toISOString())
}

/** Whatever an open connection can tell. @throws when the database cannot be reached. */
export const checkDatabase = async (pool: Pool, now: Date): Promise<Check[]> => [
  await checkServer(pool),
  await checkParts(pool),
  await checkMigrations(pool),
  await checkClock(pool, now),
]
