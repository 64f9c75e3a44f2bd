/**
 * Adds one table to a client's TOML file, as a block between two comment lines of ours at the end, and takes it out
 * again. Nothing else of the file is rewritten: the parser only says what stands there.
 */
import { isDeepStrictEqual } from 'node:util'
import { parse as parseToml, TomlError } from 'smol-toml'
import { dataError } from '../cli/io.ts'
import { byteOrderMark, insertAt, lineEndOf } from './layout.ts'
import type { Added } from './json-file.ts'
import type { Json, JsonObject } from './target.ts'

export interface Table {
  container: string
  name: string
  value: JsonObject
}

const marks = (name: string) => ({
  begin: `# stackmemory connect: begin ${name}`,
  end: `# stackmemory connect: end ${name}`,
})

/** The parser makes objects without a prototype, literals have one. */
const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as JsonObject

/** @throws data error with line and column. */
const parse = (text: string): JsonObject => {
  try {
    return plain(parseToml(text.replace(byteOrderMark, '')))
  } catch (error) {
    if (error instanceof TomlError)
      throw dataError(
        `line ${error.line}, column ${error.column}: this is not TOML (${error.message.split('\n')[0]})`,
        error,
      )
    throw error
  }
}

const isTable = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const key = (name: string) => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name))

const inline = (value: Json): string => {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  if (isTable(value))
    return `{ ${Object.entries(value)
      .map(([name, each]) => `${key(name)} = ${inline(each)}`)
      .join(', ')} }`
  return JSON.stringify(value)
}

/** The table as a person would write it, without a line end after it. */
export const renderTable = ({ container, name, value }: Table, eol = '\n'): string =>
  [
    `[${container}.${key(name)}]`,
    ...Object.entries(value).map(([field, each]) => `${key(field)} = ${inline(each)}`),
  ].join(eol)

export const readTable = (text: string, { container, name }: Table): Json | undefined => {
  const tables = parse(text)[container]
  return isTable(tables) ? tables[name] : undefined
}

export const addTable = (text: string, table: Table): Added => {
  const before = parse(text)
  const tables = before[table.container]
  const eol = lineEndOf(text)
  const { begin, end } = marks(table.name)
  const isBlank = text.replace(byteOrderMark, '') === ''
  const gap = isBlank ? '' : text.endsWith('\n') ? eol : eol + eol
  const piece = [begin, renderTable(table, eol), end, ''].join(eol)
  const added = { ...insertAt(text, text.length, gap + piece), isContainerOurs: false }
  const expected = {
    ...before,
    [table.container]: { ...(isTable(tables) ? tables : {}), [table.name]: table.value },
  }
  if ((tables !== undefined && !isTable(tables)) || !says(added.text, expected))
    throw dataError(
      `"${table.container}" is written in a way that nothing can be added to (an inline table); write it as [${table.container}.<name>] tables first`,
    )
  return added
}

const says = (text: string, expected: JsonObject) => {
  try {
    return isDeepStrictEqual(parse(text), expected)
  } catch {
    return false
  }
}

/** The lines from mark to mark with their line ends, and the empty line before them. */
const findBlock = (text: string, name: string) => {
  const { begin, end } = marks(name)
  const escaped = [begin, end].map((mark) => mark.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const found = new RegExp(`^${escaped[0]}\\r?\\n([\\s\\S]*?)^${escaped[1]}[ \\t]*(\\r?\\n|$)`, 'm').exec(
    text,
  )
  return found ? { at: found.index, length: found[0].length, body: found[1] ?? '' } : undefined
}

/** Whether the block between our marks is the very text that was written there. */
export const isBlockUntouched = (text: string, table: Table): boolean => {
  const body = findBlock(text, table.name)?.body
  return body !== undefined && body.replaceAll('\r\n', '\n') === `${renderTable(table)}\n`
}

/** Takes out our lines; what somebody else wrote between them stays, and then so do they. */
export const removeTable = (text: string, { container, name }: Omit<Table, 'value'>): string => {
  const block = findBlock(text, name)
  if (!block) return text
  const value = readTable(text, { container, name, value: {} })
  const isOurs =
    block.body.trim() === '' || (isTable(value) && isBlockUntouched(text, { container, name, value }))
  if (!isOurs) return text
  const before = text.slice(0, block.at).replace(/(\r?\n)\r?\n$/, '$1')
  return before + text.slice(block.at + block.length)
}
