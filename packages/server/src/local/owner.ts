/**
 * Who has a data directory open, read from its lock. The same file as `postgres/embedded/directory-lock.ts` writes
 * and judges; here without its dependencies, for clients that must start fast.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRunning, type ProcessIdentity } from '../postgres/embedded/process-identity.ts'

export interface LockHolder extends ProcessIdentity {
  readonly id: string
  /** What the owner says about itself: `local` where it listens, `kind`, `url`, `version`. */
  readonly info: Readonly<Record<string, string>>
}

/** The holder of the lock, dead or alive; undefined when there is none that can be read. */
export const readLock = (dataDir: string): LockHolder | undefined => {
  try {
    const value: unknown = JSON.parse(readFileSync(join(dataDir, 'lock'), 'utf8'))
    return isLockHolder(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether the holder still runs; `unknown` in another container or machine. */
export const isAlive = (holder: LockHolder): boolean | 'unknown' => isRunning(holder)

const texts = ['id', 'startedAt', 'hostname', 'bootId', 'pidNamespace'] as const

const isLockHolder = (value: unknown): value is LockHolder => {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Record<string, unknown>
  return (
    typeof fields['pid'] === 'number' &&
    texts.every((name) => typeof fields[name] === 'string') &&
    typeof fields['info'] === 'object' &&
    fields['info'] !== null
  )
}
