import { randomUUID } from 'node:crypto'
import { link, readdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Log } from '../../domain/context.ts'
import { conflict } from '../../domain/errors.ts'
import { isRunning, ownIdentity } from './process-identity.ts'

/*
 * One owner per data directory. PGlite has no lock of its own, and two processes on one directory corrupted
 * its indexes in 4 of 4 runs, without an error in either.
 *
 * `lock` is made with link(), which fails when it exists and never shows a half-written file. It stays behind
 * after kill -9, and is taken over when its owner is dead. The takeover of owner X needs the file
 * `lock.takeover-X`, also made with link(): only its holder may replace the lock of X. After making it, the
 * holder looks at the lock once more, because a slow process may make it when the takeover is already over.
 * When a holder H dies in between, `lock.takeover-H` continues the chain.
 *
 * Owners on the same machine are asked for by process number and start time. An owner in another container
 * cannot be, so every owner touches the lock every few seconds and counts as dead when that stopped.
 */

const ownerSchema = z.object({
  id: z.string(),
  pid: z.number(),
  startedAt: z.string(),
  hostname: z.string(),
  bootId: z.string(),
  pidNamespace: z.string(),
  info: z.record(z.string(), z.string()),
})

/** Who has a data directory open. */
export type Owner = z.infer<typeof ownerSchema>

export interface DirectoryLock {
  /** Replaces what others are told about the owner, for example the URL once the server listens. */
  setInfo(info: Record<string, string>): Promise<void>
  release(): Promise<void>
}

export interface DirectoryLockOptions {
  readonly log: Log
  readonly info?: Record<string, string>
  /** Called when the lock was taken away or removed by someone else: stop writing at once. */
  readonly onLost?: () => void
  readonly heartbeatMs?: number
  /** An owner that cannot be asked for is dead when it did not touch the lock for this long. */
  readonly staleMs?: number
}

/**
 * Locks the directory for this process.
 *
 * @throws DomainError `conflict`, with the owner's particulars, while another process has it.
 */
export async function lockDirectory(folder: string, options: DirectoryLockOptions): Promise<DirectoryLock> {
  const { heartbeatMs = 5_000, staleMs = 30_000 } = options
  let own: Owner = { ...ownIdentity(), id: randomUUID(), info: options.info ?? {} }
  const path = join(folder, 'lock')
  const draft = join(folder, `lock.draft-${own.id}`)
  await writeFile(draft, JSON.stringify(own), { mode: 0o600 })
  try {
    while (!(await tryAcquire(folder, draft, own, staleMs)));
  } finally {
    await unlink(draft).catch(() => undefined)
  }
  await removeLeftovers(folder)

  let released = false
  const touch = async () => {
    if (!(await beat(path, own.id)) || released) return
    clearInterval(heartbeat)
    options.log.error({ path }, 'the lock of the data directory was lost')
    options.onLost?.()
  }
  const heartbeat = setInterval(() => void touch(), heartbeatMs).unref()
  return {
    async setInfo(info) {
      own = { ...own, info }
      await writeFile(draft, JSON.stringify(own), { mode: 0o600 })
      await rename(draft, path)
    },
    async release() {
      released = true
      clearInterval(heartbeat)
      if ((await readOwnerFile(path))?.id === own.id) await unlink(path)
    },
  }
}

/**
 * Touches the lock; true when it is gone or somebody else's. Anything else that goes wrong, such as too many
 * open files, says nothing about the lock and passes.
 */
async function beat(path: string, ownId: string): Promise<boolean> {
  try {
    await utimes(path, new Date(), new Date())
    const holder = await readOwnerFile(path)
    return holder !== undefined && holder.id !== ownId
  } catch (error) {
    return isErrno(error, 'ENOENT')
  }
}

/** The running owner of a data directory, if there is one. What it says about itself is in `info`. */
export async function findOwner(folder: string): Promise<Owner | undefined> {
  const owner = await readOwnerFile(join(folder, 'lock'))
  return owner !== undefined && isRunning(owner) !== false ? owner : undefined
}

/** One attempt; false when the state changed meanwhile and the next attempt may see more. */
async function tryAcquire(folder: string, draft: string, own: Owner, staleMs: number): Promise<boolean> {
  const path = join(folder, 'lock')
  if (await tryLink(draft, path)) return true
  const holder = await readOwnerFile(path)
  if (holder === undefined && !(await exists(path))) return false
  await assertDead(folder, path, holder, staleMs)

  const token = await makeToken(folder, draft, holder?.id ?? 'unreadable', staleMs)
  try {
    const unchanged = (await exists(path)) && (await readOwnerFile(path))?.id === holder?.id
    if (unchanged) await replaceLock(draft, path, own)
    return unchanged
  } finally {
    await unlink(token).catch(() => undefined)
  }
}

async function replaceLock(draft: string, path: string, own: Owner): Promise<void> {
  const replacement = `${draft}-2`
  await writeFile(replacement, JSON.stringify(own), { mode: 0o600 })
  await rename(replacement, path)
}

async function makeToken(folder: string, draft: string, deadId: string, staleMs: number): Promise<string> {
  for (let id = deadId; ;) {
    const token = join(folder, `lock.takeover-${id}`)
    if (await tryLink(draft, token)) return token
    const holder = await readOwnerFile(token)
    if (holder === undefined && !(await exists(token))) continue
    await assertDead(folder, token, holder, staleMs)
    id = holder?.id ?? `${id}-unreadable`
  }
}

async function assertDead(folder: string, path: string, owner: Owner | undefined, staleMs: number) {
  const running = owner === undefined ? 'unknown' : isRunning(owner)
  if (running === false) return
  if (running === 'unknown' && !(await isTouched(path, staleMs))) return
  throw inUse(folder, owner)
}

/** Watches instead of comparing clocks, which may differ between machines. */
async function isTouched(path: string, staleMs: number): Promise<boolean> {
  const touchedAt = () =>
    stat(path).then(
      (stats) => stats.mtimeMs,
      () => 0,
    )
  const before = await touchedAt()
  for (let waitedMs = 0; waitedMs < staleMs; waitedMs += 100) {
    await sleep(100)
    if ((await touchedAt()) !== before) return true
  }
  return false
}

function inUse(folder: string, owner: Owner | undefined) {
  const { url, kind } = owner?.info ?? {}
  const where = owner === undefined ? 'another process' : `process ${owner.pid} on ${owner.hostname}`
  const advice =
    kind === 'broker'
      ? 'It ends with the last of its clients; wait for that, or choose another data directory.'
      : 'Connect to that server, or stop it and start again, or choose another data directory.'
  const what = kind === 'broker' ? ', a broker of local clients' : url ? `, which serves ${url}` : ''
  return conflict(`The data directory ${folder} is in use by ${where}${what}. ${advice}`, {
    ...(owner && { pid: owner.pid, hostname: owner.hostname }),
    ...(url && { url }),
  })
}

async function readOwnerFile(path: string): Promise<Owner | undefined> {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return undefined
  }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false
    throw error
  }
}

const isErrno = (error: unknown, code: string) =>
  error instanceof Error && 'code' in error && error.code === code

/** Drafts and tokens of processes that died while they tried; while we hold the lock nobody needs them. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^lock\.(draft|takeover)-/.test(name)) continue
    const owner = await readOwnerFile(join(folder, name))
    if (owner !== undefined && isRunning(owner) === false) {
      await unlink(join(folder, name)).catch(() => undefined)
    }
  }
}
