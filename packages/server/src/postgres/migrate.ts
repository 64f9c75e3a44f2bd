import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Pool, PoolClient } from 'pg'
import type { Log } from '../domain/context.ts'
import { conflict, DomainError, unavailable } from '../domain/errors.ts'

/*
 * Numbered, forward-only `.sql` files, applied in order, each in its own transaction.
 *
 * Any number of processes may start at once. Whoever gets the advisory lock applies the next file; the
 * others *poll* for the lock instead of waiting inside a statement, because a waiting statement holds a
 * snapshot and `create index concurrently` would wait for that snapshot forever. The lock is
 * transaction-level, so it also works through a pooler in transaction mode and cannot be left behind.
 *
 * `lock_timeout` with retry: an `alter table` that queues behind one long reader makes every later reader
 * queue behind itself. Measured with a 3 s reader: readers stalled 2,796 ms without the timeout, 101 ms with.
 *
 * A file whose first line is `-- no-transaction` runs statement by statement outside a transaction, for
 * `create index concurrently`. It is run again from its first statement after a failure, so it must be
 * repeatable (`drop index concurrently if exists` first), every statement ends with `;` at the end of a
 * line, and it holds no function bodies. It needs a direct connection, not a transaction-mode pooler.
 */

/** Folder of the migrations that ship with the server; the same place seen from `src` and from `dist`. */
export const migrationsFolder = new URL('../../migrations/', import.meta.url)

/** Version of a database in which no migration has run yet. */
export const versionNone = '0000'

/** Key of the advisory lock that all migrating processes share ("stackmem" in ASCII). */
const lockKey = '8319381491292136813'
const lockTimeoutMsDefault = 100
const retryForMsDefault = 120_000

export interface MigrateOptions {
  /** Folder with the `.sql` files; the server's own by default. */
  readonly folder?: URL | string
  readonly log: Log
  /** Receives one sentence per step, fit to show to a person. */
  readonly onProgress?: (message: string) => void
  /** Last version to apply, to restore a snapshot of that version; the newest by default. */
  readonly to?: string
  /** How long one statement may queue for a table lock before it backs off and tries again. */
  readonly lockTimeoutMs?: number
  /** How long to keep trying, for table locks and for the turn to migrate, before giving up. */
  readonly retryForMs?: number
}

export interface MigrateResult {
  /** Versions applied by this call, in order. Empty when another process was faster or nothing was to do. */
  readonly applied: string[]
  /** Version of the database afterwards, for example `0003_tasks`. */
  readonly version: string
}

interface Migration {
  /** File name without `.sql`; sorts in the order of application. */
  readonly version: string
  readonly checksum: string
  readonly sql: string
  readonly transaction: boolean
}

/**
 * Brings the database to the newest version in the folder. Safe to call from many processes at once.
 *
 * @throws DomainError `conflict` when a file that was applied has changed, or the database is newer than
 *   this program; `unavailable` when locks could not be had within `retryForMs`; `internal` when a migration
 *   fails (the database error is its `cause`).
 */
export async function migrate(pool: Pool, options: MigrateOptions): Promise<MigrateResult> {
  const all = await loadMigrations(options.folder ?? migrationsFolder)
  const migrations = options.to === undefined ? all : upTo(all, options.to)
  const applied: string[] = []
  for (;;) {
    const step = await applyNext(pool, migrations, options)
    if (step === undefined) return { applied, version: migrations.at(-1)?.version ?? versionNone }
    applied.push(step)
  }
}

/** Versions that `migrate` would apply, in order. Changes nothing. Same errors as {@link migrate}. */
export async function pendingMigrations(
  pool: Pool,
  options: Pick<MigrateOptions, 'folder'> = {},
): Promise<string[]> {
  const migrations = await loadMigrations(options.folder ?? migrationsFolder)
  return findPending(migrations, await appliedMigrations(pool)).map((migration) => migration.version)
}

/** The version the database is at, or `0000` when no migration has run in it. */
export async function schemaVersion(db: Pick<Pool, 'query'>): Promise<string> {
  return [...(await appliedMigrations(db)).keys()].at(-1) ?? versionNone
}

async function loadMigrations(folder: URL | string): Promise<Migration[]> {
  const path = folder instanceof URL ? fileURLToPath(folder) : folder
  const names = (await readdir(path)).filter((name) => name.endsWith('.sql')).toSorted()
  const misnamed = names.find((name) => !/^\d{4}_[a-z0-9_]+\.sql$/.test(name))
  if (misnamed !== undefined) {
    throw new Error(`Migration ${misnamed} must be named like 0007_add_labels.sql.`)
  }
  const twice = names.find((name, i) => names[i + 1]?.slice(0, 4) === name.slice(0, 4))
  if (twice !== undefined) throw new Error(`Two migrations have the number ${twice.slice(0, 4)}.`)
  return Promise.all(names.map((name) => loadMigration(path, name)))
}

function upTo(migrations: Migration[], version: string): Migration[] {
  if (version !== versionNone && !migrations.some((migration) => migration.version === version)) {
    throw newerDatabase(version, migrations.at(-1)?.version ?? versionNone)
  }
  return migrations.filter((migration) => migration.version <= version)
}

async function loadMigration(folder: string, name: string): Promise<Migration> {
  // A checkout on Windows may have changed the line ends; that is not a changed migration.
  const sql = (await readFile(`${folder}/${name}`, 'utf8')).replaceAll('\r\n', '\n')
  return {
    version: name.slice(0, -'.sql'.length),
    checksum: createHash('sha256').update(sql).digest('hex'),
    sql,
    transaction: !/^-- no-transaction\b/.test(sql),
  }
}

async function appliedMigrations(db: Pick<Pool, 'query'>): Promise<Map<string, string>> {
  // Not to_regclass: it reads the catalog cache of this connection, which may still say "no such table"
  // after another process created it, when the transaction began before that process committed.
  const table = await db.query<{ found: boolean }>(
    `select exists (select from pg_class where relname = 'schema_migrations'
       and relnamespace = 'public'::regnamespace) as found`,
  )
  if (!table.rows[0]?.found) return new Map()
  const { rows } = await db.query<{ version: string; checksum: string }>(
    'select version, checksum from public.schema_migrations order by version collate "C"',
  )
  return new Map(rows.map((row) => [row.version, row.checksum]))
}

function findPending(migrations: Migration[], applied: Map<string, string>): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.version, migration]))
  for (const [version, checksum] of applied) {
    const migration = known.get(version)
    if (migration === undefined) throw newerDatabase(version, migrations.at(-1)?.version ?? versionNone)
    if (migration.checksum !== checksum) throw changedMigration(version)
  }
  const last = [...applied.keys()].at(-1) ?? versionNone
  const pending = migrations.filter((migration) => !applied.has(migration.version))
  const late = pending.find((migration) => migration.version < last)
  if (late !== undefined) throw lateMigration(late.version, last)
  return pending
}

const newerDatabase = (version: string, newest: string) =>
  conflict(
    `The database has migration ${version}, which this program does not know (its newest is ${newest}): ` +
      'a newer release has used it. Start that release or a later one; the data is unchanged.',
    { version, newest },
  )

const changedMigration = (version: string) =>
  conflict(
    `Migration ${version} was changed after it had been applied to this database. Restore the released ` +
      'file, for example by reinstalling the program, and put the change into a new migration.',
    { version },
  )

const lateMigration = (version: string, last: string) =>
  conflict(
    `Migration ${version} comes before ${last}, which was already applied. Give it a number after ${last}.`,
    { version, last },
  )

/** Applies one migration, retrying while locks are taken; undefined when none is pending. */
async function applyNext(pool: Pool, migrations: Migration[], options: MigrateOptions) {
  const deadline = performance.now() + (options.retryForMs ?? retryForMsDefault)
  for (let attempt = 1; ; attempt++) {
    const client = await pool.connect()
    try {
      const outcome = await attemptNext(client, migrations, options)
      if (outcome !== 'busy') return outcome.applied
    } finally {
      client.release()
    }
    if (performance.now() > deadline) throw locksTaken()
    await sleep(Math.min(1000, 20 * attempt) * (0.5 + Math.random()))
  }
}

const locksTaken = () =>
  unavailable(
    'The database could not be migrated because other transactions held the locks for too long. Nothing ' +
      'was changed; wait for long-running transactions or another migrating process to end and start again.',
  )

type Outcome = 'busy' | { readonly applied: string | undefined }

async function attemptNext(
  client: PoolClient,
  migrations: Migration[],
  options: MigrateOptions,
): Promise<Outcome> {
  // Usual case at start: nothing to do, found out without a transaction or a lock.
  const [first] = findPending(migrations, await appliedMigrations(client))
  if (first === undefined) return { applied: undefined }
  options.onProgress?.(
    `Migrating the database: ${first.version} (${migrations.indexOf(first) + 1} of ${migrations.length})`,
  )
  const run = first.transaction ? applyInTransaction : applyStatements
  try {
    return await run(client, migrations, first, options)
  } catch (error) {
    await client.query('rollback')
    if (isLockTimeout(error)) return 'busy'
    if (error instanceof DomainError) throw error
    options.log.error({ err: error, version: first.version }, 'migration failed')
    throw new DomainError(
      'internal',
      `Migration ${first.version} failed and was rolled back; see the log for the database error.`,
      { cause: error, details: { version: first.version } },
    )
  }
}

const isLockTimeout = (error: unknown) =>
  // 55P03 lock_not_available; 40P01 deadlock_detected.
  error instanceof Error && 'code' in error && (error.code === '55P03' || error.code === '40P01')

async function applyInTransaction(
  client: PoolClient,
  migrations: Migration[],
  expected: Migration,
  options: MigrateOptions,
): Promise<Outcome> {
  await client.query('begin')
  if (!(await tryLock(client, 'pg_try_advisory_xact_lock'))) {
    await client.query('rollback')
    return 'busy'
  }
  // Another process may have applied it between the first look and the lock.
  const [next] = findPending(migrations, await appliedMigrations(client))
  if (next !== expected) {
    await client.query('rollback')
    return 'busy'
  }
  await client.query(
    `set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0;
     set local lock_timeout = ${lockTimeoutMs(options)}`,
  )
  const startedMs = performance.now()
  await client.query(next.sql)
  await recordMigration(client, next)
  await client.query('commit')
  logApplied(options, next, startedMs)
  return { applied: next.version }
}

async function applyStatements(
  client: PoolClient,
  migrations: Migration[],
  expected: Migration,
  options: MigrateOptions,
): Promise<Outcome> {
  if (!(await tryLock(client, 'pg_try_advisory_lock'))) return 'busy'
  try {
    const [next] = findPending(migrations, await appliedMigrations(client))
    if (next !== expected) return 'busy'
    await client.query(`set statement_timeout = 0; set lock_timeout = ${lockTimeoutMs(options)}`)
    const startedMs = performance.now()
    for (const statement of next.sql.split(/;[ \t]*(?:\n|$)/)) {
      // Comments alone are no statement, and the server would answer an empty query.
      if (statement.replaceAll(/--.*$/gm, '').trim() !== '') await client.query(statement)
    }
    await recordMigration(client, next)
    logApplied(options, next, startedMs)
    return { applied: next.version }
  } finally {
    await client.query(`reset statement_timeout; reset lock_timeout; select pg_advisory_unlock(${lockKey})`)
  }
}

const lockTimeoutMs = (options: MigrateOptions) => Math.round(options.lockTimeoutMs ?? lockTimeoutMsDefault)

async function tryLock(client: PoolClient, name: 'pg_try_advisory_xact_lock' | 'pg_try_advisory_lock') {
  const { rows } = await client.query<{ locked: boolean }>(`select ${name}(${lockKey}) as locked`)
  return rows[0]?.locked === true
}

async function recordMigration(client: PoolClient, migration: Migration): Promise<void> {
  await client.query(
    `create table if not exists public.schema_migrations (
       version text primary key, checksum text not null, applied_at timestamptz not null default now())`,
  )
  await client.query('insert into public.schema_migrations (version, checksum) values ($1, $2)', [
    migration.version,
    migration.checksum,
  ])
}

function logApplied(options: MigrateOptions, migration: Migration, startedMs: number): void {
  const durationMs = Math.round(performance.now() - startedMs)
  options.log.info({ version: migration.version, durationMs }, 'migration applied')
}
