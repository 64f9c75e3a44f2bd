import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Env } from './env.ts'

const isFileError = (error: unknown, code: string) => (error as { code?: unknown } | null)?.code === code

/**
 * The key under which secrets are hashed: SECRET_KEY, else one that is made once and kept in DATA_DIR, readable
 * by its owner only. Two processes that start at once agree on one.
 */
export const loadSecretKey = async (env: Env): Promise<string> => {
  if (env.SECRET_KEY !== undefined) return env.SECRET_KEY
  const path = join(env.DATA_DIR, 'secret-key')
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (!isFileError(error, 'ENOENT')) throw error
  }
  await mkdir(env.DATA_DIR, { recursive: true, mode: 0o700 })
  const temporary = `${path}.${process.pid}`
  await writeFile(temporary, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flush: true })
  await link(temporary, path).catch((error: unknown) => {
    if (!isFileError(error, 'EEXIST')) throw error
  })
  await unlink(temporary)
  return (await readFile(path, 'utf8')).trim()
}
