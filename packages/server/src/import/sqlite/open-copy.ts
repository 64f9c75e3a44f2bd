/**
 * Reads a SQLite database that another program may have open and be writing to. The file and its logs (`-wal`, or
 * `-journal` after a crash) are copied into a private folder, and only the copy is opened: nothing is ever written
 * beside the original, and its program is never made to wait.
 */
import { copyFile, mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Database } from 'node-sqlite3-wasm'
import { invalidInput } from '../../domain/errors.ts'
import { importLimits } from '../import-limits.ts'

export type SqliteValue = number | bigint | string | Uint8Array | null
export type SqliteRow = Record<string, SqliteValue>

export interface SqliteTables {
  /** Names of its columns; empty when there is no such table, or only a view of that name. */
  columns(table: string): ReadonlySet<string>
  all(sql: string, values?: SqliteValue[]): SqliteRow[]
  /**
   * Rows a page at a time, so that other work gets its turn; the statement ends with `limit ? offset ?`. A part of the
   * file that is damaged ends the rows, and is told to `onDamage`.
   */
  pages(sql: string, values: SqliteValue[], onDamage: () => void): AsyncGenerator<SqliteRow>
}

const logs = ['-wal', '-journal']
const copyTriesMax = 5
const pageRows = 500
const magic = 'SQLite format 3\0'

/** Size and time of the file and its logs, by which a change while copying is noticed. */
const stateOf = async (path: string) =>
  JSON.stringify(
    await Promise.all(
      ['', ...logs].map(async (end) =>
        stat(`${path}${end}`).then(
          ({ size, mtimeMs, ino }) => [size, mtimeMs, ino],
          () => null,
        ),
      ),
    ),
  )

const copyAll = async (path: string, folder: string): Promise<string> => {
  const copy = join(folder, 'copy.db')
  for (let tries = 1; ; tries += 1) {
    const before = await stateOf(path)
    await copyFile(path, copy)
    for (const end of logs) {
      await rm(`${copy}${end}`, { force: true })
      await copyFile(`${path}${end}`, `${copy}${end}`).catch((error: unknown) => {
        if ((error as { code?: string }).code !== 'ENOENT') throw error
      })
    }
    if ((await stateOf(path)) === before) return copy
    if (tries >= copyTriesMax)
      throw invalidInput(
        'The database is being written to all the time, so it cannot be copied whole. Close the program that uses it and try again.',
      )
    await setTimeout(200 * tries)
  }
}

const assertDatabase = async (path: string) => {
  const { size } = await stat(path)
  if (size > importLimits.databaseBytes)
    throw invalidInput(`The database has more than ${importLimits.databaseBytes} bytes, which is the limit.`)
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(magic.length), 0, magic.length, 0)
    // One that was just made has nothing in the file yet, and all in its log.
    if (bytesRead > 0 && buffer.toString('latin1', 0, bytesRead) !== magic)
      throw invalidInput('The file is not a SQLite database. Name the database of the program itself.')
  } finally {
    await file.close()
  }
}

const createTables = (database: Database): SqliteTables => {
  const all = (sql: string, values: SqliteValue[] = []) => database.all(sql, values) as SqliteRow[]
  return {
    all,
    columns: (table) =>
      // A view, or a virtual table (it has no page of its own), could compute rows without end.
      new Set(
        all(
          `select info.name from sqlite_schema, pragma_table_info(sqlite_schema.name) info
           where sqlite_schema.type = 'table' and rootpage > 0 and sqlite_schema.name = ? collate nocase`,
          [table],
        ).map((row) => String(row['name'])),
      ),
    async *pages(sql, values, onDamage) {
      for (let offset = 0; ; offset += pageRows) {
        let rows: SqliteRow[]
        try {
          rows = all(sql, [...values, pageRows, offset])
        } catch {
          onDamage()
          return
        }
        yield* rows
        if (rows.length < pageRows) return
        await setImmediate()
      }
    },
  }
}

/**
 * @param read gets the tables of a copy, which is removed afterwards
 * @throws invalid_input for a file that is no SQLite database or is damaged
 */
export async function* readSqlite<T>(
  path: string,
  read: (tables: SqliteTables) => AsyncIterable<T>,
): AsyncGenerator<T> {
  await assertDatabase(path)
  const folder = await mkdtemp(join(tmpdir(), 'stackmemory-import-')) // 0700
  let database: Database | undefined
  try {
    const copy = await copyAll(path, folder)
    const sqlite = await import('node-sqlite3-wasm')
    try {
      database = new sqlite.default.Database(copy, { fileMustExist: true })
      // Without shared memory a log can only be read by one who has the file alone.
      database.exec('pragma locking_mode=exclusive')
      database.all('select count(*) from sqlite_schema')
    } catch (error) {
      throw invalidInput('The database is damaged and cannot be read.', {
        cause: String(error).slice(0, 200),
      })
    }
    yield* read(createTables(database))
  } finally {
    database?.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Text of a cell; empty for what is no text. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

export const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined

/** JSON in a cell; undefined when it is none. */
export const jsonOf = (value: unknown): unknown => {
  if (typeof value !== 'string' || value.trim() === '') return undefined
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}

/** A list that is stored as JSON, or as lines or with commas by old versions. */
export const listOf = (value: unknown): string[] => {
  const parsed = jsonOf(value)
  const items = Array.isArray(parsed)
    ? parsed
    : parsed === undefined
      ? textOf(value).split(/\n|,\s+/)
      : [parsed]
  return items
    .filter((item): item is string => typeof item === 'string')
    .map((item) => item.trim())
    .filter(Boolean)
}
