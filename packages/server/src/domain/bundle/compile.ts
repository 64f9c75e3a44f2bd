/**
 * Chooses what enters a bundle. Pure: the same memory, request and moment give the same bundle.
 *
 * Fixed parts come first, each with a share of the budget it cannot exceed: where the caller is, the hand-off,
 * what is pinned or a standing instruction, and tasks. What they leave goes to statements in force and to what
 * the retrieval found, in one ranking, so that a decision about the question and a remark about it compete.
 */
import type { Anchor, Frame } from '../memory.ts'
import type { TaskWithBlockers } from '../ports.ts'
import { formatAnchorRef, formatFrameRef, formatTaskRef } from '../refs.ts'
import { measureText } from '../retrieval/measure-text.ts'
import { pack, type LeftReason, type PackItem } from '../retrieval/pack.ts'
import type { RankedItem } from '../retrieval/rank.ts'
import { countTokens, truncateToTokens } from '../retrieval/tokens.ts'
import { isReady } from '../task/get-active-tasks.ts'
import { anchorText } from '../index-memory.ts'
import { titleOf } from '../text.ts'
import type { FoundItem } from '../search/load-items.ts'
import type { Gathered } from './gather.ts'

export type Detail = 'index' | 'standard' | 'full'

export interface BundleEntry {
  id: string
  ref: string
  section: 'where' | 'handoff' | 'in_force' | 'happened' | 'tasks'
  /** What is shown, without the bullet. */
  text: string
  /** Lines under one heading: the frame of an event. */
  group?: { id: string; ref: string; name: string; date: Date }
  /** Order within the group or section. */
  order: number
  tokens: number
  /** Lowest goes first when the whole is too large after all. */
  value: number
}

/** For whom a bundle is: their own open frames come first. */
export interface Reader {
  userId: string
  clientName: string
}

export interface Left {
  ref: string
  reason: LeftReason
}

export interface Compiled {
  entries: BundleEntry[]
  left: Left[]
}

const itemTokensMax: Record<Detail, number> = { index: 24, standard: 200, full: 600 }
const share = { where: 0.2, lastEvents: 0.25, handoff: 0.2, pinned: 0.15, tasks: 0.12 } as const
const handoffDaysMax = 14
const openFramesMax = 8
const tasksMax = 15
const headingTokens = 14
const linePadding = 3 // bullet, line end, and what joining texts can add

const day = (date: Date) => date.toISOString().slice(0, 10)

/** The first column is ours: whatever a text holds, none of its lines passes for another entry or a heading. */
const entry = (part: Omit<BundleEntry, 'tokens'>): BundleEntry => {
  const text = part.text.replace(/\n(?=\S)/g, '\n  ')
  return { ...part, text, tokens: countTokens(text) + linePadding }
}

const byline = (item: { authorName: string; clientName: string; source: string }, date: Date) =>
  `${day(date)}, ${item.authorName}${item.clientName ? ` via ${item.clientName}` : ''}${item.source === 'import' ? ', imported' : ''}`

const frameLine = (frame: Frame) =>
  `${formatFrameRef(frame.refNo)} ${frame.name} (${frame.status === 'open' ? 'open' : frame.outcome}, ${byline(frame, frame.startedAt)})`

/** Takes entries in their order while they fit, at most `max` of them. */
const takeWhileFits = (entries: readonly BundleEntry[], budget: number, max = entries.length): Compiled => {
  const taken: BundleEntry[] = []
  const left: Left[] = []
  let tokens = 0
  for (const each of entries) {
    if (tokens + each.tokens > budget || taken.length >= max) left.push({ ref: each.ref, reason: 'budget' })
    else {
      taken.push(each)
      tokens += each.tokens
    }
  }
  return { entries: taken, left }
}

const join = (...parts: readonly Compiled[]): Compiled => ({
  entries: parts.flatMap((part) => part.entries),
  left: parts.flatMap((part) => part.left),
})

const stackEntries = (
  { stack, openFrames, lastEvents }: Gathered,
  reader: Reader,
  budget: number,
): Compiled => {
  if (stack.length === 0) return openFrameEntries(openFrames, reader, budget)
  const path = stack.map((frame, index) =>
    entry({
      id: frame.id,
      ref: formatFrameRef(frame.refNo),
      section: 'where',
      order: index,
      value: 10 + index,
      text: [
        frameLine(frame),
        frame.goal && `  Goal: ${indent(frame.goal, 4)}`,
        ...frame.constraints.map((each) => `  Constraint: ${indent(each, 4)}`),
      ]
        .filter(Boolean)
        .join('\n'),
    }),
  )
  const innermost = stack.at(-1)
  const last = lastEvents.map((event, index) =>
    entry({
      id: event.id,
      ref: `${formatFrameRef(innermost?.refNo ?? 0)}.${event.seq}`,
      section: 'where',
      order: 1_000 + event.seq,
      value: 4 + index / 100,
      text: `${formatFrameRef(innermost?.refNo ?? 0)}.${event.seq} ${event.actor || event.role}${event.isError ? ' (error)' : ''}: ${oneLine(event.content, 60)}`,
    }),
  )
  // The newest steps matter most after a compaction; the innermost frames say what they are part of.
  return join(
    takeWhileFits(path.toReversed(), budget * share.where),
    takeWhileFits(last.toReversed(), budget * share.lastEvents),
  )
}

const openFrameEntries = (frames: readonly Frame[], reader: Reader, budget: number): Compiled => {
  const own = (frame: Frame) => frame.authorId === reader.userId && frame.clientName === reader.clientName
  const ordered = [...frames.filter(own), ...frames.filter((frame) => !own(frame))]
  const entries = ordered.map((frame, index) =>
    entry({
      id: frame.id,
      ref: formatFrameRef(frame.refNo),
      section: 'where',
      order: index,
      value: 5 - index / 10,
      text: `${'  '.repeat(Math.min(frame.depth, 4))}${frameLine(frame)}`,
    }),
  )
  return takeWhileFits(entries, budget * 0.1, openFramesMax)
}

const indent = (text: string, columns = 2) => text.trim().replace(/\n+/g, `\n${' '.repeat(columns)}`)

const oneLine = (text: string, tokensMax: number) => {
  const flat = text.replace(/\s+/g, ' ').trim()
  const shown = truncateToTokens(flat, tokensMax)
  return shown.length < flat.length ? `${shown}…` : shown
}

const handoffEntries = ({ handoff, stack }: Gathered, now: Date, budget: number): BundleEntry[] => {
  if (!handoff) return []
  const ageDays = (now.getTime() - handoff.digest.occurredAt.getTime()) / 86_400_000
  const isOnStack = stack.some(
    (frame) => frame.id === handoff.frame.id || frame.parentId === handoff.frame.id,
  )
  if (ageDays > handoffDaysMax && !isOnStack) return []
  const head = `${formatFrameRef(handoff.frame.refNo)} ${handoff.frame.name} (${byline(handoff.digest, handoff.digest.occurredAt)})`
  const room = Math.floor(budget * share.handoff) - countTokens(head) - linePadding
  if (room < 20) return []
  const body = indent(handoff.digest.text)
  const text = truncateToTokens(body, room)
  return [
    entry({
      id: handoff.digest.id,
      ref: formatFrameRef(handoff.frame.refNo),
      section: 'handoff',
      order: 0,
      value: 6,
      text: `${head}\n  ${text}${text.length < body.length ? '…' : ''}`,
    }),
  ]
}

const taskEntries = (tasks: readonly TaskWithBlockers[], budget: number): Compiled => {
  const priorities = ['urgent', 'high', 'medium', 'low']
  const ordered = tasks.toSorted(
    (a, b) =>
      Number(isReady(b)) - Number(isReady(a)) ||
      priorities.indexOf(a.priority) - priorities.indexOf(b.priority) ||
      b.updatedAt.getTime() - a.updatedAt.getTime() ||
      (a.id < b.id ? -1 : 1),
  )
  const entries = ordered.map((task, index) => {
    const waits = task.blockedBy.length ? `, waits for ${task.blockedBy.map(formatTaskRef).join(', ')}` : ''
    const claim = task.claimedByName ? `, claimed by ${task.claimedByName}` : ''
    return entry({
      id: task.id,
      ref: formatTaskRef(task.refNo),
      section: 'tasks',
      order: index,
      value: 1 - index / 100,
      text: `${formatTaskRef(task.refNo)} [${task.status}, ${task.priority}${waits}${claim}] ${titleOf(task.title, 120)}`,
    })
  })
  return takeWhileFits(entries, budget * share.tasks, tasksMax)
}

interface Contender extends PackItem {
  entry: Omit<BundleEntry, 'tokens' | 'text' | 'value'>
  head: string
}

const anchorHead = (
  anchor: Pick<Anchor, 'refNo' | 'type' | 'pinned' | 'branch' | 'scope' | 'confirmedAt' | 'occurredAt'> & {
    authorName: string
    clientName: string
    source: string
  },
) =>
  `${formatAnchorRef(anchor.refNo)} ${anchor.type}${anchor.pinned ? ', pinned' : ''}${anchor.scope === 'branch' ? `, branch ${anchor.branch}` : ''} (${byline(anchor, anchor.occurredAt)}${anchor.confirmedAt ? `, confirmed ${day(anchor.confirmedAt)}` : ''}): `

/** Statements without a hit in the retrieval still count for something, by priority. */
const standingScore = (anchor: Anchor) => 0.1 + 0.04 * anchor.priority + (anchor.pinned ? 0.5 : 0)

const anchorContenders = (gathered: Gathered, scores: ReadonlyMap<string, RankedItem>): Contender[] =>
  gathered.anchors.map((anchor, index) => {
    const text = anchorText(anchor)
    return {
      id: anchor.id,
      text,
      ...measureText(text),
      score: (scores.get(anchor.id)?.score ?? 0) + standingScore(anchor),
      createdAtMs: anchor.occurredAt.getTime(),
      lane: anchor.pinned || anchor.type === 'constraint' ? 'instruction' : undefined,
      distinct: true, // the same statement is in force once; one that is nearly the same says something else
      head: anchorHead(anchor),
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
  head: headOf(item),
  entry: {
    id: item.id,
    ref: item.ref,
    section: 'happened',
    group: groupOf(item),
    order: item.seq ?? (item.itemKind === 'digest' ? 0 : 1_000_000),
  },
})

/** What the retrieval found, best first, without what other sections show. */
const foundContenders = (gathered: Gathered, taken: ReadonlySet<string>): Contender[] => {
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
  head: `${formatFrameRef(frame.refNo)} digest (${byline(digest, digest.occurredAt)}): `,
  entry: {
    id: digest.id,
    ref: formatFrameRef(frame.refNo),
    section: 'happened',
    order: 0,
    group: { id: frame.id, ref: formatFrameRef(frame.refNo), name: frame.name, date: digest.occurredAt },
  },
})

const instructionContenders = (gathered: Gathered, scores: ReadonlyMap<string, RankedItem>): Contender[] =>
  gathered.instructions.map((item, index) =>
    memoryContender(
      item,
      (scores.get(item.id)?.score ?? 0) + 0.3 - index / 200,
      undefined,
      item.tokens,
      'instruction',
    ),
  )

const packContenders = (contenders: readonly Contender[], budget: number, detail: Detail) => {
  const unique = [...new Map(contenders.map((each) => [each.id, each])).values()]
  const byId = new Map(unique.map((each) => [each.id, each]))
  const shown =
    detail === 'index'
      ? unique.map((each) => ({
          ...each,
          text: titleOf(each.text, 90),
          excerpt: undefined,
          lexemes: undefined,
          tokens: countTokens(titleOf(each.text, 90)),
        }))
      : unique
  const packed = pack(shown, Math.max(0, Math.floor(budget)), {
    overheadTokens: 18,
    itemTokensMax: itemTokensMax[detail],
  })
  const entries = packed.taken.flatMap((taken): BundleEntry[] => {
    const contender = byId.get(taken.id)
    return contender
      ? [
          entry({
            ...contender.entry,
            text: `${contender.head}${indent(taken.text)}`,
            value: contender.score,
          }),
        ]
      : []
  })
  const left = packed.left.map(({ id, reason }) => ({ ref: byId.get(id)?.entry.ref ?? id, reason }))
  return { entries, left }
}

export const compile = (
  gathered: Gathered,
  options: { budgetTokens: number; detail: Detail; now: Date; reader: Reader },
): Compiled => {
  const { budgetTokens: budget, detail, now, reader } = options
  const scores = new Map((gathered.retrieval?.ranked ?? []).map((ranked) => [ranked.item.id, ranked]))
  const fixed = join(
    stackEntries(gathered, reader, budget),
    { entries: handoffEntries(gathered, now, budget), left: [] },
    taskEntries(gathered.tasks, budget),
  )
  const taken = new Set(fixed.entries.map((each) => each.id))
  const rest = budget - fixed.entries.reduce((sum, each) => sum + each.tokens, 0) - headingTokens
  const contenders = [
    ...foundContenders(gathered, taken),
    ...anchorContenders(gathered, scores),
    ...instructionContenders(gathered, scores).filter((each) => !taken.has(each.id)),
  ]
  const packed = packContenders(contenders, rest, detail)
  const shown = new Set(packed.entries.map((each) => each.ref))
  const leftOver = fixed.left.filter(
    ({ ref }) => !shown.has(ref) && !packed.left.some((each) => each.ref === ref),
  )
  return { entries: [...fixed.entries, ...packed.entries], left: [...packed.left, ...leftOver] }
}
