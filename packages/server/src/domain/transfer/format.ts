/**
 * The export file: JSON Lines, UTF-8, one project.
 *
 *   {"format":"stackmemory-export","version":1,"project":{…},"exportedAt":…,"lastRef":…,"tables":[…]}
 *   {"table":"frames","row":{…}}        every row of every table, tables in the order of `transferTables`
 *   {"end":true,"rows":…,"sha256":…}    over all bytes before this line
 *
 * A row has the column names of the database, without `project_id`: which project it belongs to is decided by
 * whoever imports it. What was forgotten keeps its place and number, and none of its words.
 */
import { z } from 'zod'
import { invalidInput } from '../errors.ts'

export const transferFormat = 'stackmemory-export'
export const transferVersion = 1

/** In an order in which every row comes after the rows it needs, but for the links (`linksOf`). */
export const transferTables = [
  'imports',
  'frames',
  'frame_moves',
  'tasks',
  'anchors',
  'anchor_versions',
  'events',
  'digests',
  'digest_versions',
  'task_versions',
  'task_dependencies',
] as const
export type TransferTable = (typeof transferTables)[number]

/** Tables of a project that an export leaves out: derived, short-lived, or in the header. */
export const tablesNotExported = [
  'project_counters',
  'search_entries',
  'receipts',
  'idempotency_keys',
] as const

/** What identifies a row within its project; also the order of an export, but see `orderOf`. */
export const keyOf: Readonly<Record<TransferTable, readonly string[]>> = {
  imports: ['id'],
  frames: ['id'],
  frame_moves: ['frame_id', 'moved_at'],
  tasks: ['id'],
  anchors: ['id'],
  anchor_versions: ['anchor_id', 'version'],
  events: ['frame_id', 'seq'],
  digests: ['frame_id'],
  digest_versions: ['frame_id', 'import_id'],
  task_versions: ['task_id', 'version'],
  task_dependencies: ['task_id', 'blocked_by_id', 'created_at'],
}

/** Columns that refer to a row which may come later. They are set when all rows are in. */
export const linksOf: Readonly<Partial<Record<TransferTable, Readonly<Record<string, TransferTable>>>>> = {
  frames: { parent_id: 'frames', task_id: 'tasks' },
  tasks: { parent_id: 'tasks' },
  anchors: { superseded_by: 'anchors' },
}

/** Columns that refer to a row which came before. */
export const referencesOf: Readonly<Partial<Record<TransferTable, Readonly<Record<string, TransferTable>>>>> =
  {
    frames: { import_id: 'imports' },
    frame_moves: { frame_id: 'frames', from_parent_id: 'frames' },
    tasks: { frame_id: 'frames' },
    anchors: { frame_id: 'frames' },
    anchor_versions: { anchor_id: 'anchors', import_id: 'imports' },
    events: { frame_id: 'frames', import_id: 'imports' },
    digests: { frame_id: 'frames' },
    digest_versions: { frame_id: 'frames', import_id: 'imports' },
    task_versions: { task_id: 'tasks', import_id: 'imports' },
    task_dependencies: { task_id: 'tasks', blocked_by_id: 'tasks' },
  }

/** Columns along which rows of one table must never form a circle. */
export const hierarchies = [
  ['frames', 'id', 'parent_id'],
  ['tasks', 'id', 'parent_id'],
  ['anchors', 'id', 'superseded_by'],
  ['task_dependencies', 'task_id', 'blocked_by_id'],
] as const

export const transferHeader = z.object({
  format: z.literal(transferFormat),
  version: z.int(),
  project: z.object({ organization: z.string(), slug: z.string(), name: z.string() }),
  exportedAt: z.iso.datetime(),
  /** Highest short reference given out, by which F12 stays the name of one thing. */
  lastRef: z.int().min(0),
  tables: z.array(z.object({ name: z.string(), columns: z.array(z.string()), rows: z.int().min(0) })),
})
export type TransferHeader = z.infer<typeof transferHeader>

export const transferTrailer = z.strictObject({
  end: z.literal(true),
  rows: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})
export type TransferTrailer = z.infer<typeof transferTrailer>

/** One row with the names and JSON values of the database. */
export type TransferRow = Record<string, unknown>

export interface TransferColumn {
  name: string
  /** PostgreSQL's name of the type, for example `timestamptz` or `_text` for `text[]`. */
  type: string
  isNullable: boolean
}

const transferLine = z.strictObject({ table: z.enum(transferTables), row: z.record(z.string(), z.unknown()) })

export const atLine = (line: number, problem: string) =>
  invalidInput(`Line ${line} ${problem}. Nothing was written; use a complete, unchanged export.`, { line })

export const parseJson = (text: string, line: number): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw atLine(line, 'is not JSON')
  }
}

/** @throws invalid_input for another format, or a version that this program does not know. */
export const parseHeader = (text: string | undefined): TransferHeader => {
  const parsed = transferHeader.safeParse(text === undefined ? undefined : parseJson(text, 1))
  if (!parsed.success) throw atLine(1, 'is not the header of a StackMemory export')
  if (parsed.data.version !== transferVersion)
    throw invalidInput(
      `The export has format version ${parsed.data.version}, and this program reads version ${transferVersion}. Use the release that matches it.`,
    )
  return parsed.data
}

export const parseRow = (text: string, line: number): { table: TransferTable; row: TransferRow } => {
  const parsed = transferLine.safeParse(parseJson(text, line))
  if (!parsed.success) throw atLine(line, 'is not a row of an export')
  return parsed.data
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const isTimestamp = (value: unknown) => typeof value === 'string' && !Number.isNaN(Date.parse(value))
// PostgreSQL stores neither a zero byte nor half a surrogate pair.
const isText = (value: unknown) => typeof value === 'string' && !/[\0\p{Surrogate}]/u.test(value)
const isJson = (value: unknown): boolean =>
  !/\\u0000/.test(JSON.stringify(value)) && !/\p{Surrogate}/u.test(JSON.stringify(value))

const checks: Readonly<Record<string, (value: unknown) => boolean>> = {
  uuid: (value) => typeof value === 'string' && uuid.test(value),
  int2: (value) => Number.isInteger(value) && Math.abs(Number(value)) <= 32_767,
  int4: (value) => Number.isInteger(value) && Math.abs(Number(value)) <= 2_147_483_647,
  int8: (value) => Number.isSafeInteger(value),
  bool: (value) => typeof value === 'boolean',
  text: isText,
  timestamptz: isTimestamp,
  _text: (value) => Array.isArray(value) && value.every(isText),
  jsonb: (value) => typeof value === 'object' && isJson(value),
}

/** Says which column of a row cannot be stored; the database checks the rest. */
export const findWrongColumn = (row: TransferRow, columns: readonly TransferColumn[]): string | undefined => {
  const wrong = columns.find(({ name, type, isNullable }) => {
    const value = row[name]
    if (value === undefined) return false // added since the export was written: the default holds
    return value === null ? !isNullable : !(checks[type] ?? isText)(value)
  })
  if (wrong) return wrong.name
  const known = new Set(columns.map((column) => column.name))
  return Object.keys(row).find((name) => !known.has(name))
}
