/**
 * Where the owner of a data directory listens for the programs of its user: a unix socket in a folder that only
 * this user may enter, or a named pipe on Windows. Who can open it needs no API key.
 *
 * Clients do not compute the address, they read it from the lock of the directory: a desktop program and a
 * terminal often differ in XDG_RUNTIME_DIR or TMPDIR, and would look in different places.
 */
import { createHash, randomBytes } from 'node:crypto'
import { lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { unavailable } from '../domain/errors.ts'

/** `sun_path` holds 104 bytes on macOS and 108 on Linux, with a zero at the end. */
const socketPathBytesMax = 103

export interface AddressOptions {
  readonly env: NodeJS.ProcessEnv
  readonly platform?: NodeJS.Platform
  readonly uid?: number
}

/**
 * The address on which a new owner of the directory listens. On Windows a part of it is random: the name of a pipe
 * can be taken by anybody who guesses it first, so it is known only from the lock.
 */
export const localAddress = (dataDir: string, options: AddressOptions): string => {
  const { env, platform = process.platform, uid = userInfo().uid } = options
  const hash = createHash('sha256').update(realPathOf(dataDir)).digest('hex').slice(0, 20)
  if (platform === 'win32') return `\\\\.\\pipe\\stackmemory-${hash}-${randomBytes(16).toString('hex')}`
  const inFolder = (folder: string) => join(folder, `stackmemory-${uid}`, `${hash}.sock`)
  const path = inFolder(runtimeFolder(env))
  return Buffer.byteLength(path) <= socketPathBytesMax ? path : inFolder('/tmp')
}

const runtimeFolder = (env: NodeJS.ProcessEnv) => {
  const given = env['XDG_RUNTIME_DIR']
  return given !== undefined && isAbsolute(given) && isFolder(given) ? given : tmpdir()
}

const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** With every link followed, also while the last parts of the path do not exist yet. */
const realPathOf = (path: string): string => {
  try {
    return realpathSync.native(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realPathOf(parent), basename(path))
  }
}

/**
 * Makes the folder of a socket, closed to other users.
 * @throws unavailable when somebody else was there first.
 */
export const prepareSocketFolder = (socketPath: string): void => {
  const folder = dirname(socketPath)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  assertPrivate(folder)
}

/**
 * Refuses a socket that another user of this machine may have put there: its folder must be a real one, ours, and
 * closed to everybody else, and so must be the socket. Pipes of Windows are named at random instead.
 * @throws unavailable
 */
export const assertOwnSocket = (socketPath: string): void => {
  if (process.platform === 'win32') return
  assertPrivate(dirname(socketPath))
  const stats = lstatSync(socketPath, { throwIfNoEntry: false })
  if (stats && (!stats.isSocket() || !isOwn(stats.uid))) throw notPrivate(socketPath)
}

const assertPrivate = (folder: string) => {
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  if (!stats) return
  if (!stats.isDirectory() || !isOwn(stats.uid) || (stats.mode & 0o077) !== 0) throw notPrivate(folder)
}

const isOwn = (uid: number) => uid === process.getuid?.()

const notPrivate = (path: string) =>
  unavailable(
    `${path} belongs to another user or is open to others, so local memory is not reached through it. ` +
      'Set XDG_RUNTIME_DIR to a directory that only you may enter.',
  )
