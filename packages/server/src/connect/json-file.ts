/**
 * Adds one thing to a client's JSON file and takes it out again, without touching anything else.
 *
 * What is added becomes the first thing of its container: then it is one insertion between two bytes that stay as
 * they are. Added at the end it would have to put a comma behind somebody else's line, and would come between that
 * line and its comment. Comments and trailing commas are understood, as most of these files may have them.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  createScanner,
  findNodeAtLocation,
  getNodeValue,
  parseTree,
  printParseErrorCode,
  type Node,
  type ParseError,
} from 'jsonc-parser'
import { dataError } from '../cli/io.ts'
import { byteOrderMark, indentAt, insertAt, lineEndOf, positionAt, type Insertion } from './layout.ts'
import type { Json, JsonObject } from './target.ts'

/** A property of an object, or, without `name`, an object in an array, which is known by its property `id`. */
export interface Thing {
  container: string
  name?: string
  id?: string
  value: JsonObject
}

export interface Added {
  text: string
  insertion: Insertion
  /** The container was not there, so it goes with the thing. */
  isContainerOurs: boolean
}

// Values of jsonc-parser's SyntaxKind, a const enum, which a build without type information cannot read.
const kinds = { comma: 5, lineComment: 12, blockComment: 13, lineBreak: 14, whiteSpace: 15, end: 17 } as const

const problem = (text: string, offset: number, what: string) => {
  const { line, column } = positionAt(text, offset)
  return dataError(`line ${line}, column ${column}: ${what}`)
}

const words = (code: string) =>
  code
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/expected$/, 'is missing')

/** @throws data error with line and column. Undefined for a file without a value: empty, or only comments. */
const parse = (text: string): Node | undefined => {
  const errors: ParseError[] = []
  const start = text.startsWith(byteOrderMark) ? ' ' : ''
  const root = parseTree(start + text.slice(start.length), errors, {
    allowTrailingComma: true,
    allowEmptyContent: true,
  })
  const [error] = errors
  if (error)
    throw problem(text, error.offset, `this is not JSON (${words(printParseErrorCode(error.error))})`)
  if (root && root.type !== 'object') throw problem(text, root.offset, 'the file must hold an object')
  return root
}

const findProperty = (text: string, node: Node, name: string): Node | undefined => {
  const found = (node.children ?? []).filter((child) => child.children?.[0]?.value === name)
  if (found[1]) throw problem(text, found[1].offset, `"${name}" stands here a second time`)
  return found[0]
}

const findContainer = (text: string, root: Node, thing: Pick<Thing, 'container' | 'name'>) => {
  const node = findProperty(text, root, thing.container)?.children?.[1]
  const type = thing.name === undefined ? 'array' : 'object'
  if (node && node.type !== type)
    throw problem(
      text,
      node.offset,
      `"${thing.container}" must be ${type === 'array' ? 'a list' : 'an object'}`,
    )
  return node
}

/** The property, or the item of the list. */
const findThing = (text: string, container: Node, { name, id }: Thing): Node | undefined => {
  if (name !== undefined) return findProperty(text, container, name)
  return container.children?.find(
    (child) => child.type === 'object' && findNodeAtLocation(child, ['id'])?.value === id,
  )
}

const valueOf = (node: Node): Json =>
  getNodeValue(node.type === 'property' ? (node.children?.[1] ?? node) : node) as Json

/** What stands in the file under this name now. `hasComments`: somebody wrote into it. */
export const readThing = (text: string, thing: Thing): { value: Json; hasComments: boolean } | undefined => {
  const root = parse(text)
  const container = root && findContainer(text, root, thing)
  const node = container && findThing(text, container, thing)
  return node && { value: valueOf(node), hasComments: hasComments(text, node) }
}

const tokens = function* (text: string, from: number, to: number) {
  const scanner = createScanner(text, false)
  scanner.setPosition(from)
  for (let kind: number = scanner.scan(); kind !== kinds.end; kind = scanner.scan()) {
    if (scanner.getTokenOffset() >= to) return
    yield { kind, at: scanner.getTokenOffset(), end: scanner.getPosition(), text: scanner.getTokenValue() }
  }
}

const hasComments = (text: string, node: Node) =>
  [...tokens(text, node.offset, node.offset + node.length)].some(
    ({ kind }) => kind === kinds.lineComment || kind === kinds.blockComment,
  )

/** Behind the opening bracket, and behind a comment on its line. `isLineEnd`: nothing else is on that line. */
const startOf = (text: string, container: Node) => {
  const open = container.offset + 1
  let at = open
  for (const token of tokens(text, open, text.length)) {
    const isComment =
      token.kind === kinds.lineComment ||
      (token.kind === kinds.blockComment && !text.slice(token.at, token.end).includes('\n'))
    if (isComment) at = token.end
    else if (token.kind === kinds.lineBreak) return { at, isLineEnd: true }
    else if (token.kind !== kinds.whiteSpace) break
  }
  return { at: open, isLineEnd: false }
}

/** One step of indentation: that of the first property, when it has a line of its own. */
const unitOf = (text: string, root: Node | undefined) => {
  const first = root?.children?.[0]
  return (first && isOnOwnLine(text, first) && indentAt(text, first.offset)) || '  '
}

const isOnOwnLine = (text: string, node: Node) =>
  /(^|[\n\r])[ \t]*$/.test(text.slice(0, node.offset).replace(byteOrderMark, ''))

const render = (text: string, value: Json, indent: string, unit: string) =>
  JSON.stringify(value, null, unit).replaceAll('\n', lineEndOf(text) + indent)

/** Puts a property or an item first in a container. */
const insertFirst = (text: string, root: Node, container: Node, name: string | undefined, value: Json) => {
  const [first] = container.children ?? []
  const isSpread = first
    ? isOnOwnLine(text, first)
    : container === root || text.slice(root.offset, root.offset + root.length).includes('\n')
  const label = name === undefined ? '' : `${JSON.stringify(name)}: `
  if (!isSpread) {
    const space = text[container.offset + 1] === ' ' ? ' ' : ''
    return insertAt(
      text,
      container.offset + 1,
      `${space}${label}${JSON.stringify(value)}${first ? ',' : space}`,
    )
  }
  const [eol, unit] = [lineEndOf(text), unitOf(text, root)]
  const outer = indentAt(text, container.offset)
  const indent = first ? indentAt(text, first.offset) : outer + unit
  const { at, isLineEnd } = startOf(text, container)
  const piece = `${eol}${indent}${label}${render(text, value, indent, unit)}${first ? ',' : ''}`
  return insertAt(text, at, isLineEnd || first ? piece : `${piece}${eol}${outer}`)
}

/** @throws data error with line and column when the file can't be understood; nothing is guessed. */
export const addThing = (text: string, thing: Thing): Added => {
  const root = parse(text)
  const { container, name, value } = thing
  const whole: Json = name === undefined ? [value] : { [name]: value }
  if (!root) {
    const eol = lineEndOf(text)
    const piece = render(text, { [container]: whole }, '', '  ') + eol
    const start = text === '' || text === byteOrderMark || text.endsWith('\n') ? '' : eol
    return checked(text, thing, { ...insertAt(text, text.length, start + piece), isContainerOurs: true })
  }
  const node = findContainer(text, root, thing)
  return checked(text, thing, {
    ...(node ? insertFirst(text, root, node, name, value) : insertFirst(text, root, root, container, whole)),
    isContainerOurs: node === undefined,
  })
}

/** Whatever the layout was: the file must now say exactly one thing more than before. */
const checked = (before: string, thing: Thing, added: Added): Added => {
  const was = (parse(before) ? getNodeValue(parse(before) as Node) : {}) as Record<
    string,
    JsonObject | Json[]
  >
  const expected = {
    ...was,
    [thing.container]:
      thing.name === undefined
        ? [thing.value, ...((was[thing.container] ?? []) as Json[])]
        : { ...(was[thing.container] as JsonObject), [thing.name]: thing.value },
  }
  const root = parse(added.text)
  if (!root || !isDeepStrictEqual(plain(getNodeValue(root)), plain(expected)))
    throw dataError('the layout of the file is too unusual to add to it safely')
  return added
}

/** The parser makes objects without a prototype, literals have one. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** Takes the thing out, with its comma and its line, and with the container when that is ours and now empty. */
export const removeThing = (text: string, thing: Thing, isContainerOurs: boolean): string => {
  const root = parse(text)
  const container = root && findContainer(text, root, thing)
  const node = container && findThing(text, container, thing)
  if (!node || !container) return text
  const isAlone = container.children?.length === 1
  const property = container.parent
  const holdsOnlyOurs = isContainerOurs && isAlone && property && !hasOtherComments(text, container, node)
  return cut(text, holdsOnlyOurs ? property : node)
}

const hasOtherComments = (text: string, container: Node, node: Node) =>
  hasComments(text, container) && !hasComments(text, node)

/** From the end of the line before, to behind the comma; the last one takes the comma before it instead. */
const cut = (text: string, node: Node): string => {
  const { parent } = node
  if (!parent) return text
  const siblings = parent.children ?? []
  const at = siblings.indexOf(node)
  const [before, next] = [siblings[at - 1], siblings[at + 1]]
  const from = node.offset - (/(\r\n|\r|\n)?[ \t]*$/.exec(text.slice(0, node.offset))?.[0].length ?? 0)
  const end = node.offset + node.length
  const comma = findComma(text, end, next?.offset ?? parent.offset + parent.length)
  const leading = before && !comma ? findComma(text, before.offset + before.length, node.offset) : undefined
  const head = leading ? text.slice(0, leading.at) + text.slice(leading.end, from) : text.slice(0, from)
  const tail = text.slice(comma?.end ?? end)
  // Between brackets with nothing else, not even a comment, what is left is `{}`.
  return head + (from === parent.offset + 1 && !next ? tail.replace(/^\s*(?=[\]}])/, '') : tail)
}

const findComma = (text: string, from: number, to: number) =>
  [...tokens(text, from, to)].find(({ kind }) => kind === kinds.comma)

/** Nothing is left in it: an object without properties, and no comments. */
export const isEmptyJson = (text: string): boolean => {
  const root = parse(text)
  return !root || (root.children?.length === 0 && !hasComments(text, root))
}
