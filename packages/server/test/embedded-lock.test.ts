import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findOwner } from '../src/postgres/embedded/directory-lock.ts'
import { openEmbedded } from '../src/postgres/embedded/open-embedded.ts'
import { spawnChild } from './harness/child.ts'
import { acknowledged, verifyDatabase } from './harness/crash.ts'
import { silentLog as log } from './harness/migrate-template.ts'

let fresh: string
let root: string
beforeAll(async () => {
  fresh = await mkdtemp(join(tmpdir(), 'embedded-lock-fresh-'))
  await (await openEmbedded({ dataDir: fresh, log })).close()
})
afterAll(() => rm(fresh, { recursive: true }))
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'embedded-lock-'))
})
afterEach(() => rm(root, { recursive: true, force: true, maxRetries: 5 }))

describe('two processes on one data directory', () => {
  it(
    'refuses the second, leaves the first unharmed, and lets the next in after kill -9 [embedded.lock]',
    { timeout: 120_000 },
    async () => {
      await cp(fresh, root, { recursive: true })
      const url = 'http://127.0.0.1:7777'
      const owner = spawnChild('embedded-writer.ts', [root, url])
      await owner.waitForLine(/^ack /)

      for (let attempt = 0; attempt < 3; attempt++) {
        const error: unknown = await openEmbedded({ dataDir: root, log }).catch((thrown: unknown) => thrown)
        expect(error).toMatchObject({
          code: 'conflict',
          publicMessage: expect.stringContaining(`process ${owner.process.pid}`),
          details: { pid: owner.process.pid, url },
        })
        expect(error).toMatchObject({ publicMessage: expect.stringContaining(`serves ${url}`) })
      }
      expect(await findOwner(root)).toMatchObject({ pid: owner.process.pid, info: { url } })
      const ackedBefore = owner.lines.length
      await sleep(300)
      expect(owner.lines.length).toBeGreaterThan(ackedBefore)

      owner.process.kill('SIGKILL')
      await owner.ended
      expect(await findOwner(root)).toBeUndefined()
      const next = await openEmbedded({ dataDir: root, log, snapshotIntervalMs: 0 })
      await next.pool.query('select count(*) from crash_rows')
      await next.close()
      expect(await readdir(root)).toEqual(['pg', 'snapshots'])
      expect(await verifyDatabase(join(root, 'pg'), acknowledged(owner.lines))).toMatchObject({
        opens: true,
        lost: [],
        damage: [],
      })
    },
  )

  it('refuses the process that already has it', async () => {
    await cp(fresh, root, { recursive: true })
    const db = await openEmbedded({ dataDir: root, log, ownerInfo: { url: 'http://first' } })
    try {
      await db.setOwnerInfo({ url: 'http://now' })
      await expect(openEmbedded({ dataDir: root, log })).rejects.toMatchObject({
        code: 'conflict',
        details: { pid: process.pid, url: 'http://now' },
      })
      expect((await db.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    } finally {
      await db.close()
    }
  })

  it('gives a dead lock to exactly one of six processes that want it at the same moment', async () => {
    const first = spawnChild('lock-taker.ts', [root, '0'])
    await first.waitForLine(/^locked$/)
    first.process.kill('SIGKILL')
    await first.ended
    const atMs = String(Date.now() + 5000)
    const takers = Array.from({ length: 6 }, () => spawnChild('lock-taker.ts', [root, atMs]))
    try {
      const answers = await Promise.all(takers.map((taker) => taker.waitForLine(/./)))
      expect(answers.toSorted()).toEqual([...Array.from({ length: 5 }, () => 'conflict'), 'locked'])
    } finally {
      for (const taker of takers) taker.process.kill('SIGKILL')
      await Promise.all(takers.map((taker) => taker.ended))
    }
  })
})

describe('a directory that cannot hold the database', () => {
  const open = (dataDir: string) => openEmbedded({ dataDir, log })

  it('is refused when part of its path is a file', async () => {
    await writeFile(join(root, 'file'), '')
    await expect(open(join(root, 'file'))).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(open(join(root, 'file', 'below'))).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it('is refused when this user may not write it, or its parent', async () => {
    const opener = async (dataDir: string) => {
      const child = spawnChild('embedded-opener.ts', [dataDir], { unprivileged: true })
      return child.waitForLine(/./)
    }
    await mkdir(join(root, 'data', 'snapshots'), { recursive: true })
    // Root may write everywhere, so the child runs as nobody; otherwise take the right away from ourselves.
    await chmod(root, 0o555)
    await chmod(join(root, 'data'), 0o555)
    expect(await opener(join(root, 'data'))).toMatch(/^unavailable .* may not be written by this user/)
    expect(await opener(join(root, 'other'))).toMatch(/^unavailable .* may not be written by this user/)
    await chmod(root, 0o755)
  })

  it('is refused, unchanged, when another major version wrote it, naming the snapshot to restore', async () => {
    await cp(fresh, root, { recursive: true })
    const db = await open(root)
    await db.pool.query('create table kept (id int)')
    const snapshot = await db.snapshot()
    await db.close()
    await writeFile(join(root, 'pg', 'PG_VERSION'), '17\n')
    await expect(open(root)).rejects.toMatchObject({
      code: 'conflict',
      publicMessage: expect.stringMatching(/PostgreSQL 17 .* has 18, .*Nothing was changed.*restore/),
      details: { found: '17', expected: '18' },
    })
    await expect(open(root)).rejects.toThrow(snapshot)
    expect(await readFile(join(root, 'pg', 'PG_VERSION'), 'utf8')).toBe('17\n')
    await rm(join(root, 'pg', 'PG_VERSION'))
    await expect(open(root)).rejects.toMatchObject({ code: 'conflict' })
  })

  it("is opened although a power cut left PostgreSQL's own lock file empty", async () => {
    await cp(fresh, root, { recursive: true })
    await writeFile(join(root, 'pg', 'postmaster.pid'), Buffer.alloc(55))
    await (await open(root)).close()
  })

  it('says that the files are damaged when they do not open', async () => {
    await cp(fresh, root, { recursive: true })
    await rm(join(root, 'pg', 'global', 'pg_control'))
    await expect(open(root)).rejects.toMatchObject({
      code: 'unavailable',
      publicMessage: expect.stringMatching(/does not open/),
    })
    expect(await findOwner(root)).toBeUndefined()
  })
})
