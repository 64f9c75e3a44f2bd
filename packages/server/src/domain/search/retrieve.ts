/**
 * One retrieval: candidates from the index, exact BM25, what stands around a hit, then the structural rank.
 *
 *   query ─ lexemes ─ document frequencies ─ 300 candidate chunks ─ BM25 ─┐
 *                        neighbours, successors, texts of the best ───────┴─ rankItems
 *
 * Nothing here writes, and the same memory gives the same answer.
 */
import type { Context } from '../context.ts'
import { limits } from '../limits.ts'
import type { Candidate, SearchFilter, Stores } from '../ports.ts'
import {
  rarestLexemes,
  scoreItems,
  weighTerms,
  type LexemeStatistics,
  type LexicalScore,
} from '../retrieval/bm25.ts'
import { parseQuery } from '../retrieval/query.ts'
import { createRanking, type RankedItem } from '../retrieval/rank.ts'
import { toTsquery } from '../retrieval/tokenise.ts'
import type { ParsedQuery, RetrievalItem } from '../retrieval/types.ts'
import { loadItems, type FoundItem } from './load-items.ts'

export interface RetrievalRequest {
  text: string
  files?: readonly string[]
  /** Frame ids, innermost first. */
  callStack?: readonly string[]
  filter?: SearchFilter
  asOf: Date | null
  /** Statistics of an earlier retrieval, to rank exactly as then. */
  statistics?: LexemeStatistics
}

export interface Retrieval {
  ranked: RankedItem[]
  found: ReadonlyMap<string, FoundItem>
  query: ParsedQuery
  statistics: LexemeStatistics
  candidates: number
}

const neighbourDistance = 2
const neighboursOf = 60
const textsMax = 100
/** Model tokens of whole texts that one retrieval loads beyond the first twenty: some events are whole logs. */
const textTokensMax = 100_000
const textsAlways = 20

const loadStatistics = async (
  stores: Stores,
  query: ParsedQuery,
  asOf: Date | null,
): Promise<LexemeStatistics> => {
  const [{ entries, averageLength }, df] = await Promise.all([
    stores.search.size(asOf),
    stores.search.documentFrequencies(
      query.lexemes.map(({ lexeme }) => lexeme),
      asOf,
    ),
  ])
  return { n: entries, avgLength: averageLength, df }
}

/**
 * Entries behind the gate are read and weighed one by one, so a common lexeme is left out of the gate (not of the
 * score) when the rarer ones before it hold enough. What that costs is the entry that holds none of the rare words:
 * at 100,000 entries of a synthetic history 3 in a hundred of the exact top 10, for half of the time of a search.
 */
const gateEntriesMax = 3_000
const gateEntriesMin = 500

const boundGate = (rarestFirst: readonly string[], df: ReadonlyMap<string, number>) => {
  let entries = 0
  return rarestFirst.filter((lexeme) => {
    const more = df.get(lexeme) ?? 0
    const isWanted = entries < gateEntriesMin || entries + more <= gateEntriesMax
    if (isWanted) entries += more
    return isWanted
  })
}

const findCandidates = async (
  stores: Stores,
  request: RetrievalRequest,
  query: ParsedQuery,
  statistics: LexemeStatistics,
) => {
  const terms = weighTerms(query.lexemes, statistics)
  if (terms.length === 0) return { candidates: [], lexical: new Map<string, LexicalScore>() }
  const lexemes = terms.map((term) => term.lexeme)
  const gate = boundGate(rarestLexemes(lexemes, statistics.df), statistics.df)
  const candidates = await stores.search.candidates({
    ...request.filter,
    gate: toTsquery(gate),
    lexemes,
    weights: terms.map((term) => term.weight),
    averageLength: statistics.avgLength,
    asOf: request.asOf,
    limit: limits.searchCandidates,
  })
  return { candidates, lexical: scoreItems(candidates, terms, statistics.avgLength) }
}

/** Places beside the best events that are not candidates themselves: context can be the answer. */
const findNeighbours = async (
  stores: Stores,
  candidates: readonly Candidate[],
  lexical: ReadonlyMap<string, LexicalScore>,
  asOf: Date | null,
) => {
  const held = new Set(candidates.map((candidate) => `${candidate.frameId}.${candidate.seq}`))
  const best = candidates
    .filter((candidate) => candidate.itemKind === 'event')
    .toSorted((a, b) => (lexical.get(b.itemId)?.score ?? 0) - (lexical.get(a.itemId)?.score ?? 0))
    .slice(0, neighboursOf)
  const places = new Map<string, { frameId: string; seq: number }>()
  for (const { frameId, seq } of best)
    for (let distance = -neighbourDistance; distance <= neighbourDistance; distance++) {
      if (frameId === null || seq === null) continue
      const key = `${frameId}.${seq + distance}`
      if (!held.has(key)) places.set(key, { frameId, seq: seq + distance })
    }
  return stores.search.neighbours(
    [...places.values()].filter((place) => place.seq > 0),
    asOf,
  )
}

/** The chunk that was found. */
const excerptOf = (row: Candidate | undefined, { text }: FoundItem) =>
  row ? text.slice(row.startOffset, row.endOffset) : text

const toItem = (row: Candidate, found: FoundItem | undefined, lexical: number): RetrievalItem => ({
  id: row.itemId,
  itemKind: row.itemKind,
  kind: row.kind,
  role: (row.role ?? undefined) as RetrievalItem['role'],
  actor: row.actor || undefined,
  frameId: row.frameId ?? undefined,
  seq: row.seq ?? undefined,
  createdAt: row.occurredAt,
  text: found ? excerptOf(row, found) : '',
  tokens: row.tokens,
  files: row.files,
  status: found?.status ?? 'active',
  supersededBy: found?.supersededBy,
  priority: found?.priority,
  pinned: found?.pinned,
  instruction: row.instruction,
  lexical,
})

/** One row per item: the one of its best chunk. */
const bestRows = (rows: readonly Candidate[], lexical: ReadonlyMap<string, LexicalScore>) => {
  const best = new Map<string, Candidate>()
  for (const row of rows)
    if (!best.has(row.itemId) || lexical.get(row.itemId)?.ord === row.ord) best.set(row.itemId, row)
  return best
}

/** With one voice in the project a name in the question tells nothing. */
const actorsAmong = (rows: Iterable<Candidate>) => {
  const actors = new Set<string>()
  for (const row of rows) if (row.itemKind === 'event' && row.actor) actors.add(row.actor)
  return actors.size > 1 ? [...actors].toSorted() : []
}

export const retrieve = async (
  ctx: Context,
  stores: Stores,
  request: RetrievalRequest,
): Promise<Retrieval> => {
  const { asOf } = request
  const now = asOf ?? ctx.now
  const first = parseQuery(request.text, { now })
  const statistics = request.statistics ?? (await loadStatistics(stores, first, asOf))
  const { candidates, lexical } = await findCandidates(stores, request, first, statistics)
  const [neighbours, anchors] = await Promise.all([
    request.filter ? [] : findNeighbours(stores, candidates, lexical, asOf),
    loadItems(
      stores,
      candidates.filter((row) => row.itemKind === 'anchor'),
      asOf,
    ),
  ])
  const successors = await loadSuccessors(stores, anchors, asOf)
  const rows = bestRows([...candidates, ...neighbours], lexical)
  const found = new Map([...anchors, ...successors])
  const query = parseQuery(request.text, { now, knownActors: actorsAmong(rows.values()) })
  const ranking = createRanking({
    query,
    callStack: request.callStack,
    files: request.files,
    supersessions: supersessionsOf(found),
    items: [
      ...[...rows.values()].map((row) =>
        toItem(row, found.get(row.itemId), lexical.get(row.itemId)?.score ?? 0),
      ),
      ...[...successors.values()].filter((item) => !rows.has(item.id)).map(successorItem),
    ],
  })
  const missing = textsWithin(
    ranking.order().flatMap(({ item }) => (found.has(item.id) ? [] : (rows.get(item.id) ?? []))),
  )
  const texts = new Map<string, string>()
  for (const [id, item] of await loadItems(stores, missing, asOf)) {
    found.set(id, item)
    texts.set(id, excerptOf(rows.get(id), item))
  }
  return {
    ranked: ranking.order(texts),
    found,
    query,
    statistics,
    candidates: candidates.length,
  }
}

/** The best rows, as many as a retrieval may load the whole texts of. */
const textsWithin = (rows: readonly Candidate[]): Candidate[] => {
  let tokens = 0
  return rows.slice(0, textsMax).filter((row, index) => {
    tokens += row.tokens
    return index < textsAlways || tokens <= textTokensMax
  })
}

const supersessionsOf = (found: ReadonlyMap<string, FoundItem>) => {
  const links = new Map<string, string>()
  for (const item of found.values()) if (item.supersededBy) links.set(item.id, item.supersededBy)
  return links
}

const successorItem = (item: FoundItem): RetrievalItem => ({
  id: item.id,
  itemKind: 'anchor',
  kind: item.kind,
  actor: item.authorName,
  createdAt: item.occurredAt,
  text: item.text,
  tokens: item.tokens,
  files: item.files,
  status: item.status,
  supersededBy: item.supersededBy,
  priority: item.priority,
  pinned: item.pinned,
  lexical: 0,
})

const chainMax = 20

/** Everything that replaced one of these, to the end of each chain. */
const loadSuccessors = async (stores: Stores, anchors: ReadonlyMap<string, FoundItem>, asOf: Date | null) => {
  const successors = new Map<string, FoundItem>()
  let next = missingSuccessors([...anchors.values()], anchors, successors)
  for (let step = 0; next.length > 0 && step < chainMax; step++) {
    const loaded = await loadItems(
      stores,
      next.map((itemId) => ({ itemId, itemKind: 'anchor' as const })),
      asOf,
    )
    for (const [id, item] of loaded) successors.set(id, item)
    next = missingSuccessors([...loaded.values()], anchors, successors)
  }
  return successors
}

const missingSuccessors = (items: readonly FoundItem[], ...held: ReadonlyMap<string, unknown>[]) =>
  [...new Set(items.flatMap((item) => item.supersededBy ?? []))].filter(
    (id) => !held.some((map) => map.has(id)),
  )
