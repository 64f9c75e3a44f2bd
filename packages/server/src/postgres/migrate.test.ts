import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createTestDatabase,
  type Engine,
  engines,
  silentLog as log,
  type TestDatabase,
} from '../../test/harness/test-database.ts'
import { isDomainError } from '../domain/errors.ts'
import { migrate, pendingMigrations, schemaVersion } from './migrate.ts'

const files = {
  '0001_notes.sql': `create table notes (id int primary key, body text not null);
create function twice(n int) returns int language sql as $$ select n * 2; $$;
insert into notes values (1, 'first')`,
  '0002_labels.sql': 'alter table notes add column label text;',
  '0003_label_index.sql': `-- no-transaction
-- A comment; with a semicolon;
drop index concurrently if exists notes_label;
create index concurrently notes_label on notes (label);
`,
}

let folder: string
let db: TestDatabase

const write = (name: string, sql: string) => writeFile(join(folder, name), sql)
const run = () => migrate(db.pool, { folder, log })
const codeAndMessage = (code: string, message: RegExp) =>
  expect.toSatisfy(
    (error) => isDomainError(error) && error.code === code && message.test(error.publicMessage),
  )

const prepare = (engine: Engine) => {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'migrations-'))
    await Promise.all(Object.entries(files).map(([name, sql]) => write(name, sql)))
    db = await createTestDatabase(engine, { empty: true })
  })
  afterEach(async () => {
    await db.close()
    await rm(folder, { recursive: true })
  })
}

describe.each(engines)('migrate on %s', (engine) => {
  prepare(engine)

  it('brings an empty database to the newest version and tells what it does', async () => {
    const said: string[] = []
    expect(await pendingMigrations(db.pool, { folder })).toHaveLength(3)
    expect(await schemaVersion(db.pool)).toBe('0000')

    const result = await migrate(db.pool, { folder, log, onProgress: (message) => said.push(message) })

    expect(result).toEqual({
      applied: ['0001_notes', '0002_labels', '0003_label_index'],
      version: '0003_label_index',
    })
    expect(said).toContain('Migrating the database: 0002_labels (2 of 3)')
    expect(await pendingMigrations(db.pool, { folder })).toEqual([])
    expect(await schemaVersion(db.pool)).toBe('0003_label_index')
    const { rows } = await db.pool.query(
      `select id, twice(21), (select indisvalid from pg_index where indexrelid = 'notes_label'::regclass)
       from notes`,
    )
    expect(rows).toEqual([{ id: 1, twice: 42, indisvalid: true }])
  })

  it('does nothing the second time, and only the new file the third time', async () => {
    await run()
    expect(await run()).toEqual({ applied: [], version: '0003_label_index' })
    await write('0004_more.sql', 'create table more (id int)')
    expect(await run()).toEqual({ applied: ['0004_more'], version: '0004_more' })
  })

  it('runs twenty at once and applies every file once [migrate.concurrent]', async () => {
    // Separate pools are separate processes to the database; PGlite has only the one session.
    const pools =
      engine === 'postgres'
        ? Array.from({ length: 20 }, () => new Pool({ connectionString: db.url, max: 1 }))
        : Array.from({ length: 20 }, () => db.pool)
    try {
      const results = await Promise.all(pools.map((pool) => migrate(pool, { folder, log })))
      expect(results.flatMap((result) => result.applied).toSorted()).toEqual([
        '0001_notes',
        '0002_labels',
        '0003_label_index',
      ])
      expect(new Set(results.map((result) => result.version))).toEqual(new Set(['0003_label_index']))
      const { rows } = await db.pool.query('select id from notes')
      expect(rows).toEqual([{ id: 1 }])
    } finally {
      if (engine === 'postgres') await Promise.all(pools.map((pool) => pool.end()))
    }
  })

  it('refuses when an applied file has changed, but not for its line ends', async () => {
    await run()
    await write('0002_labels.sql', files['0002_labels.sql'].replaceAll('\n', '\r\n'))
    await write('0001_notes.sql', files['0001_notes.sql'].replaceAll('\n', '\r\n'))
    expect((await run()).applied).toEqual([])

    await write('0002_labels.sql', `${files['0002_labels.sql']} -- harmless?`)
    await write('0004_more.sql', 'create table more (id int)')
    await expect(run()).rejects.toThrow(codeAndMessage('conflict', /^Migration 0002_labels was changed/))
    await expect(pendingMigrations(db.pool, { folder })).rejects.toMatchObject({ code: 'conflict' })
    const { rows } = await db.pool.query(`select to_regclass('more') as more`)
    expect(rows).toEqual([{ more: null }])
  })

  it('refuses a database that is newer than the program, and says what to do', async () => {
    await run()
    await rm(join(folder, '0003_label_index.sql'))
    await expect(run()).rejects.toThrow(
      codeAndMessage(
        'conflict',
        /0003_label_index.*newest is 0002_labels.*Start that release or a later one/,
      ),
    )
  })

  it('refuses a file that comes before one already applied', async () => {
    await rename(join(folder, '0002_labels.sql'), join(folder, '0002_labels.later'))
    await write('0003_label_index.sql', 'select 1')
    await run()
    await rename(join(folder, '0002_labels.later'), join(folder, '0002_labels.sql'))
    await expect(run()).rejects.toThrow(codeAndMessage('conflict', /0002_labels comes before 0003/))
  })

  it('rolls a failing file back completely and can go on once it is repaired', async () => {
    await write('0002_labels.sql', 'create table half (id int); select 1 / 0')
    await expect(run()).rejects.toMatchObject({ code: 'internal', cause: { code: '22012' } })
    const { rows } = await db.pool.query(`select to_regclass('half') as half`)
    expect(rows).toEqual([{ half: null }])
    expect(await schemaVersion(db.pool)).toBe('0001_notes')

    await write('0002_labels.sql', files['0002_labels.sql'])
    expect((await run()).applied).toEqual(['0002_labels', '0003_label_index'])
  })

  it('runs a file without a transaction again after it failed half-way', async () => {
    await write(
      '0004_unique.sql',
      '-- no-transaction\ncreate table if not exists u (id int);\nselect 1 / 0;\n',
    )
    await expect(run()).rejects.toMatchObject({ code: 'internal' })
    await write('0004_unique.sql', '-- no-transaction\ncreate table if not exists u (id int);\nselect 1;\n')
    expect((await run()).applied).toEqual(['0004_unique'])
    const { rows } = await db.pool.query(
      `select current_setting('lock_timeout') as timeout, (select count(*)::int from pg_locks where locktype = 'advisory') as locks`,
    )
    expect(rows).toEqual([{ timeout: '0', locks: 0 }])
  })

  it('refuses misnamed files and numbers used twice', async () => {
    await write('0002_again.sql', 'select 1')
    await expect(run()).rejects.toThrow(/number 0002/)
    await rm(join(folder, '0002_again.sql'))
    await write('4-Fourth.sql', 'select 1')
    await expect(run()).rejects.toThrow(/4-Fourth.sql must be named/)
  })
})

describe('migrate while others use the database', () => {
  prepare('postgres')

  it('waits for a table lock with short tries, letting readers through, then goes on', async () => {
    await write('0002_labels.sql', 'select 1')
    await rm(join(folder, '0003_label_index.sql'))
    await run()
    await write('0003_labels.sql', 'alter table notes add column label text')
    const reader = await db.pool.connect()
    await reader.query('begin; select * from notes')

    const migrating = run()
    await new Promise((resolve) => setTimeout(resolve, 50))
    const readMs: number[] = []
    for (let i = 0; i < 20; i++) {
      const startedMs = performance.now()
      await db.pool.query('select * from notes')
      readMs.push(performance.now() - startedMs)
    }
    expect(Math.max(...readMs)).toBeLessThan(2000)
    await reader.query('commit')
    reader.release()
    expect((await migrating).applied).toEqual(['0003_labels'])
  })

  it('gives up after its time, having changed nothing', async () => {
    await run()
    await write('0004_more.sql', 'alter table notes add column more text')
    const reader = await db.pool.connect()
    await reader.query('begin; select * from notes')
    const attempt = migrate(db.pool, { folder, log, lockTimeoutMs: 20, retryForMs: 200 })
    await expect(attempt).rejects.toMatchObject({ code: 'unavailable' })
    await reader.query('commit')
    reader.release()
    expect(await pendingMigrations(db.pool, { folder })).toEqual(['0004_more'])
  })
})

describe("the server's own migrations", () => {
  it.each(engines)('are already applied to a test database on %s', async (engine) => {
    const database = await createTestDatabase(engine)
    try {
      expect(await pendingMigrations(database.pool)).toEqual([])
    } finally {
      await database.close()
    }
  })
})
