import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { escapeIdentifier, type Pool, type PoolClient } from 'pg'
import { unavailable } from '../../domain/errors.ts'
import { isDiskFull } from '../database-error.ts'
import { schemaVersion } from '../migrate.ts'
import { fsyncPath } from './durable-node-fs.ts'
import { removeOldSnapshots, snapshotFolder, snapshotName } from './snapshot-folder.ts'
import { lastTransaction } from './last-transaction.ts'

/*
 * A logical copy of all tables of schema `public`, because the next major version of the embedded engine
 * cannot read this one's files. JSON lines, gzip:
 *
 *   {"format":"stackmemory-snapshot","formatVersion":1,"schemaVersion":…,"tables":[{"name","columns","rows"}]}
 *   {"table":"frames"}                 then its rows, each as to_jsonb(row) without generated columns
 *   {"end":true,"rows":…,"sha256":…}   over all bytes before this line
 *
 * Tables come in foreign-key order. In a column of type jsonb, an absent key is NULL and null is JSON null.
 * The copy is one read-only transaction. The engine has one session, so others wait: about 8,000 rows a second.
 */

export const snapshotFormat = 'stackmemory-snapshot'
export const snapshotFormatVersion = 1
const rowsPerFetch = 500

export interface SnapshotTable {
  readonly name: string
  /** Stored columns, that is without generated ones. */
  readonly columns: readonly string[]
  readonly rows: number
}

/** First line of a snapshot. */
export interface SnapshotHeader {
  readonly format: typeof snapshotFormat
  readonly formatVersion: typeof snapshotFormatVersion
  /** Version of the last migration; a snapshot is restored into a database of exactly this version. */
  readonly schemaVersion: string
  readonly createdAt: string
  /** The database's transaction counter, by which the next start knows whether anything was written since. */
  readonly lastTransaction: string
  readonly tables: readonly SnapshotTable[]
}

export interface SnapshotOptions {
  readonly now?: Date
  /** Asked between fetches; true abandons the snapshot so that a waiting user may go first. */
  readonly shouldYield?: () => boolean
}

/**
 * Writes a snapshot into the data directory and removes the ones beyond the newest seven.
 *
 * @returns its path
 * @throws DomainError `unavailable` when it gave way to waiting users, or the disk is full; nothing is left of it.
 */
export async function writeSnapshot(
  pool: Pool,
  dataDir: string,
  options: SnapshotOptions = {},
): Promise<string> {
  const now = options.now ?? new Date()
  const path = join(snapshotFolder(dataDir), snapshotName(now))
  const temporary = `${path}.tmp-${process.pid}`
  const client = await pool.connect()
  try {
    await client.query('begin isolation level repeatable read, read only')
    // Refuse instead of silently copying only what a policy shows.
    await client.query('set local row_security = off')
    await writeCompressed(temporary, lines(client, now, options.shouldYield))
    await client.query('commit')
  } catch (error) {
    // The engine may be gone as well; then the client is of no use, and the pool drops it by itself.
    await client.query('rollback').catch(() => undefined)
    await unlink(temporary).catch(() => undefined)
    throw isDiskFull(error) ? noRoom(error) : error
  } finally {
    client.release()
  }
  await rename(temporary, path)
  fsyncPath(snapshotFolder(dataDir))
  await removeOldSnapshots(dataDir)
  return path
}

const noRoom = (cause: unknown) =>
  unavailable(
    'The disk is full, so no snapshot was written; the earlier ones are as they were. Free some space and try again.',
    cause,
  )

/** `flush` is fsync before close: the rename must not become durable before the content. */
const writeCompressed = (path: string, source: AsyncIterable<string>) =>
  pipeline(source, createGzip(), createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }))

async function* lines(client: PoolClient, now: Date, shouldYield = () => false): AsyncGenerator<string> {
  const hash = createHash('sha256')
  const hashed = (line: string) => {
    hash.update(line)
    return line
  }
  const tables = await readTables(client)
  const header: SnapshotHeader = {
    format: snapshotFormat,
    formatVersion: snapshotFormatVersion,
    schemaVersion: await schemaVersion(client),
    createdAt: now.toISOString(),
    lastTransaction: await lastTransaction(client),
    tables: tables.map(({ name, columns, rows }) => ({ name, columns, rows })),
  }
  yield hashed(`${JSON.stringify(header)}\n`)
  for (const table of tables) {
    yield hashed(`${JSON.stringify({ table: table.name })}\n`)
    for await (const chunk of rowChunks(client, table)) {
      if (shouldYield())
        throw unavailable('The snapshot gave way to waiting requests; it is tried again later.')
      yield hashed(chunk)
    }
  }
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  yield `${JSON.stringify({ end: true, rows, sha256: hash.digest('hex') })}\n`
}

interface SourceTable extends SnapshotTable {
  /** Expression for one row `t`. */
  readonly expression: string
}

async function* rowChunks(client: PoolClient, table: SourceTable): AsyncGenerator<string> {
  await client.query(
    `declare snapshot_rows no scroll cursor for
       select (${table.expression})::text as row from public.${escapeIdentifier(table.name)} t`,
  )
  for (;;) {
    const { rows } = await client.query<{ row: string }>(`fetch ${rowsPerFetch} from snapshot_rows`)
    if (rows.length > 0) yield rows.map(({ row }) => `${row}\n`).join('')
    if (rows.length < rowsPerFetch) break
  }
  await client.query('close snapshot_rows')
}

async function readTables(client: PoolClient): Promise<SourceTable[]> {
  const { rows } = await client.query<{
    name: string
    columns: string[]
    generated: string[]
    nullable_json: string[]
    parents: string[]
  }>(
    `select c.relname as name,
       array_agg(a.attname::text order by a.attnum) filter (where a.attgenerated = '') as columns,
       coalesce(array_agg(a.attname::text) filter (where a.attgenerated <> ''), '{}') as generated,
       coalesce(array_agg(a.attname::text) filter (
         where a.attgenerated = '' and a.atttypid = 'jsonb'::regtype and not a.attnotnull), '{}') as nullable_json,
       array(select p.relname::text from pg_constraint f join pg_class p on p.oid = f.confrelid
         where f.contype = 'f' and f.conrelid = c.oid and f.confrelid <> c.oid) as parents
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'schema_migrations'
     group by c.oid order by c.relname`,
  )
  const tables: SourceTable[] = []
  for (const table of inForeignKeyOrder(rows)) {
    const count = await client.query<{ rows: number }>(
      `select count(*)::int as rows from public.${escapeIdentifier(table.name)}`,
    )
    const generated = table.generated.map((column) => ` - ${quote(column)}`)
    const absent = table.nullable_json.map(
      (column) => ` - case when t.${escapeIdentifier(column)} is null then ${quote(column)} else '' end`,
    )
    const expression = `to_jsonb(t)${[...generated, ...absent].join('')}`
    tables.push({ name: table.name, columns: table.columns, rows: count.rows[0]?.rows ?? 0, expression })
  }
  return tables
}

const quote = (text: string) => `'${text.replaceAll("'", "''")}'::text`

/** Referenced tables before the ones that refer to them; by name where that leaves a choice. */
export function inForeignKeyOrder<T extends { name: string; parents: readonly string[] }>(tables: T[]): T[] {
  const ordered: T[] = []
  let rest = tables
  while (rest.length > 0) {
    const waiting = new Set(rest.map((table) => table.name))
    const ready = rest.filter((table) => !table.parents.some((parent) => waiting.has(parent)))
    // Tables that refer to each other in a circle have no order; take them as they are.
    const next = ready.length > 0 ? ready : rest
    ordered.push(...next)
    rest = rest.filter((table) => !next.includes(table))
  }
  return ordered
}
