import { z } from 'zod'
import type { Context } from '../context.ts'
import { invalidInput } from '../errors.ts'
import { limits } from '../limits.ts'
import { anchorTypes, eventKinds, itemKinds, type ItemKind } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, SearchFilter } from '../ports.ts'
import { shownAuthor } from '../provenance.ts'
import type { RankedItem } from '../retrieval/rank.ts'
import { fileList, normalizePaths, optionalText, text } from '../text.ts'
import { fingerprint, formatCursor, parseCursor } from './cursor.ts'
import type { FoundItem } from './load-items.ts'
import { retrieve, type Retrieval } from './retrieve.ts'
import { snippetOf } from './snippet.ts'

export const searchKinds = [
  'event',
  'anchor',
  'digest',
  'task',
  'frame',
  ...anchorTypes,
  ...eventKinds,
] as const

export const searchMemoryInput = z.strictObject({
  query: text(limits.queryChars).describe('A question or keywords; "quotes" for exact words.'),
  kind: z.array(z.enum(searchKinds)).max(searchKinds.length).optional(),
  files: fileList.optional().describe('Only memories that touch one of these paths.'),
  status: z
    .enum(['in_force', 'any'])
    .default('any')
    .describe('in_force leaves out superseded, retracted and expired.'),
  branch: optionalText(limits.nameChars),
  since: z.iso.datetime({ offset: true }).or(z.iso.date()).optional(),
  until: z.iso.datetime({ offset: true }).or(z.iso.date()).optional(),
  author: optionalText(limits.nameChars).describe('Person or client name.'),
  limit: z.int().min(1).max(limits.searchHitsMax).default(limits.searchHitsDefault),
  cursor: z.string().max(500).optional(),
})
export type SearchMemoryInput = z.infer<typeof searchMemoryInput>

export interface SearchHit {
  ref: string
  kind: string
  title: string
  snippet: string
  date: string
  status: string
  supersededBy: string | null
  author: string
  frame: string | null
  frameName: string | null
  files: string[]
  tokens: number
  score: number
}

export interface SearchResult {
  hits: SearchHit[]
  /** Memories that matched, up to the candidate limit. */
  matched: number
  nextCursor: string | null
}

const snippetTokensMax = 60
const outOfForce = new Set(['superseded', 'retracted', 'expired', 'quarantined'])

const isItemKind = (kind: string): kind is ItemKind => (itemKinds as readonly string[]).includes(kind)

/** Kinds name items (`anchor`) or kinds of them (`decision`); both may be asked together. */
const kindFilter = (kinds: NonNullable<SearchMemoryInput['kind']>): SearchFilter => {
  const items = kinds.filter(isItemKind)
  if (items.length === 0) return { kinds }
  if (items.length === kinds.length) return { itemKinds: items }
  return { kinds: kinds.flatMap((kind) => (isItemKind(kind) ? kindsOf(kind) : [kind])) }
}

const filterOf = (input: SearchMemoryInput): SearchFilter | undefined => {
  const filter: SearchFilter = {
    ...(input.kind?.length && kindFilter(input.kind)),
    ...(input.files?.length && { files: normalizePaths(input.files) }),
    ...(input.branch && { branch: input.branch }),
    ...(input.since && { since: new Date(input.since) }),
    ...(input.until && { until: new Date(input.until) }),
  }
  return Object.keys(filter).length > 0 ? filter : undefined
}

const kindsOf = (kind: ItemKind): readonly string[] => {
  switch (kind) {
    case 'anchor':
      return anchorTypes
    case 'event':
      return eventKinds
    case 'digest':
    case 'task':
    case 'frame':
      return [kind]
  }
}

export const authorOf = (item: Pick<FoundItem, 'actor' | 'authorName' | 'clientName' | 'source'>) => {
  const via = item.clientName && item.source !== 'import' ? ` via ${item.clientName}` : ''
  const author = `${shownAuthor(item)}${via}`
  return item.actor && item.actor !== item.authorName ? `${item.actor} (${author})` : author
}

const toHit = ({ item, score }: RankedItem, found: FoundItem, lexemes: ReadonlySet<string>): SearchHit => ({
  ref: found.ref,
  kind: found.kind,
  title: found.title,
  snippet: snippetOf(item.text || found.text, lexemes, snippetTokensMax),
  date: found.occurredAt.toISOString(),
  status: found.status,
  supersededBy: found.supersededByRef ?? null,
  author: authorOf(found),
  frame: found.itemKind === 'event' ? (found.frame?.ref ?? null) : null,
  frameName: found.frame?.name ?? null,
  files: found.files.slice(0, 5),
  tokens: item.tokens,
  score: Math.round(score * 1000) / 1000,
})

const isWanted = (input: SearchMemoryInput) => {
  const author = input.author?.toLowerCase()
  return (found: FoundItem | undefined): found is FoundItem =>
    found !== undefined &&
    !(input.status === 'in_force' && outOfForce.has(found.status)) &&
    (author === undefined ||
      [found.authorName, found.actor, found.clientName].some((name) => name.toLowerCase() === author))
}

const hitsOf = ({ ranked, found, query }: Retrieval, input: SearchMemoryInput) => {
  const wanted = isWanted(input)
  const lexemes = new Set(query.lexemes.map(({ lexeme }) => lexeme))
  return ranked.flatMap((each) => {
    const item = found.get(each.item.id)
    return wanted(item) ? [() => toHit(each, item, lexemes)] : []
  })
}

/**
 * Finds memories by words and structure, best first: an index of short rows, not bodies. Pages are taken at
 * the moment of the first one, so that new memories do not shift them.
 * @throws invalid_input for a cursor of another question.
 */
export const searchMemory = async (
  ctx: Context,
  memory: Memory,
  input: SearchMemoryInput,
): Promise<SearchResult> => {
  authorize(ctx, 'memory:read')
  const { cursor: cursorText, limit: _limit, ...asked } = input
  const question = fingerprint({ ...asked, project: ctx.project.id })
  if (input.since && input.until && new Date(input.since) >= new Date(input.until))
    throw invalidInput('since must be before until.')
  const cursor = cursorText === undefined ? { offset: 0, asOf: ctx.now } : parseCursor(cursorText, question)
  return memory.transact(ctx, async (stores) => {
    const retrieval = await retrieve(ctx, stores, {
      text: input.query,
      files: input.files,
      filter: filterOf(input),
      asOf: cursorText === undefined ? null : cursor.asOf,
    })
    const hits = hitsOf(retrieval, input)
    const next = cursor.offset + input.limit
    return {
      hits: hits.slice(cursor.offset, next).map((present) => present()),
      matched: hits.length,
      nextCursor: next < hits.length ? formatCursor({ offset: next, asOf: cursor.asOf }, question) : null,
    }
  })
}
