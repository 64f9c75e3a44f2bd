/**
 * The first step of every owner: the directory is made, judged and locked. It needs nothing of the database, so that
 * of several processes that start at once all but one end before they have loaded it.
 */
import { chmod, mkdir, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Log } from '../../domain/context.ts'
import { DomainError, invalidInput, unavailable } from '../../domain/errors.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'

export interface ClaimOptions {
  readonly dataDir: string
  readonly log: Log
  /** Told to whoever finds the directory in use. */
  readonly ownerInfo?: Record<string, string>
}

export interface DirectoryClaim {
  readonly dataDir: string
  readonly lock: DirectoryLock
  /** Resolves when the lock was taken away or removed by somebody else: stop writing at once. */
  readonly lost: Promise<void>
}

/**
 * @throws DomainError `conflict` while another process owns the directory; `unavailable` when it may not be written;
 *   `invalid_input` for one that cannot hold a database, such as one on a network file system.
 */
export async function claimDirectory(options: ClaimOptions): Promise<DirectoryClaim> {
  const dataDir = resolve(options.dataDir)
  await prepareDataDirectory(dataDir)
  let onLost: () => void = () => {}
  const lost = new Promise<void>((tell) => (onLost = tell))
  const lock = await lockDirectory(dataDir, { log: options.log, info: options.ownerInfo, onLost }).catch(
    (error: unknown) => {
      throw explainFileError(error, dataDir)
    },
  )
  return { dataDir, lock, lost }
}

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
async function prepareDataDirectory(dataDir: string): Promise<void> {
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
export const closeToOthers = (path: string) => chmod(path, 0o700).catch(() => undefined)

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
