/** Reads a whole export before anything of it is written. */
import { createHash } from 'node:crypto'
import {
  atLine,
  findWrongColumn,
  hierarchies,
  keyOf,
  linksOf,
  parseHeader,
  parseJson,
  parseRow,
  referencesOf,
  transferTables,
  transferTrailer,
  type TransferColumn,
  type TransferHeader,
  type TransferRow,
  type TransferTable,
} from './format.ts'

export type OpenLines = () => AsyncIterable<string>

/** Rows that others refer to; the many, events and versions, are not remembered. */
type Ids = Record<'imports' | 'frames' | 'tasks' | 'anchors', Set<string>>

const hasIds = (table: TransferTable): table is keyof Ids =>
  table === 'imports' || table === 'frames' || table === 'tasks' || table === 'anchors'

interface Link {
  line: number
  from: string
  to: string
}

/** @throws invalid_input with the number of the first line that is wrong. */
export const verifyExport = async (
  openLines: OpenLines,
  columns: ReadonlyMap<TransferTable, readonly TransferColumn[]>,
): Promise<TransferHeader> => {
  const hash = createHash('sha256')
  const check = createRowCheck(columns)
  let header: TransferHeader | undefined
  let number = 0
  let previous: string | undefined
  for await (const text of openLines()) {
    number += 1
    if (previous !== undefined) {
      if (number === 2) header = parseHeader(previous)
      else check.row(previous, number - 1)
      hash.update(`${previous}\n`)
    }
    previous = text
  }
  if (header === undefined) {
    parseHeader(previous)
    throw atLine(1, 'is the only one: the end of the export is missing')
  }
  const trailer = transferTrailer.safeParse(parseJson(previous ?? '', number))
  if (!trailer.success) throw atLine(number, 'is not the end of an export: the rest is missing')
  if (trailer.data.rows !== number - 2)
    throw atLine(number, `says that there are ${trailer.data.rows} rows, and there are ${number - 2}`)
  check.finish(header, number)
  if (trailer.data.sha256 !== hash.digest('hex'))
    throw atLine(number, 'has a checksum that does not fit: the export was changed or damaged')
  return header
}

const createRowCheck = (columns: ReadonlyMap<TransferTable, readonly TransferColumn[]>) => {
  const ids: Ids = { imports: new Set(), frames: new Set(), tasks: new Set(), anchors: new Set() }
  const counts = new Map<string, number>()
  const links = new Map<string, Link[]>()
  let current = 0

  const checkReferences = (table: TransferTable, row: TransferRow, line: number) => {
    for (const [column, target] of Object.entries(referencesOf[table] ?? {})) {
      const id = row[column]
      if (typeof id === 'string' && !idsOf(ids, target).has(id))
        throw atLine(line, `refers to a row of ${target} that is not in the export`)
    }
  }
  const keepLinks = (table: TransferTable, row: TransferRow, line: number) => {
    if (row['removed_at']) return // a dependency that holds no more
    const linked = Object.keys(linksOf[table] ?? {})
    const own = hierarchies.filter(([name]) => name === table).map(([, , to]) => to)
    for (const column of new Set([...linked, ...own])) {
      const [from, to] = [row[keyOf[table][0] ?? 'id'], row[column]]
      if (typeof from !== 'string' || typeof to !== 'string') continue
      const key = `${table}.${column}`
      const list = links.get(key)
      if (list) list.push({ line, from, to })
      else links.set(key, [{ line, from, to }])
    }
  }
  return {
    row(text: string, line: number) {
      const { table, row } = parseRow(text, line)
      const position = transferTables.indexOf(table)
      if (position < current) throw atLine(line, `is a row of ${table} in the wrong place`)
      current = position
      const wrong = findWrongColumn(row, columns.get(table) ?? [])
      if (wrong !== undefined)
        throw atLine(line, `has a value that cannot be stored in "${wrong.slice(0, 60)}"`)
      if (keyOf[table].some((column) => row[column] === undefined)) throw atLine(line, 'has no key')
      if (hasIds(table)) {
        if (ids[table].has(String(row['id']))) throw atLine(line, `repeats a row of ${table}`)
        ids[table].add(String(row['id']))
      }
      checkReferences(table, row, line)
      keepLinks(table, row, line)
      counts.set(table, (counts.get(table) ?? 0) + 1)
    },
    finish(header: TransferHeader, lastLine: number) {
      for (const { name, rows } of header.tables)
        if ((counts.get(name) ?? 0) !== rows)
          throw atLine(
            lastLine,
            `ends an export that has ${counts.get(name) ?? 0} rows of ${name} and announced ${rows}`,
          )
      for (const [table, targets] of Object.entries(linksOf))
        for (const [column, target] of Object.entries(targets))
          for (const { line, to } of links.get(`${table}.${column}`) ?? [])
            if (!idsOf(ids, target).has(to))
              throw atLine(line, `refers to a row of ${target} that is not in the export`)
      for (const [table, , column] of hierarchies)
        assertNoCircle(links.get(`${table}.${column}`) ?? [], column)
    },
  }
}

const idsOf = (ids: Ids, table: TransferTable): Set<string> => (hasIds(table) ? ids[table] : new Set())

/** Follows every link once: `open` are the rows on the way that led here. */
const assertNoCircle = (links: readonly Link[], column: string) => {
  const next = new Map<string, Link[]>()
  for (const link of links) {
    const list = next.get(link.from)
    if (list) list.push(link)
    else next.set(link.from, [link])
  }
  const done = new Set<string>()
  for (const start of next.keys()) {
    const open = new Set<string>()
    const path: { id: string; index: number }[] = [{ id: start, index: 0 }]
    open.add(start)
    for (let step = path.at(-1); step; step = path.at(-1)) {
      const link = done.has(step.id) ? undefined : next.get(step.id)?.[step.index++]
      if (!link) {
        open.delete(step.id)
        done.add(step.id)
        path.pop()
      } else if (open.has(link.to)) {
        throw atLine(link.line, `closes a circle: through "${column}" a row is above itself`)
      } else {
        open.add(link.to)
        path.push({ id: link.to, index: 0 })
      }
    }
  }
}
