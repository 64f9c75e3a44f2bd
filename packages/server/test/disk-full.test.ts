import fs, { existsSync } from 'node:fs'
import { mkdtemp, readdir, rename, rm, symlink, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { loadEnv } from '../src/env.ts'
import { openDatabase, type OpenDatabase } from '../src/open-database.ts'
import { createDatabase } from '../src/postgres/database.ts'
import { verifySnapshot } from '../src/postgres/embedded/restore-snapshot.ts'
import { listSnapshots } from '../src/postgres/embedded/snapshot-folder.ts'
import { migrate } from '../src/postgres/migrate.ts'
import { simulateDisk, type FullDisk } from './disk-full-fs.ts'
import { createWriter, type MemoryWriter, storedDecisions } from './disk-full-memory.ts'
import { crashSchema } from './harness/crash-workload.ts'
import { verifyDatabase } from './harness/crash.ts'
import { silentLog as log } from './harness/test-database.ts'
import { startPostgres } from './harness/start-postgres.ts'

const full = {
  code: 'unavailable',
  publicMessage: 'The disk of the database is full. Nothing was changed; free some space and try again.',
}

describe('a full disk below the embedded database', () => {
  const refusedCalls = 3
  let root: string
  let dataDir: string
  let disk: FullDisk
  let database: OpenDatabase
  let writer: MemoryWriter
  const open = async () => openDatabase(loadEnv({ DATA_DIR: dataDir }), log, () => {})

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'disk-full-'))
    dataDir = join(root, 'data')
    disk = simulateDisk(dataDir)
  })
  afterAll(async () => {
    disk.free()
    await database?.close()
    disk.restore()
    await rm(root, { recursive: true, maxRetries: 5 })
  })

  const expectOnlyAcknowledged = async () =>
    expect(await storedDecisions(database.pool)).toEqual({ contents: writer.acknowledged, incomplete: [] })

  it('leaves nothing of a first start behind, and the next one succeeds [disk.full]', async () => {
    await fs.promises.mkdir(dataDir)
    disk.leave(5 * 2 ** 20)
    await expect(open()).rejects.toMatchObject({
      code: 'unavailable',
      publicMessage: `The disk of ${dataDir} is full. Free at least 150 MB and start again.`,
    })
    expect(disk.refused).toBeGreaterThan(0)
    expect(await readdir(dataDir)).toEqual(['snapshots'])
    disk.free()
    database = await open()
    writer = await createWriter(database.database)
    await database.pool.query(crashSchema)
    await database.pool.query(
      `insert into crash_rows (id, body, attributes) select g, 'row remembers', '{}' from generate_series(1, 50) g`,
    )
  })

  it('is told to the caller when a table cannot grow; with room again the next call works [disk.full]', async () => {
    disk.leave(300_000)
    const errors = await writer.addUntilRefused(refusedCalls)
    expect(errors.length).toBeGreaterThanOrEqual(refusedCalls)
    for (const error of errors) expect(error).toMatchObject(full)
    expect(writer.acknowledged.length, 'nothing was written before the disk was full').toBeGreaterThan(0)
    await expectOnlyAcknowledged() // reading goes on
    disk.free()
    await writer.add()
    await expectOnlyAcknowledged()
  })

  it('stops an engine whose log cannot grow, and opens it again when there is room [disk.full]', async () => {
    await nearEndOfLogSegment(database.pool)
    disk.leave(4 * 2 ** 20) // a segment of the log takes 16 MB
    const before = writer.acknowledged.length
    const errors = await writer.addUntilRefused(refusedCalls)
    for (const error of errors) expect(error).toMatchObject(full)
    expect(errors[0]).toMatchObject({ cause: { severity: 'PANIC' } })
    expect(writer.acknowledged.length).toBeGreaterThan(before)
    disk.free()
    await vi.waitFor(async () => writer.add(), { timeout: 10_000, interval: 200 })
    await expectOnlyAcknowledged()
  })

  it('never replaces a good snapshot by an unfinished one [disk.full]', async () => {
    const good = await database.embedded?.snapshot()
    const spy = failSnapshotWrites(10)
    await expect(database.embedded?.snapshot()).rejects.toMatchObject({
      code: 'unavailable',
      publicMessage: expect.stringMatching(/^The disk is full, so no snapshot was written.* try again\.$/),
    })
    expect(spy).toHaveBeenCalled()
    spy.mockRestore()
    expect(await readdir(join(dataDir, 'snapshots')), 'something was left').toHaveLength(1)
    expect(await listSnapshots(dataDir)).toEqual([good])
    await verifySnapshot(good ?? '')
    await database.embedded?.snapshot()
    expect(await listSnapshots(dataDir)).toHaveLength(2)
  })

  it('is the reason that a start names; afterwards all that was acknowledged is there, undamaged [disk.full]', async () => {
    disk.leave(0)
    await database.close()
    disk.leave(0) // closing made a little room
    await expect(open()).rejects.toMatchObject({
      code: 'unavailable',
      publicMessage: `The disk of ${dataDir} is full. Free at least 150 MB and start again.`,
    })
    disk.free()
    database = await open()
    await expectOnlyAcknowledged()
    await database.close()
    const rows = Array.from({ length: 50 }, (_, i) => i + 1)
    expect(await verifyDatabase(join(dataDir, 'pg'), rows)).toMatchObject({
      opens: true,
      lost: [],
      damage: [],
    })
    expect(existsSync(join(dataDir, 'lock'))).toBe(false)
  })
})

/** Fills the log until only some calls fit into its segment, without a file of the database growing. */
async function nearEndOfLogSegment(pool: Pool): Promise<void> {
  const leftBytes = 400_000
  for (;;) {
    const { rows } = await pool.query<{ left: number }>(
      `select (16777216 - (pg_current_wal_insert_lsn() - '0/0') % 16777216)::int as left`,
    )
    const fill = Math.min(1_000_000, (rows[0]?.left ?? 0) - leftBytes)
    if (fill <= 0) return
    await pool.query(`select pg_logical_emit_message(false, 'fill', repeat('x', $1))`, [fill])
  }
}

/** Refuses what goes into an unfinished snapshot after some bytes. Snapshots are written by Node, not the engine. */
function failSnapshotWrites(afterBytes: number) {
  const { write } = fs
  let written = 0
  return vi.spyOn(fs, 'write').mockImplementation(((fd: number, buffer: Buffer, ...rest: unknown[]) => {
    written += buffer.length
    const done = rest.at(-1) as (error: Error | null) => void
    if (written > afterBytes) process.nextTick(done, Object.assign(new Error('no space'), { code: 'ENOSPC' }))
    else Reflect.apply(write, fs, [fd, buffer, ...rest])
  }) as typeof fs.write)
}

describe('a full disk below a PostgreSQL server', () => {
  it('is told to the caller, loses nothing, and with room again writes go on [disk.full]', async () => {
    const server = await startPostgres()
    const admin = new Pool({ connectionString: server.url, max: 1 })
    admin.on('error', () => {})
    const pool = new Pool({ connectionString: server.url, max: 2 })
    const database = createDatabase(pool, 'postgres')
    try {
      await migrate(admin, { log })
      const disk = await tableOnFullDevice(admin, server.dataDir, 'anchor_versions')
      const writer = await createWriter(database)
      const errors = await writer.addUntilRefused(2)
      expect(errors).toHaveLength(2)
      for (const error of errors) expect(error).toMatchObject({ ...full, cause: { code: '53100' } })
      expect(await storedDecisions(pool)).toEqual({ contents: [], incomplete: [] })
      await disk.free()
      if (existsSync('/dev/full')) await vi.waitFor(() => expect(pool.totalCount).toBe(0))
      await writer.add()
      expect(await storedDecisions(pool)).toEqual({ contents: writer.acknowledged, incomplete: [] })
    } finally {
      // In this order: a client that the server cuts off while it closes has no listener any more.
      await server.stop()
      await database.close()
      await admin.end()
    }
  })
})

/**
 * Puts an empty table on a device that is always full, so that the server gets ENOSPC from the system when it
 * makes the table longer. No right to mount is needed. Where there is no such device, a trigger answers instead
 * with the same SQLSTATE, which tests our part only.
 */
async function tableOnFullDevice(admin: Pool, dataDir: string, table: string) {
  if (!existsSync('/dev/full')) {
    await admin.query(`create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'No space left on device' using errcode = '53100'; end $$`)
    await admin.query(`create trigger refuse before insert on ${table} execute function refuse()`)
    return { free: async () => void (await admin.query(`drop trigger refuse on ${table}`)) }
  }
  const { rows } = await admin.query<{ path: string }>('select pg_relation_filepath($1) as path', [table])
  const path = join(dataDir, rows[0]?.path ?? '')
  await rename(path, `${path}.aside`)
  await symlink('/dev/full', path)
  return {
    async free() {
      await unlink(path)
      await rename(`${path}.aside`, path)
      // Server processes keep files open; those that have the device open must go.
      await admin.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
      )
    },
  }
}
