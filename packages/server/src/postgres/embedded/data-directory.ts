import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { conflict } from '../../domain/errors.ts'
import { closeToOthers, explainFileError } from './claim-directory.ts'
import { DurableNodeFS, fsyncPath } from './durable-node-fs.ts'
import { embeddedMajor, openEngine } from './engine.ts'
import { newestSnapshot } from './snapshot-folder.ts'

/*
 * A data directory holds `pg/` (the database), `snapshots/` and `lock`.
 *
 * `pg/` is made in `pg.tmp-<pid>` and renamed when it is complete and flushed: of 15 first starts killed at
 * random moments one left a directory that nothing could open again.
 */

/** A new database takes 40 MB and its log grows to 64 MB; below this, starting would only end half-way. */
const freeBytesMin = 150 * 2 ** 20

/**
 * Creates `pg/` unless it is there, and checks that this program can open it. The caller holds the lock.
 *
 * @returns the path of `pg/`
 * @throws DomainError `conflict` when another major version wrote it; `unavailable` when the disk is full or
 *   may not be written.
 */
export async function prepareDatabaseFiles(dataDir: string, onProgress?: (message: string) => void) {
  const path = join(dataDir, 'pg')
  try {
    await removeUnfinished(dataDir)
    if (existsSync(path)) await assertSameMajor(path, dataDir)
    else await createDatabaseFiles(path, dataDir, onProgress)
    await closeToOthers(path)
    await removeServerLock(path)
    return path
  } catch (error) {
    throw explainFileError(error, dataDir)
  }
}

/**
 * Removes PostgreSQL's own lock file, which says nothing here (its process number is always -42) but keeps the
 * database from opening when a power cut left it empty. Only for the holder of our lock.
 */
export const removeServerLock = (path: string) => rm(join(path, 'postmaster.pid'), { force: true })

/** Only the holder of the lock creates databases, so whatever is unfinished belongs to a dead process. */
async function removeUnfinished(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (name.startsWith('pg.tmp-')) await rm(join(dataDir, name), { recursive: true, force: true })
  }
}

async function createDatabaseFiles(path: string, dataDir: string, onProgress?: (message: string) => void) {
  onProgress?.('Creating the database (only the first time, a few seconds)')
  const { bavail, bsize } = await statfs(dataDir)
  if (bavail * bsize < freeBytesMin) throw Object.assign(new Error('too little space'), { code: 'ENOSPC' })
  const temporary = join(dataDir, `pg.tmp-${process.pid}`)
  try {
    await mkdir(temporary, { mode: 0o700 })
    const engine = await openEngine({ durable: true, fs: new DurableNodeFS(temporary) })
    await engine.close()
    await fsyncTree(temporary)
    await rename(temporary, path)
    fsyncPath(dataDir)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    throw error
  }
}

/** initdb's files are copied into place without fsync; PostgreSQL only flushes what it writes later. */
async function fsyncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await fsyncTree(path)
    else if (entry.isFile()) fsyncPath(path)
  }
  fsyncPath(folder)
}

async function assertSameMajor(path: string, dataDir: string): Promise<void> {
  const major = await readFile(join(path, 'PG_VERSION'), 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  )
  if (major === embeddedMajor) return
  const from = await howToRestore(dataDir)
  if (major === undefined) {
    throw conflict(`${path} is not a database of this program (it has no PG_VERSION). ${from}`, { dataDir })
  }
  throw conflict(
    `The data directory ${dataDir} was written by an embedded PostgreSQL ${major} and this program has ` +
      `${embeddedMajor}, which cannot read it. Nothing was changed. ${from}`,
    { dataDir, found: major, expected: embeddedMajor },
  )
}

/** What to do when the files themselves cannot be used. */
export async function howToRestore(dataDir: string): Promise<string> {
  const snapshot = await newestSnapshot(dataDir)
  if (snapshot === undefined) return 'Start the release that wrote it, or choose another data directory.'
  return (
    'Start the release that wrote it, or choose a new data directory and restore the newest snapshot into ' +
    `it: ${snapshot}`
  )
}
