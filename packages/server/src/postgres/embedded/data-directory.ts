import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rename, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { conflict, DomainError, invalidInput, unavailable } from '../../domain/errors.ts'
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

/** `f_type` of statfs(2) on Linux for file systems where locks and fsync cannot be relied on. */
const networkFileSystems = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9p'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
])

/** Creates the directory when it is missing and says early, in plain words, when it cannot hold a database. */
export async function prepareDataDirectory(dataDir: string): Promise<void> {
  try {
    const snapshots = join(dataDir, 'snapshots')
    await mkdir(snapshots, { recursive: true, mode: 0o700 })
    await closeToOthers(snapshots)
    await assertLocal(dataDir)
  } catch (error) {
    throw explainFileError(error, dataDir)
  }
}

/**
 * The engine makes its files readable and writable for everybody, and the data directory may have been there before,
 * open to others: what is inside protects itself. Where the file system knows no modes, `doctor` says so.
 */
const closeToOthers = (path: string) => chmod(path, 0o700).catch(() => undefined)

async function assertLocal(dataDir: string): Promise<void> {
  const stats = process.platform === 'linux' ? await statfs(dataDir) : undefined
  const network = dataDir.startsWith('\\\\') ? 'network share' : networkFileSystems.get(stats?.type ?? 0)
  if (network === undefined) return
  throw invalidInput(
    `The data directory ${dataDir} is on a network file system (${network}), where a database can be damaged. ` +
      'Choose a directory on a local disk, or use a PostgreSQL server.',
    { dataDir, fileSystem: network },
  )
}

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

/** Turns what the operating system said into a sentence of ours; other errors pass unchanged. */
export function explainFileError(error: unknown, dataDir: string): unknown {
  if (error instanceof DomainError || typeof error !== 'object' || error === null) return error
  // What the engine's file system throws is no Error; `errno` 51, 63, 69 and 2 are its numbers for the same four.
  const code = 'code' in error ? error.code : 'errno' in error ? error.errno : undefined
  switch (code) {
    case 'ENOSPC':
    case 51:
      return unavailable(`The disk of ${dataDir} is full. Free at least 150 MB and start again.`, error)
    case 'EROFS':
    case 69:
      return unavailable(
        `${dataDir} is on a read-only disk. Choose a data directory that can be written.`,
        error,
      )
    case 'EACCES':
    case 'EPERM':
    case 63:
    case 2:
      return unavailable(
        `${dataDir} may not be written by this user. Correct its owner or choose another data directory.`,
        error,
      )
    case 'ENOTDIR':
    case 'EEXIST':
      return invalidInput(`${dataDir} cannot be a data directory: part of the path is a file.`, { dataDir })
    default:
      return error
  }
}
