/**
 * Whole projects, out and in. Not through `Database.transact`, because an export needs the isolation level
 * REPEATABLE READ, which has to be set before the first statement; but with the same two fences: the
 * application's role, and the project of the transaction for row-level security.
 *
 * Columns come from the catalog, so a column that a later migration adds travels without a change here.
 */
import { escapeIdentifier, type Pool, type PoolClient } from 'pg'
import type { Context } from '../domain/context.ts'
import { cancelled, invalidInput } from '../domain/errors.ts'
import type { Transfer, TransferSource, TransferTarget } from '../domain/ports.ts'
import {
  keyOf,
  linksOf,
  transferTables,
  type TransferColumn,
  type TransferTable,
} from '../domain/transfer/format.ts'
import { sqlState, toDomainError } from './database-error.ts'
import { createSearchStore } from './search.ts'

const pageRows = 500
const statementTimeoutMs = 300_000

/** The order of an export: as the numbers were given out, events as they were said. */
const orderOf: Readonly<Record<TransferTable, readonly string[]>> = {
  ...keyOf,
  frames: ['ref_no'],
  tasks: ['ref_no'],
  anchors: ['ref_no'],
}

/** What is left of a row that was forgotten, in place of its words. */
const forgotten: Readonly<Partial<Record<TransferTable, object>>> = {
  frames: { name: '[forgotten]', goal: '', constraints: [], files: [] },
  tasks: { title: '[forgotten]', description: '', note: '', tags: [] },
  anchors: { content: '[forgotten]', rationale: '', alternatives: [], files: [], places: [] },
  anchor_versions: { content: '[forgotten]', rationale: '' },
  events: { content: '', data: {}, files: [] },
  digests: { summary: '', text: '', body: {} },
  digest_versions: { summary: '', text: '', body: {} },
  task_versions: { note: '' },
}

/** A condition on the row `t`: it, or what it belongs to, was forgotten. `$1` is the project. */
const isForgotten: Readonly<Partial<Record<TransferTable, string>>> = {
  frames: 't.deleted_at is not null',
  tasks: 't.deleted_at is not null',
  anchors: 't.deleted_at is not null',
  anchor_versions: `exists (select from anchors o where o.project_id = $1 and o.id = t.anchor_id and o.deleted_at is not null)`,
  events: `(t.deleted_at is not null or exists (select from frames o
    where o.project_id = $1 and o.id = t.frame_id and o.deleted_at is not null))`,
  digests: 't.deleted_at is not null',
  digest_versions: `exists (select from digests o where o.project_id = $1 and o.frame_id = t.frame_id and o.deleted_at is not null)`,
  task_versions: `exists (select from tasks o where o.project_id = $1 and o.id = t.task_id and o.deleted_at is not null)`,
}

/** A row `t` as it stands in an export; the same expression compares a stored row with an exported one. */
const exportedRow = (table: TransferTable): string => {
  const words = forgotten[table]
  const plain = `(to_jsonb(t) - 'project_id')`
  if (!words) return plain
  const literal = JSON.stringify(words).replaceAll("'", "''")
  return `(case when ${isForgotten[table] ?? 'false'} then ${plain} || '${literal}'::jsonb else ${plain} end)`
}

const scopeStatement = `select set_config('role', 'stackmemory_app', true), set_config('app.project_id', $1, true),
  set_config('statement_timeout', $2, true), set_config('timezone', 'UTC', true), set_config('jit', 'off', true)`

const begin = async (pool: Pool, ctx: Context, mode: string): Promise<PoolClient> => {
  if (ctx.signal.aborted) throw cancelled(ctx.signal.reason)
  const client = await pool.connect()
  try {
    await client.query(`begin ${mode}`)
    await client.query(scopeStatement, [ctx.project.id, String(statementTimeoutMs)])
    return client
  } catch (error) {
    client.release(true)
    throw error
  }
}

/** Ends the transaction; a connection on which that failed is not used again. */
const end = async (client: PoolClient, command: 'commit' | 'rollback') => {
  let broken = true
  try {
    await client.query(command)
    broken = false
  } finally {
    client.release(broken)
  }
}

const readColumns = async (client: PoolClient): Promise<Map<TransferTable, TransferColumn[]>> => {
  const { rows } = await client.query<TransferColumn & { table: TransferTable }>(
    `select c.relname as table, a.attname as name, t.typname as type, not a.attnotnull as "isNullable"
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       and a.attgenerated = '' and a.attname <> 'project_id'
     join pg_type t on t.oid = a.atttypid
     where c.relnamespace = 'public'::regnamespace and c.relname = any ($1::text[]) order by c.relname, a.attnum`,
    [transferTables],
  )
  return new Map(
    transferTables.map((table) => [
      table,
      rows
        .filter((row) => row.table === table)
        .map(({ name, type, isNullable }) => ({ name, type, isNullable })),
    ]),
  )
}

async function* readPages(client: PoolClient, ctx: Context, table: TransferTable): AsyncGenerator<string[]> {
  const order = orderOf[table].map((column) => `t.${column}`).join(', ')
  const after = orderOf[table].map((_, index) => `$${index + 3}`).join(', ')
  // As text: a Date would lose the microseconds that tell two rows apart.
  const keys = orderOf[table].map((column) => `t.${column}::text as "key_${column}"`).join(', ')
  const page = (from: string) =>
    `select ${exportedRow(table)}::text as row, ${keys} from ${table} t
     where t.project_id = $1 ${from} order by ${order} limit $2`
  let last: unknown[] | undefined
  for (;;) {
    if (ctx.signal.aborted) throw cancelled(ctx.signal.reason)
    const { rows } = await client.query<{ row: string } & Record<string, unknown>>(
      page(last ? `and (${order}) > (${after})` : ''),
      [ctx.project.id, pageRows, ...(last ?? [])],
    )
    if (rows.length > 0) yield rows.map(({ row }) => row)
    if (rows.length < pageRows) return
    last = orderOf[table].map((column) => rows.at(-1)?.[`key_${column}`])
  }
}

const createSource = (client: PoolClient, ctx: Context): TransferSource => ({
  async lastRef() {
    const { rows } = await client.query<{ lastRef: number }>(
      'select last_ref as "lastRef" from project_counters where project_id = $1',
      [ctx.project.id],
    )
    return rows[0]?.lastRef ?? 0
  },
  async tables() {
    const columns = await readColumns(client)
    const tables: Awaited<ReturnType<TransferSource['tables']>> = []
    for (const name of transferTables) {
      const { rows } = await client.query<{ rows: number }>(
        `select count(*)::int as rows from ${name} where project_id = $1`,
        [ctx.project.id],
      )
      tables.push({
        name,
        columns: (columns.get(name) ?? []).map((column) => column.name),
        rows: rows[0]?.rows ?? 0,
      })
    }
    return tables
  },
  pages: (table) => readPages(client, ctx, table),
  close: async () => end(client, 'rollback'), // it only read
})

/** The key of a row as its columns stand in an export, joined by spaces. */
const keyText = (table: TransferTable, alias: string) =>
  keyOf[table].map((column) => `(to_jsonb(${alias}.${column}) #>> '{}')`).join(` || ' ' || `)

const insertRows = async (
  client: PoolClient,
  projectId: string,
  table: TransferTable,
  columns: readonly string[],
  json: string,
) => {
  const later = new Set(Object.keys(linksOf[table] ?? {}))
  const names = columns.filter((column) => !later.has(column)).map((column) => escapeIdentifier(column))
  const key = keyText(table, table)
  const { rows } = await client.query<{ key: string }>(
    `insert into ${table} (project_id, ${names.join(', ')})
     select $1, ${names.map((name) => `p.${name}`).join(', ')}
     from jsonb_populate_recordset(null::${table}, $2::jsonb) p
     on conflict do nothing returning ${key} as key`,
    [projectId, json],
  )
  return new Set(rows.map((row) => row.key))
}

const findIdentical = async (client: PoolClient, projectId: string, table: TransferTable, json: string) => {
  const key = keyText(table, 't')
  const sameKey = keyOf[table].map((column) => `t.${column} = given.${column}`).join(' and ')
  const { rows } = await client.query<{ key: string }>(
    `select ${key} as key from jsonb_populate_recordset(null::${table}, $2::jsonb) given
     join ${table} t on t.project_id = $1 and ${sameKey}
     where ${exportedRow(table)} = (select ${exportedRow(table)} from (select given.*) t)`,
    [projectId, json],
  )
  return new Set(rows.map((row) => row.key))
}

const createTarget = (client: PoolClient, ctx: Context): TransferTarget => {
  const projectId = ctx.project.id
  return {
    columns: async () => readColumns(client),
    async lock(lastRef) {
      await client.query(
        `insert into project_counters (project_id, last_ref) values ($1, $2)
         on conflict (project_id) do update set last_ref = greatest(project_counters.last_ref, excluded.last_ref)`,
        [projectId, lastRef],
      )
    },
    async insert(table, columns, rows, lines) {
      if (ctx.signal.aborted) throw cancelled(ctx.signal.reason)
      const json = `[${rows.join(',')}]`
      try {
        const inserted = await insertRows(client, projectId, table, columns, json)
        const identical =
          inserted.size === rows.length
            ? new Set<string>()
            : await findIdentical(client, projectId, table, json)
        return { inserted, identical }
      } catch (error) {
        throw explainRefused(error, table, lines)
      }
    },
    async repeatedRefs() {
      const { rows } = await client.query<{ refNo: number }>(
        `select ref_no as "refNo" from (select ref_no from frames where project_id = $1
           union all select ref_no from tasks where project_id = $1
           union all select ref_no from anchors where project_id = $1) refs
         group by ref_no having count(*) > 1 order by ref_no limit 10`,
        [projectId],
      )
      return rows.map((row) => row.refNo)
    },
    async link(table, column, links) {
      await client.query(
        `update ${table} t set ${escapeIdentifier(column)} = l.to_id
         from unnest($2::uuid[], $3::uuid[]) l (id, to_id) where t.project_id = $1 and t.id = l.id`,
        [projectId, links.map((link) => link.id), links.map((link) => link.to)],
      )
    },
    search: createSearchStore(
      {
        run: async (statement, values) =>
          (await client.query({ ...statement, values: [...values] })).rows as never,
      },
      projectId,
    ),
  }
}

/** Classes 22 and 23 of SQLSTATE: the data is wrong, in a way that only the database checks. */
const explainRefused = (error: unknown, table: string, { from, to }: { from: number; to: number }) =>
  /^2[23]/.test(sqlState(error) ?? '')
    ? invalidInput(
        `The database refused a row of ${table} in lines ${from} to ${to}. Nothing was written; use a complete, unchanged export.`,
        { line: from },
      )
    : error

export const createTransfer = (pool: Pool): Transfer => ({
  async openSource(ctx) {
    return createSource(await begin(pool, ctx, 'isolation level repeatable read, read only'), ctx)
  },
  async write(ctx, work) {
    const client = await begin(pool, ctx, '')
    let result: Awaited<ReturnType<typeof work>>
    try {
      result = await work(createTarget(client, ctx))
    } catch (error) {
      await end(client, 'rollback').catch(() => {}) // the first error is the one to report
      throw toDomainError(error, ctx.signal)
    }
    await end(client, 'commit')
    return result
  },
})
