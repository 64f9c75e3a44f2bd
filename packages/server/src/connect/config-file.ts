/**
 * Reads and writes the file of somebody else: whole or not at all, through symbolic links, with its mode, and
 * never over a change that came in between.
 */
import { constants } from 'node:fs'
import {
  access,
  chown,
  lstat,
  mkdir,
  open,
  readFile,
  readlink,
  realpath,
  rename,
  rmdir,
  stat,
  unlink,
} from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandFailure, dataError, exitCodes } from '../cli/io.ts'

/** Claude Code's own file grows with its use; nothing sensible is larger than this. */
const fileBytesMax = 64 * 1024 * 1024

export interface ConfigFile {
  /** Where the bytes are: behind symbolic links. */
  path: string
  /** Undefined when the file does not exist. */
  bytes?: Buffer
  text: string
  mode: number
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code

/** The file that a path means, behind links in any of its parts, also when it does not exist yet. */
const findTarget = async (path: string): Promise<string> => {
  try {
    return await realpath(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
  const link = await lstat(path).catch(() => undefined)
  const folder = dirname(path)
  if (folder === path) return path
  const realFolder = await findTarget(folder)
  // The system refuses links in a circle above, so this ends.
  return link?.isSymbolicLink()
    ? findTarget(resolve(realFolder, await readlink(path)))
    : join(realFolder, basename(path))
}

const decode = (path: string, bytes: Buffer): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw dataError(`${path} is not UTF-8 text, so nothing was changed. Save it as UTF-8 first.`, error)
  }
}

/** @throws a sentence for a person when the path can't be read as text. */
export const readConfig = async (asked: string): Promise<ConfigFile> => {
  try {
    const path = await findTarget(asked)
    const info = await stat(path).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    })
    if (!info) return { path, text: '', mode: 0o600 }
    if (!info.isFile()) throw dataError(`${path} is not a file, so nothing was changed.`)
    if (info.size > fileBytesMax)
      throw dataError(`${path} is larger than ${fileBytesMax} bytes, so nothing was changed.`)
    const bytes = await readFile(path)
    return { path, bytes, text: decode(path, bytes), mode: info.mode & 0o7777 }
  } catch (error) {
    throw explain(error, asked, 'read')
  }
}

const explain = (error: unknown, path: string, verb: string): unknown => {
  const code = codeOf(error)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new CommandFailure(
      exitCodes.unavailable,
      `${path} may not be ${verb} by you (${code}). Nothing was changed.`,
      { cause: error },
    )
  if (code === 'ENOTDIR' || code === 'ELOOP')
    return dataError(`${path} cannot be reached: a part of it is no folder (${code}).`, error)
  if (code === 'ENOSPC')
    return new CommandFailure(exitCodes.unavailable, `The disk is full. ${path} was not changed.`)
  return error
}

/** A file that its owner made read-only stays as it is, even where the system would let us replace it. */
export const assertWritable = async ({ path, bytes, mode }: ConfigFile): Promise<void> => {
  if (!bytes) return
  const isReadOnly = (mode & 0o222) === 0
  const isAllowed = await access(path, constants.W_OK).then(
    () => true,
    () => false,
  )
  if (isReadOnly || !isAllowed)
    throw new CommandFailure(
      exitCodes.unavailable,
      `${path} is read-only. Nothing was changed. Make it writable, or paste what --print shows.`,
    )
}

/** Makes the folder of a file, and tells which folders were not there. */
const makeFolders = async (folder: string): Promise<string[]> => {
  const first = await mkdir(folder, { recursive: true })
  if (first === undefined) return []
  const made: string[] = []
  for (let each = folder; each.length >= first.length; each = dirname(each)) made.push(each)
  return made
}

const writeNew = async (path: string, content: string | Buffer, mode: number) => {
  const file = await open(path, 'wx', mode)
  try {
    await file.writeFile(content)
    await file.chmod(mode)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** On Windows another program that reads the file holds up the exchange for a moment. */
const renameOver = async (from: string, to: string) => {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await rename(from, to)
    } catch (error) {
      if (process.platform !== 'win32' || attempt === 5) throw error
      await sleep(attempt * 50)
    }
}

const syncFolder = async (folder: string) => {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** @throws conflict when the file is no longer what was read. */
const assertUnchanged = async ({ path, bytes }: ConfigFile) => {
  const now = await readFile(path).catch(() => undefined)
  if (bytes === undefined ? now === undefined : now?.equals(bytes)) return
  throw new CommandFailure(
    exitCodes.conflict,
    `${path} was changed by another program at this moment. Nothing was changed; run the command again.`,
  )
}

/** Replaces the file whole: a new one beside it, flushed, then renamed. @returns the folders it had to make. */
export const writeConfig = async (file: ConfigFile, text: string, mode: number): Promise<string[]> => {
  const folder = dirname(file.path)
  const temporary = join(folder, `.${basename(file.path)}.${process.pid}.${Date.now().toString(36)}.tmp`)
  try {
    const made = file.bytes ? [] : await makeFolders(folder)
    try {
      await writeNew(temporary, text, mode)
      await keepOwner(file, temporary)
      await assertUnchanged(file)
      await renameOver(temporary, file.path)
    } catch (error) {
      await unlink(temporary).catch(() => undefined)
      for (const each of made) await rmdir(each).catch(() => undefined)
      throw error
    }
    await syncFolder(folder)
    return made
  } catch (error) {
    throw explain(error, file.path, 'written')
  }
}

/** Run with more rights than the owner, the file still belongs to the owner. */
const keepOwner = async ({ path, bytes }: ConfigFile, temporary: string) => {
  if (!bytes || process.platform === 'win32') return
  const [was, is] = [await stat(path), await stat(temporary)]
  if (was.uid !== is.uid || was.gid !== is.gid) await chown(temporary, was.uid, was.gid)
}

export const deleteConfig = async (file: ConfigFile, folders: readonly string[]): Promise<void> => {
  await assertUnchanged(file)
  await unlink(file.path)
  for (const folder of folders) await rmdir(folder).catch(() => undefined)
}

/** A copy beside the file, with its mode, that is never overwritten or removed by us. */
export const backUp = async (file: ConfigFile, now: Date): Promise<string> => {
  const stamp = now.toISOString().replaceAll(/[-:.]/g, '')
  const path = `${file.path}.stackmemory-${stamp}.bak`
  try {
    await writeNew(path, file.bytes ?? '', file.mode)
    return path
  } catch (error) {
    throw explain(error, path, 'written')
  }
}
