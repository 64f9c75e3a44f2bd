import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { escapeIdentifier, type Pool, type PoolClient } from 'pg'
import { z } from 'zod'
import { conflict, DomainError } from '../../domain/errors.ts'
import { schemaVersion } from '../migrate.ts'
import { snapshotFormat, snapshotFormatVersion, type SnapshotHeader, type SnapshotTable } from './snapshot.ts'

const headerSchema = z.object({
  format: z.literal(snapshotFormat),
  formatVersion: z.literal(snapshotFormatVersion),
  schemaVersion: z.string(),
  createdAt: z.string(),
  lastTransaction: z.string(),
  tables: z.array(z.object({ name: z.string(), columns: z.array(z.string()), rows: z.number() })),
})
const trailerSchema = z.strictObject({ end: z.literal(true), rows: z.number(), sha256: z.string() })

const batchRowsMax = 500
const batchCharsMax = 1_000_000

export interface RestoreResult {
  readonly schemaVersion: string
  readonly createdAt: string
  /** Rows restored, by table. */
  readonly rows: Readonly<Record<string, number>>
}

/** Reads the first line of a snapshot. The rest is not checked. */
export async function readSnapshotHeader(file: string): Promise<SnapshotHeader> {
  try {
    for await (const line of readLines(file)) return parseHeader(line)
  } catch (error) {
    throw unreadable(file, error)
  }
  throw unreadable(file)
}

/** Reads all of a snapshot and checks structure, counts and checksum. */
export async function verifySnapshot(file: string): Promise<SnapshotHeader> {
  try {
    for await (const row of readRows(file)) void row
  } catch (error) {
    throw unreadable(file, error)
  }
  return readSnapshotHeader(file)
}

/**
 * Restores a snapshot into a database whose tables are empty and whose migrations are at exactly the
 * snapshot's `schemaVersion` (see {@link readSnapshotHeader} and `migrate`'s `to`). The file is verified
 * before the first row is written, and all rows are written in one transaction.
 *
 * @throws DomainError `conflict` when the database is not empty or at another version; `invalid_input` when
 *   the file is no snapshot, or is damaged or incomplete.
 */
export async function restoreSnapshot(pool: Pool, file: string): Promise<RestoreResult> {
  const header = await verifySnapshot(file)
  const client = await pool.connect()
  try {
    await client.query('begin')
    await assertFits(client, header)
    await relaxForeignKeys(client)
    await copyRows(client, file)
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
  const rows = Object.fromEntries(header.tables.map((table) => [table.name, table.rows]))
  return { schemaVersion: header.schemaVersion, createdAt: header.createdAt, rows }
}

async function assertFits(client: PoolClient, header: SnapshotHeader): Promise<void> {
  const version = await schemaVersion(client)
  if (version !== header.schemaVersion) {
    throw conflict(
      `The snapshot is of schema version ${header.schemaVersion} and the database is at ${version}. Restore it ` +
        'into a new database that was migrated to the version of the snapshot.',
      { snapshot: header.schemaVersion, database: version },
    )
  }
  for (const { name } of header.tables) {
    const { rows } = await client.query<{ filled: boolean }>(
      `select exists (select from public.${escapeIdentifier(name)}) as filled`,
    )
    if (rows[0]?.filled) {
      throw conflict(
        `A snapshot is restored only into an empty database, and table ${name} has rows. Use a new one.`,
      )
    }
  }
}

/**
 * A superuser may skip the checks of a consistent copy, which rows that refer to rows of their own table need.
 * Others rely on the order of the file.
 */
async function relaxForeignKeys(client: PoolClient): Promise<void> {
  const { rows } = await client.query<{ is_superuser: string }>('show is_superuser')
  if (rows[0]?.is_superuser === 'on') await client.query('set local session_replication_role = replica')
}

async function copyRows(client: PoolClient, file: string): Promise<void> {
  let table: SnapshotTable | undefined
  let batch: string[] = []
  let batchChars = 0
  const flush = async () => {
    if (table !== undefined && batch.length > 0) await insertRows(client, table, batch)
    batch = []
    batchChars = 0
  }
  for await (const row of readRows(file)) {
    if (row.table !== table || batch.length >= batchRowsMax || batchChars >= batchCharsMax) await flush()
    table = row.table
    batch.push(row.json)
    batchChars += row.json.length
  }
  await flush()
}

async function insertRows(client: PoolClient, table: SnapshotTable, batch: string[]): Promise<void> {
  const name = `public.${escapeIdentifier(table.name)}`
  const { rows } = await client.query<{ name: string }>(
    `select attname::text as name from pg_attribute
     where attrelid = $1::regclass and atttypid = 'jsonb'::regtype and not attisdropped`,
    [name],
  )
  const jsonColumns = new Set(rows.map((row) => row.name))
  const columns = table.columns.map((column) => escapeIdentifier(column))
  // jsonb_populate_record would turn JSON null into NULL; `->` keeps the two apart.
  const values = table.columns.map((column, i) =>
    jsonColumns.has(column) ? `r -> '${column.replaceAll("'", "''")}'` : `p.${columns[i]}`,
  )
  await client.query(
    `insert into ${name} (${columns.join(', ')}) overriding system value
     select ${values.join(', ')}
     from jsonb_array_elements($1::jsonb) r, jsonb_populate_record(null::${name}, r) p`,
    [`[${batch.join(',')}]`],
  )
}

/** All rows in the order of the file. The header says what has to come, so nothing has to be guessed. */
async function* readRows(file: string): AsyncGenerator<{ table: SnapshotTable; json: string }> {
  const hash = createHash('sha256')
  const lines = readLines(file)
  const nextLine = async () => {
    const next = await lines.next()
    if (next.done) throw new Error('the file ends early')
    return next.value
  }
  const nextHashed = async () => {
    const line = await nextLine()
    hash.update(`${line}\n`)
    return line
  }
  const header = parseHeader(await nextHashed())
  for (const table of header.tables) {
    if ((await nextHashed()) !== JSON.stringify({ table: table.name })) throw new Error('a table is missing')
    for (let i = 0; i < table.rows; i++) yield { table, json: await nextHashed() }
  }
  const trailer = trailerSchema.parse(JSON.parse(await nextLine()))
  const rows = header.tables.reduce((sum, table) => sum + table.rows, 0)
  if (trailer.sha256 !== hash.digest('hex') || trailer.rows !== rows) throw new Error('wrong checksum')
  if (!(await lines.next()).done) throw new Error('the file goes on after its end')
}

const parseHeader = (line: string): SnapshotHeader => headerSchema.parse(JSON.parse(line))

/** Not node:readline: it also breaks lines at U+2028, which JSON leaves as it is. */
async function* readLines(file: string): AsyncGenerator<string> {
  const source = createReadStream(file)
  const input = source.pipe(createGunzip()).setEncoding('utf8')
  source.on('error', (error) => input.destroy(error))
  let rest = ''
  try {
    for await (const chunk of input) {
      const lines = `${rest}${String(chunk)}`.split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
    if (rest !== '') yield rest
  } finally {
    source.destroy()
    input.destroy()
  }
}

const unreadable = (file: string, cause?: unknown) =>
  new DomainError(
    'invalid_input',
    `The snapshot ${file} is damaged, incomplete or none at all. Nothing was restored; use another one.`,
    { cause, details: { file } },
  )
