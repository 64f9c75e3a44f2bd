/**
 * "A superseded memory never ranks above its successor" as a constraint on the order, enforced after scoring:
 * a weight could be outvoted. A successor also gains from how well its predecessor matched, because it answers the
 * same question and may do so in other words.
 */
import type { RankedItem } from './rank.ts'

/** Share of its predecessor's score (before demotion) that a successor has at least. */
const inheritedShare = 0.9

interface Chained {
  readonly ranked: RankedItem
  /** Number of successors in the input that it must stay behind. */
  depth: number
  score: number
}

/** The nearest successor that is in the input, through those that are not. */
const findSuccessor = (
  ranked: RankedItem,
  byId: ReadonlyMap<string, Chained>,
  elsewhere: ReadonlyMap<string, string>,
): Chained | undefined => {
  const seen = new Set([ranked.item.id])
  let id = ranked.item.supersededBy
  while (id !== undefined && !seen.has(id)) {
    const held = byId.get(id)
    if (held) return held
    seen.add(id)
    id = elsewhere.get(id)
  }
  return undefined
}

const undemoted = ({ score, parts }: RankedItem): number => score - (parts.status ?? 0)

/** Ids from the newest of each chain to the oldest; a cycle, which the store forbids, is cut where it closes. */
const newestFirst = (chained: readonly Chained[], successors: ReadonlyMap<Chained, Chained>): Chained[] => {
  const order: Chained[] = []
  const placed = new Set<Chained>()
  for (const start of chained) {
    const path: Chained[] = []
    let at: Chained | undefined = start
    while (at && !placed.has(at)) {
      placed.add(at)
      path.push(at)
      at = successors.get(at)
    }
    order.push(...path.toReversed())
  }
  return order
}

/** Compares by score, then by what is current, then by age, then by id: never a tie. */
const byRank = (a: Chained, b: Chained): number =>
  b.score - a.score ||
  a.depth - b.depth ||
  b.ranked.item.createdAt.getTime() - a.ranked.item.createdAt.getTime() ||
  (a.ranked.item.id < b.ranked.item.id ? -1 : 1)

const present = ({ ranked, score }: Chained): RankedItem => {
  if (score === ranked.score) return ranked
  return { ...ranked, score, parts: { ...ranked.parts, successor: score - ranked.score } }
}

export const orderBySupersession = (
  ranked: readonly RankedItem[],
  elsewhere: ReadonlyMap<string, string> = new Map(),
): RankedItem[] => {
  const chained = ranked.map((entry): Chained => ({ ranked: entry, depth: 0, score: entry.score }))
  const byId = new Map(chained.map((entry) => [entry.ranked.item.id, entry]))
  const successors = new Map<Chained, Chained>()
  for (const entry of chained) {
    const successor = findSuccessor(entry.ranked, byId, elsewhere)
    if (successor) successors.set(entry, successor)
  }
  const order = newestFirst(chained, successors)
  // Upwards: relevance flows from the oldest to the newest of a chain; downwards: the cap.
  const relevance = new Map(chained.map((entry) => [entry, undemoted(entry.ranked)]))
  for (const entry of order.toReversed()) {
    const successor = successors.get(entry)
    if (!successor) continue
    const inherited = inheritedShare * (relevance.get(entry) ?? 0)
    relevance.set(successor, Math.max(relevance.get(successor) ?? 0, inherited))
    if (successor.ranked.parts.status === undefined) successor.score = Math.max(successor.score, inherited)
  }
  const capped = new Set<Chained>()
  for (const entry of order) {
    capped.add(entry)
    const successor = successors.get(entry)
    if (!successor || !capped.has(successor)) continue
    entry.depth = successor.depth + 1
    entry.score = Math.min(entry.score, successor.score)
  }
  return chained.toSorted(byRank).map(present)
}
