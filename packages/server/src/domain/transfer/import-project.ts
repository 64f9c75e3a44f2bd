import type { Context } from '../context.ts'
import { conflict } from '../errors.ts'
import { authorize } from '../policy.ts'
import type { Transfer, TransferTarget } from '../ports.ts'
import { keyOf, linksOf, parseRow, transferTables, type TransferRow, type TransferTable } from './format.ts'
import { createSearchRebuild } from './search-rows.ts'
import { verifyExport, type OpenLines } from './verify-export.ts'

export interface ImportedProject {
  /** Rows written, by table. */
  added: Record<TransferTable, number>
  /** Rows that were in the project already, exactly as they are in the export. */
  identical: number
}

const batchRowsMax = 200
const batchCharsMax = 1_000_000

interface Batch {
  table: TransferTable
  rows: { line: number; row: TransferRow; text: string }[]
  chars: number
}

/**
 * Brings an export into a project, with ids, references, numbers, times and names as they were. All of it is
 * written or nothing. Into a project that is not empty only what is exactly the same or not there yet is
 * accepted, so an import can be repeated, and two histories are never mixed.
 *
 * Who wrote what is taken from the file: whoever imports vouches for it, which is why it needs project:admin.
 *
 * @param openLines opens the file anew; it is read twice, first to verify all of it
 * @throws invalid_input with the line that is wrong; conflict for a row that is different in the project.
 */
export const importProject = async (
  ctx: Context,
  transfer: Transfer,
  openLines: OpenLines,
  onProgress: (rows: number, total: number) => void = () => {},
): Promise<ImportedProject> => {
  authorize(ctx, 'project:admin')
  return transfer.write(ctx, async (target) => {
    const columns = await target.columns()
    const header = await verifyExport(openLines, columns)
    await target.lock(header.lastRef)
    const total = header.tables.reduce((sum, table) => sum + table.rows, 0)
    const exported = new Map(header.tables.map((table) => [table.name, table.columns]))
    const result: ImportedProject = {
      added: Object.fromEntries(transferTables.map((table) => [table, 0])) as Record<TransferTable, number>,
      identical: 0,
    }
    const search = createSearchRebuild(target.search)
    const links = createLinks()
    for await (const batch of batches(openLines())) {
      const known = new Set(exported.get(batch.table))
      const names = (columns.get(batch.table) ?? []).map(({ name }) => name).filter((name) => known.has(name))
      const added = await insertBatch(target, batch, names)
      await search.add(batch.table, added)
      links.add(batch.table, added)
      result.added[batch.table] += added.length
      result.identical += batch.rows.length - added.length
      onProgress(
        transferTables.reduce((sum, table) => sum + result.added[table], result.identical),
        total,
      )
    }
    await assertOneNumberEach(target)
    await links.write(target)
    await search.finish()
    return result
  })
}

/** Tables keep their own numbers unique; that F12 and T12 are not both there only shows now. */
const assertOneNumberEach = async (target: TransferTarget) => {
  const [refNo] = await target.repeatedRefs()
  if (refNo === undefined) return
  throw conflict(
    `The number ${refNo} belongs to one thing in the export and to another in the project. Nothing was written. ${elsewhere}`,
    { refNo },
  )
}

const elsewhere = 'Import into an empty project; "stackmemory projects create" makes one.'

async function* batches(lines: AsyncIterable<string>): AsyncGenerator<Batch> {
  let batch: Batch | undefined
  let number = 0
  for await (const text of lines) {
    number += 1
    if (number === 1 || text.startsWith('{"end":true')) continue
    const { table, row } = parseRow(text, number)
    const isFull = batch && (batch.rows.length >= batchRowsMax || batch.chars >= batchCharsMax)
    if (batch && (batch.table !== table || isFull)) {
      yield batch
      batch = undefined
    }
    batch ??= { table, rows: [], chars: 0 }
    batch.rows.push({ line: number, row, text: JSON.stringify(row) })
    batch.chars += text.length
  }
  if (batch) yield batch
}

/** Returns the rows that were not there before. */
const insertBatch = async (
  target: TransferTarget,
  batch: Batch,
  columns: string[],
): Promise<TransferRow[]> => {
  const { table, rows } = batch
  const range = { from: rows[0]?.line ?? 0, to: rows.at(-1)?.line ?? 0 }
  const keyColumns = keyOf[table]
  const outcome = await target.insert(
    table,
    columns,
    rows.map((each) => each.text),
    range,
  )
  const keyText = (row: TransferRow) => keyColumns.map((column) => String(row[column])).join(' ')
  const different = rows.find((each) => {
    const key = keyText(each.row)
    return !outcome.inserted.has(key) && !outcome.identical.has(key)
  })
  if (different)
    throw conflict(
      `Line ${different.line}: this row of ${table}, or one with its number, is in the project already and is different. ` +
        `Nothing was written. ${elsewhere}`,
      { line: different.line },
    )
  return rows.filter((each) => outcome.inserted.has(keyText(each.row))).map((each) => each.row)
}

/** Rows are written without what they point forward to; here it is remembered and set. */
const createLinks = () => {
  const kept = new Map<TransferTable, { id: string; values: Record<string, string> }[]>()
  return {
    add(table: TransferTable, rows: readonly TransferRow[]) {
      const columns = Object.keys(linksOf[table] ?? {})
      for (const row of rows) {
        const values = Object.fromEntries(
          columns.flatMap((column) => (typeof row[column] === 'string' ? [[column, row[column]]] : [])),
        )
        if (Object.keys(values).length === 0) continue
        const list = kept.get(table) ?? []
        list.push({ id: String(row['id']), values })
        kept.set(table, list)
      }
    },
    async write(target: TransferTarget) {
      for (const [table, rows] of kept)
        for (const column of Object.keys(linksOf[table] ?? {}))
          await target.link(
            table,
            column,
            rows.flatMap(({ id, values }) => (values[column] ? [{ id, to: values[column] }] : [])),
          )
    },
  }
}
