import { mkdtemp, readdir, readFile, rm, unlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Log } from '../../domain/context.ts'
import { findOwner, lockDirectory, type Owner } from './directory-lock.ts'
import { ownIdentity } from './process-identity.ts'

const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
const pidNeverUsed = 2 ** 22 + 1
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'directory-lock-'))
})
afterEach(() => rm(folder, { recursive: true }))

const lock = (staleMs = 300) => lockDirectory(folder, { log, staleMs })
const write = (name: string, owner: Partial<Owner>) =>
  writeFile(join(folder, name), JSON.stringify({ ...ownIdentity(), id: 'other', info: {}, ...owner }))

describe('lockDirectory', () => {
  it('leaves no file behind when it is released', async () => {
    const held = await lock()
    expect(await readdir(folder)).toEqual(['lock'])
    await held.setInfo({ url: 'http://127.0.0.1:1' })
    expect((await findOwner(folder))?.info).toEqual({ url: 'http://127.0.0.1:1' })
    await held.release()
    expect(await readdir(folder)).toEqual([])
  })

  it.each([
    ['has ended', { pid: pidNeverUsed }],
    ['has ended and its number was given to another process', { startedAt: '1' }],
    ['ran before the last boot', { bootId: 'an earlier boot' }],
  ])('is taken over at once from an owner that %s', async (_, owner) => {
    await write('lock', owner)
    expect(await findOwner(folder)).toBeUndefined()
    const startedMs = performance.now()
    await lock(60_000)
    expect(performance.now() - startedMs).toBeLessThan(5000)
    expect((await findOwner(folder))?.pid).toBe(process.pid)
  })

  it.each([
    ['another machine', { hostname: 'elsewhere' }],
    ['another container', { pidNamespace: 'pid:[1]', pid: pidNeverUsed }],
  ])('is taken over from an owner in %s only when that stopped touching it', async (_, owner) => {
    await write('lock', owner)
    const heartbeat = setInterval(() => void utimes(join(folder, 'lock'), new Date(), new Date()), 50)
    await expect(lock()).rejects.toMatchObject({ code: 'conflict' })
    clearInterval(heartbeat)
    await lock()
    expect((await findOwner(folder))?.pid).toBe(process.pid)
  })

  it('is taken over when a power cut left it empty', async () => {
    await writeFile(join(folder, 'lock'), '')
    await lock()
    expect((await findOwner(folder))?.pid).toBe(process.pid)
  })

  it('is taken over when an earlier takeover died half-way, and cleans up after it', async () => {
    await write('lock', { pid: pidNeverUsed, id: 'first' })
    await write('lock.takeover-first', { pid: pidNeverUsed, id: 'second' })
    await write('lock.takeover-second', { pid: pidNeverUsed, id: 'third' })
    await lock()
    expect(await readdir(folder)).toEqual(['lock'])
  })

  it('is not taken over while another process is doing so', async () => {
    await write('lock', { pid: pidNeverUsed, id: 'first' })
    await write('lock.takeover-first', { id: 'second' })
    await expect(lock()).rejects.toMatchObject({ code: 'conflict' })
    expect(await readFile(join(folder, 'lock'), 'utf8')).toContain('"first"')
  })

  it('goes to exactly one of thirty at once, fifty times', async () => {
    for (let round = 0; round < 50; round++) {
      await write('lock', { pid: pidNeverUsed, id: `dead-${round}` })
      const attempts = await Promise.allSettled(Array.from({ length: 30 }, () => lock()))
      const winners = attempts.filter((attempt) => attempt.status === 'fulfilled')
      expect(winners).toHaveLength(1)
      await winners[0]?.value.release()
      expect(await readdir(folder)).toEqual([])
    }
  })

  it('tells the owner when the lock was taken away', async () => {
    let onLost: (() => void) | undefined
    const lost = new Promise<void>((resolve) => (onLost = resolve))
    await lockDirectory(folder, { log, onLost, heartbeatMs: 20 })
    await unlink(join(folder, 'lock'))
    await lost
  })
})
