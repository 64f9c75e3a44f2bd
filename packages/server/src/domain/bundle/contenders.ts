/** What competes for the part of the budget that is not fixed: statements in force, and what was found. */
import { anchorText } from '../index-memory.ts'
import type { Anchor, Frame } from '../memory.ts'
import { formatAnchorRef, formatFrameRef } from '../refs.ts'
import { measureText } from '../retrieval/measure-text.ts'
import type { PackItem } from '../retrieval/pack.ts'
import type { RankedItem } from '../retrieval/rank.ts'
import { countTokens } from '../retrieval/tokens.ts'
import type { FoundItem } from '../search/load-items.ts'
import { byline, day, type BundleEntry } from './entry.ts'
import type { Gathered } from './gather.ts'

export interface Contender extends PackItem {
  entry: Omit<BundleEntry, 'tokens' | 'text' | 'value'>
  /** Written only for what is taken. */
  head: () => string
}

const anchorHead = (
  anchor: Pick<Anchor, 'refNo' | 'type' | 'pinned' | 'branch' | 'scope' | 'confirmedAt' | 'occurredAt'> & {
    authorName: string
    clientName: string
    source: Anchor['source']
  },
) =>
  `${formatAnchorRef(anchor.refNo)} ${anchor.type}${anchor.pinned ? ', pinned' : ''}${anchor.scope === 'branch' ? `, branch ${anchor.branch}` : ''} (${byline(anchor, anchor.occurredAt)}${anchor.confirmedAt ? `, confirmed ${day(anchor.confirmedAt)}` : ''}): `

/** Statements without a hit in the retrieval still count for something, by priority. */
const standingScore = (anchor: Anchor) => 0.1 + 0.04 * anchor.priority + (anchor.pinned ? 0.5 : 0)

export const anchorContenders = (gathered: Gathered, scores: ReadonlyMap<string, RankedItem>): Contender[] =>
  gathered.anchors.map((anchor, index) => {
    const text = anchorText(anchor)
    const measured = measureText(text)
    return {
      id: anchor.id,
      text,
      tokens: measured.tokens,
      get lexemes() {
        return measured.lexemes
      },
      score: (scores.get(anchor.id)?.score ?? 0) + standingScore(anchor),
      createdAtMs: anchor.occurredAt.getTime(),
      lane: anchor.pinned || anchor.type === 'constraint' ? 'instruction' : undefined,
      distinct: true, // the same statement is in force once; one that is nearly the same says something else
      head: () => anchorHead(anchor),
      entry: { id: anchor.id, ref: formatAnchorRef(anchor.refNo), section: 'in_force', order: index },
    }
  })

const groupOf = (item: FoundItem) =>
  item.frame
    ? { id: item.frame.id, ref: item.frame.ref, name: item.frame.name, date: item.occurredAt }
    : undefined

const headOf = (item: FoundItem) => {
  if (item.itemKind === 'event')
    return `${item.ref} ${item.actor || item.role}${item.isError ? ' (error)' : ''}: `
  if (item.itemKind === 'digest') return `${item.ref} digest (${byline(item, item.occurredAt)}): `
  const successor = item.supersededByRef ? `, superseded by ${item.supersededByRef}` : ''
  const status = item.itemKind === 'anchor' ? `, ${item.status}${successor}` : `, ${item.status}`
  return `${item.ref} ${item.kind}${status} (${byline(item, item.occurredAt)}): `
}

const memoryContender = (
  item: FoundItem,
  score: number,
  excerpt: string | undefined,
  tokens: number,
  lane?: 'instruction',
): Contender => ({
  id: item.id,
  text: item.text,
  tokens,
  score,
  excerpt: excerpt || undefined,
  createdAtMs: item.occurredAt.getTime(),
  lane,
  supersededBy: item.supersededBy,
  head: () => headOf(item),
  entry: {
    id: item.id,
    ref: item.ref,
    section: 'happened',
    group: groupOf(item),
    order: item.seq ?? (item.itemKind === 'digest' ? 0 : 1_000_000),
  },
})

/** What the retrieval found, best first, without what other sections show. */
export const foundContenders = (gathered: Gathered, taken: ReadonlySet<string>): Contender[] => {
  const { retrieval } = gathered
  // Nothing asked, or only words that say nothing: then what happened last is the best guess.
  if (!retrieval || retrieval.ranked.length === 0)
    return gathered.recentDigests
      .map(({ digest, frame }, index) => recentContender(digest, frame, index))
      .filter((each) => !taken.has(each.id))
  return retrieval.ranked.flatMap(({ item, score }) => {
    const found = retrieval.found.get(item.id)
    const isShown =
      taken.has(item.id) ||
      (item.itemKind === 'anchor' && item.status === 'active') ||
      item.itemKind === 'task'
    return found && !isShown && score > 0
      ? [memoryContender(found, score, item.text, item.tokens || countTokens(found.text))]
      : []
  })
}

const recentContender = (
  digest: Gathered['recentDigests'][number]['digest'],
  frame: Frame,
  index: number,
): Contender => ({
  id: digest.id,
  text: digest.text,
  tokens: countTokens(digest.text),
  score: 0.5 - index / 20,
  createdAtMs: digest.occurredAt.getTime(),
  head: () => `${formatFrameRef(frame.refNo)} digest (${byline(digest, digest.occurredAt)}): `,
  entry: {
    id: digest.id,
    ref: formatFrameRef(frame.refNo),
    section: 'happened',
    order: 0,
    group: { id: frame.id, ref: formatFrameRef(frame.refNo), name: frame.name, date: digest.occurredAt },
  },
})

export const instructionContenders = (
  gathered: Gathered,
  scores: ReadonlyMap<string, RankedItem>,
): Contender[] =>
  gathered.instructions.map((item, index) =>
    memoryContender(
      item,
      (scores.get(item.id)?.score ?? 0) + 0.3 - index / 200,
      undefined,
      item.tokens,
      'instruction',
    ),
  )
