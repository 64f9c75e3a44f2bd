/** The parts of a bundle that come before all others, each with a share of the budget it cannot exceed. */
import type { Frame } from '../memory.ts'
import type { TaskWithBlockers } from '../ports.ts'
import { formatFrameRef, formatTaskRef } from '../refs.ts'
import { countTokens, truncateToTokens } from '../retrieval/tokens.ts'
import { isReady } from '../task/get-active-tasks.ts'
import { titleOf } from '../text.ts'
import {
  byline,
  entry,
  frameLine,
  indent,
  linePadding,
  type BundleEntry,
  type Compiled,
  type Left,
} from './entry.ts'
import type { Gathered } from './gather.ts'

/** For whom a bundle is: their own open frames come first. */
export interface Reader {
  userId: string
  clientName: string
}

const share = { where: 0.2, openFrames: 0.1, lastEvents: 0.25, handoff: 0.2, tasks: 0.12 } as const
const handoffDaysMax = 14
const openFramesMax = 8
const tasksMax = 15

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

export const join = (...parts: readonly Compiled[]): Compiled => ({
  entries: parts.flatMap((part) => part.entries),
  left: parts.flatMap((part) => part.left),
})

export const stackEntries = (
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
  return takeWhileFits(entries, budget * share.openFrames, openFramesMax)
}

const oneLine = (text: string, tokensMax: number) => {
  const flat = text.replace(/\s+/g, ' ').trim()
  const shown = truncateToTokens(flat, tokensMax)
  return shown.length < flat.length ? `${shown}…` : shown
}

export const handoffEntries = ({ handoff, stack }: Gathered, now: Date, budget: number): BundleEntry[] => {
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

export const taskEntries = (tasks: readonly TaskWithBlockers[], budget: number): Compiled => {
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
