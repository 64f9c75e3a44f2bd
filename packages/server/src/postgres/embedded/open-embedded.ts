import type { Pool } from 'pg'
import type { Log } from '../../domain/context.ts'
import { isDomainError, unavailable } from '../../domain/errors.ts'
import { claimDirectory, type DirectoryClaim, explainFileError } from './claim-directory.ts'
import { howToRestore, prepareDatabaseFiles } from './data-directory.ts'
import type { DirectoryLock } from './directory-lock.ts'
import { DurableNodeFS } from './durable-node-fs.ts'
import { createEnginePool, openEngine } from './engine.ts'
import { lastTransaction } from './last-transaction.ts'
import { createMaintenance } from './maintenance.ts'
import { type OpenedEngine, openRecovering, type RecoveringEngine } from './recovering-engine.ts'
import { readSnapshotHeader } from './restore-snapshot.ts'
import { newestSnapshot } from './snapshot-folder.ts'
import { writeSnapshot } from './snapshot.ts'

export interface OpenEmbeddedOptions {
  /** Directory of our own; created when missing. It will hold `pg/`, `snapshots/` and `lock`. */
  readonly dataDir: string
  readonly log: Log
  /** Receives one sentence per step, fit to show to a person. */
  readonly onProgress?: (message: string) => void
  /** How often to look whether to vacuum, analyze or checkpoint; 0 for never. */
  readonly maintenanceIntervalMs?: number
  /** How old the newest snapshot may become while something is written; 0 for none by itself. */
  readonly snapshotIntervalMs?: number
  /** Told to whoever finds the directory in use, for example `{ url }`. */
  readonly ownerInfo?: Record<string, string>
  /** The directory was claimed before; without it this call does that. Given back in any case. */
  readonly claim?: DirectoryClaim
  /** Whether closing may take the time to write a snapshot; `snapshotWhenDue` is for those who cannot wait then. */
  readonly snapshotAtClose?: boolean
}

export interface EmbeddedDatabase {
  /** One client, a superuser. `statement_timeout` is not honoured, and a running query blocks the process. */
  readonly pool: Pool
  readonly dataDir: string
  /** Replaces what others are told about this owner, for example once the server listens. */
  setOwnerInfo(info: Record<string, string>): Promise<void>
  /** Writes a snapshot now and returns its path. */
  snapshot(): Promise<string>
  /** Writes one when the newest is older than `snapshotIntervalMs` and something was written since. */
  snapshotWhenDue(): Promise<void>
  /** Writes a snapshot when something was written since the last, then closes and unlocks. Safe to repeat. */
  close(): Promise<void>
}

const day = 24 * 60 * 60 * 1000
/** How long a transaction may hold the only client before others are refused it. */
const waitForClientMs = 60_000

/**
 * Opens the embedded PostgreSQL in a directory that this process then owns alone.
 *
 * @throws DomainError `conflict` while another process owns the directory, or when another major version wrote
 *   it; `unavailable` when the disk is full or may not be written, or the files are damaged; `invalid_input`
 *   for a directory that cannot hold a database, such as one on a network file system.
 */
export async function openEmbedded(options: OpenEmbeddedOptions): Promise<EmbeddedDatabase> {
  const { log } = options
  const claim = options.claim ?? (await claimDirectory(options))
  const { dataDir, lock } = claim
  let pool: Pool | undefined
  void claim.lost.then(() => pool?.end()).catch(() => undefined)
  try {
    const engine = await openRecovering(() => openDatabaseFiles(dataDir, options), log)
    pool = createEnginePool(engine, { connectionTimeoutMillis: waitForClientMs })
    try {
      return await keep(engine, pool, lock, dataDir, options)
    } catch (error) {
      await pool.end()
      await engine.close()
      throw error
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function openDatabaseFiles(dataDir: string, options: OpenEmbeddedOptions): Promise<OpenedEngine> {
  const path = await prepareDatabaseFiles(dataDir, options.onProgress)
  options.onProgress?.('Opening the database')
  const said: string[] = []
  const fs = new DurableNodeFS(path)
  try {
    const engine = await openEngine({
      durable: true,
      fs,
      onStderr: (line) => said.push(line) === 0, // false: do not print it
    })
    return { engine, abandon: () => fs.abandon() }
  } catch (error) {
    fs.abandon()
    options.log.error({ err: error, said: said.slice(-20) }, 'the embedded database does not open')
    // The engine's own error does not say why PostgreSQL gave up; PostgreSQL does.
    const isFull = said.some((line) => line.includes('No space left on device'))
    const explained = explainFileError(isFull ? diskFull(error) : error, dataDir)
    if (isDomainError(explained)) throw explained
    throw unavailable(`The database in ${dataDir} does not open. ${await howToRestore(dataDir)}`, error)
  }
}

const diskFull = (cause: unknown) => Object.assign(new Error('disk full', { cause }), { code: 'ENOSPC' })

async function keep(
  engine: RecoveringEngine,
  pool: Pool,
  lock: DirectoryLock,
  dataDir: string,
  options: OpenEmbeddedOptions,
): Promise<EmbeddedDatabase> {
  const { log, maintenanceIntervalMs = 30_000, snapshotIntervalMs = day, snapshotAtClose = true } = options
  const snapshots = await trackSnapshots(pool, dataDir)
  const maintain = createMaintenance(pool, log)

  // One piece of housekeeping at a time; close() waits for the last.
  let housekeeping: Promise<unknown> = Promise.resolve()
  const enqueue = <T>(work: () => Promise<T>): Promise<T> => {
    const result = housekeeping.then(work)
    housekeeping = result.catch(() => undefined)
    return result
  }
  let busy = false
  const every = (intervalMs: number, what: string, work: () => Promise<unknown>) =>
    setInterval(() => {
      if (busy) return
      busy = true
      enqueue(work)
        .catch((error: unknown) => log.warn({ err: error }, `${what} failed; it is tried again`))
        .finally(() => (busy = false))
    }, intervalMs).unref()
  const timers = [
    ...(maintenanceIntervalMs > 0 ? [every(maintenanceIntervalMs, 'maintenance', maintain)] : []),
    ...(snapshotIntervalMs > 0
      ? [
          every(Math.min(60_000, snapshotIntervalMs), 'snapshot', () =>
            snapshots.writeWhenDue(snapshotIntervalMs),
          ),
        ]
      : []),
  ]

  let closed: Promise<void> | undefined
  const close = async () => {
    for (const timer of timers) clearInterval(timer)
    await housekeeping
    if (snapshotIntervalMs > 0 && snapshotAtClose) {
      await snapshots.writeWhenChanged(options.onProgress).catch((error: unknown) => {
        log.warn({ err: error }, 'no snapshot at close; the database itself is complete')
      })
    }
    if (!pool.ending) await pool.end()
    await engine.close()
    await lock.release()
  }
  return {
    pool,
    dataDir,
    setOwnerInfo: (info) => lock.setInfo(info),
    snapshot: () => enqueue(() => snapshots.write()),
    snapshotWhenDue: () => enqueue(() => snapshots.writeWhenDue(snapshotIntervalMs)),
    close: () => (closed ??= close()),
  }
}

/** Knows what the newest snapshot holds, also across restarts and crashes. */
async function trackSnapshots(pool: Pool, dataDir: string) {
  const newest = await newestSnapshot(dataDir)
  const header = newest === undefined ? undefined : await readSnapshotHeader(newest).catch(() => undefined)
  const openedAtMs = Date.now()
  const isNew = header === undefined && !(await hasTables(pool))
  let takenAtMs = isNew ? openedAtMs : Date.parse(header?.createdAt ?? '1970-01-01')
  let takenAt = isNew ? await lastTransaction(pool) : header?.lastTransaction

  const write = async (shouldYield?: () => boolean) => {
    const path = await writeSnapshot(pool, dataDir, { shouldYield })
    takenAtMs = Date.now()
    takenAt = (await readSnapshotHeader(path)).lastTransaction
    return path
  }
  const isChanged = async () => (await lastTransaction(pool)) !== takenAt
  return {
    write: () => write(),
    async writeWhenChanged(onProgress?: (message: string) => void) {
      if (!(await isChanged())) return
      onProgress?.('Writing a snapshot of the database')
      await write()
    },
    /** Gives way to users until it is overdue by as much again. */
    async writeWhenDue(intervalMs: number) {
      const ageMs = Date.now() - takenAtMs
      if (ageMs < intervalMs || !(await isChanged())) return
      const overdue = Date.now() - Math.max(takenAtMs, openedAtMs) >= 2 * intervalMs
      await write(overdue ? undefined : () => pool.waitingCount > 0)
    },
  }
}

async function hasTables(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ some: boolean }>(
    `select exists (select from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r') as some`,
  )
  return rows[0]?.some === true
}
