import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEmbedded } from '../src/postgres/embedded/open-embedded.ts'
import { readSnapshotHeader, restoreSnapshot } from '../src/postgres/embedded/restore-snapshot.ts'
import { migrate } from '../src/postgres/migrate.ts'
import { createTestDatabase, engines, silentLog as log, type TestDatabase } from './harness/test-database.ts'

const schema = `
  create table projects (id uuid primary key, name text not null unique);
  create table frames (
    project_id uuid references projects, id int, parent_id int, name text not null, goal jsonb, inputs jsonb not null,
    tags text[], body bytea, at timestamptz, day date, ratio float8, amount numeric, "odd ""name" text, embedding bit(16),
    tsv tsvector generated always as (to_tsvector('english', name)) stored,
    primary key (project_id, id),
    foreign key (project_id, parent_id) references frames);
  create table a_first_by_name (project_id uuid, frame_id int, n int generated always as identity primary key,
    foreign key (project_id, frame_id) references frames);
  create table empty_one (id int)`

const projectId = '0191e0a0-0000-7000-8000-000000000001'
const rows = `
  insert into projects values ('${projectId}', E'quote '' backslash \\\\ newline \\n line separator \\u2028 emoji 🧠');
  -- The parent has the higher number: a restore that checks row by row would refuse it.
  insert into frames (project_id, id, parent_id, name, goal, inputs, tags, body, at, day, ratio, amount, "odd ""name", embedding)
  values
    ('${projectId}', 1, 2, '{"table":"frames"}', 'null', '{"a":[1,null,{"b":"\\u0001"}]}', array['x','y, z','"q"',null],
     '\\x00ff10', '2026-11-23 06:53:57.123456+02', '2026-02-28', 0.1, 12345678901234567890.123456789, 'x', B'1010101010101010'),
    ('${projectId}', 2, null, '', null, 'null', '{}', '', 'infinity', '-infinity', 'NaN', 'NaN', null, null);
  insert into frames (project_id, id, parent_id, name, inputs)
    select '${projectId}', g, 1 + g % 2, 'frame ' || g || repeat(' long text', 50), jsonb_build_object('g', g)
    from generate_series(3, 1500) g;
  insert into a_first_by_name (project_id, frame_id) select '${projectId}', g from generate_series(1, 40) g`

const tables = ['projects', 'frames', 'a_first_by_name', 'empty_one']
const content = async (pool: Pool) =>
  Promise.all(
    tables.map(async (table) => (await pool.query(`select t::text from ${table} t order by 1`)).rows),
  )

let folder: string
let dataDir: string
let snapshot: string
let original: unknown

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'embedded-snapshot-'))
  dataDir = join(folder, 'data')
  await writeFile(join(folder, '0001_schema.sql'), schema)
  const db = await openEmbedded({ dataDir, log })
  await migrate(db.pool, { folder, log })
  await db.pool.query(rows)
  original = await content(db.pool)
  snapshot = await db.snapshot()
  await db.close()
})
afterAll(() => rm(folder, { recursive: true }))

const emptyDatabase = async (engine: (typeof engines)[number]): Promise<TestDatabase> => {
  const db = await createTestDatabase(engine, { empty: true })
  await migrate(db.pool, { folder, log })
  return db
}

describe.each(engines)('restoreSnapshot into %s', (engine) => {
  it('restores exactly what was there [embedded.snapshot]', async () => {
    const db = await emptyDatabase(engine)
    try {
      const result = await restoreSnapshot(db.pool, snapshot)
      expect(result).toMatchObject({
        schemaVersion: '0001_schema',
        rows: { projects: 1, frames: 1500, a_first_by_name: 40, empty_one: 0 },
      })
      expect(await content(db.pool)).toEqual(original)
      await expect(restoreSnapshot(db.pool, snapshot)).rejects.toMatchObject({ code: 'conflict' })
    } finally {
      await db.close()
    }
  })

  it('refuses a damaged file and writes nothing of it', async () => {
    const db = await emptyDatabase(engine)
    const packed = await readFile(snapshot)
    const plain = gunzipSync(packed).toString()
    const lines = plain.split('\n')
    const damaged = {
      'one letter changed': gzipSync(plain.replace('frame 700 long', 'frame 700 lonG')),
      'a row missing': gzipSync(lines.toSpliced(20, 1).join('\n')),
      'no trailer': gzipSync(lines.slice(0, -2).join('\n')),
      'cut in the middle': packed.subarray(0, packed.length / 2),
      'something after the end': gzipSync(`${plain}more\n`),
      'not compressed': Buffer.from(plain),
      empty: Buffer.from(''),
    }
    try {
      for (const [what, bytes] of Object.entries(damaged)) {
        const file = join(folder, 'damaged.jsonl.gz')
        await writeFile(file, bytes)
        await expect(restoreSnapshot(db.pool, file), what).rejects.toMatchObject({ code: 'invalid_input' })
      }
      expect((await content(db.pool)).flat()).toEqual([])
      await expect(restoreSnapshot(db.pool, join(folder, 'missing'))).rejects.toMatchObject({
        code: 'invalid_input',
      })
    } finally {
      await db.close()
    }
  })

  it('refuses a database of another schema version; `to` brings one to that of the snapshot', async () => {
    const later = await mkdtemp(join(tmpdir(), 'later-'))
    await writeFile(join(later, '0001_schema.sql'), schema)
    await writeFile(join(later, '0002_more.sql'), 'alter table projects add column more text')
    const db = await createTestDatabase(engine, { empty: true })
    try {
      const to = (await readSnapshotHeader(snapshot)).schemaVersion
      await expect(restoreSnapshot(db.pool, snapshot)).rejects.toMatchObject({ code: 'conflict' })
      expect((await migrate(db.pool, { folder: later, log, to })).version).toBe('0001_schema')
      await restoreSnapshot(db.pool, snapshot)
      expect((await migrate(db.pool, { folder: later, log })).applied).toEqual(['0002_more'])
    } finally {
      await db.close()
      await rm(later, { recursive: true })
    }
  })
})

describe('automatic snapshots', () => {
  const names = () => readdir(join(dataDir, 'snapshots'))

  it('are written at close when something changed, not otherwise, and the newest seven are kept', async () => {
    const before = await names()
    const idle = await openEmbedded({ dataDir, log })
    await idle.pool.query('select count(*) from frames')
    await idle.close()
    expect(await names()).toEqual(before)

    for (let i = 0; i < 8; i++) {
      const db = await openEmbedded({ dataDir, log })
      await db.pool.query('insert into empty_one values ($1)', [i])
      await db.close()
    }
    const after = await names()
    expect(after).toHaveLength(7)
    expect(after).not.toContain(before[0])
    const newest = await readSnapshotHeader(join(dataDir, 'snapshots', after.at(-1) ?? ''))
    expect(newest.tables.find((table) => table.name === 'empty_one')?.rows).toBe(8)
  })

  it('are written by the timer, while users go on', async () => {
    const before = await names()
    const db = await openEmbedded({ dataDir, log, snapshotIntervalMs: 200 })
    try {
      for (let i = 0; (await names()).at(-1) === before.at(-1) && i < 200; i++) {
        await db.pool.query('insert into empty_one values ($1)', [100 + i])
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      expect((await names()).at(-1)).not.toBe(before.at(-1))
    } finally {
      await db.close()
    }
  })
})
