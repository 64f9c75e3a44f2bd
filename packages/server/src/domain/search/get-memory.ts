import { z } from 'zod'
import type { Context } from '../context.ts'
import { notFound } from '../errors.ts'
import { limits } from '../limits.ts'
import type { MemoryEvent } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, Stores } from '../ports.ts'
import { formatEventRef, formatFrameRef, parseRef } from '../refs.ts'
import { countTokens, truncateToTokens } from '../retrieval/tokens.ts'
import { ref } from '../text.ts'
import { loadItems, type FoundItem } from './load-items.ts'
import { authorOf } from './search-memory.ts'

export const getMemoryInput = z.strictObject({
  ids: z.array(ref).min(1).max(limits.refsPerCall).describe('References such as D31, F12, F12.5, T7.'),
  around: z.boolean().default(false).describe('Also the events before and after each.'),
  before: z.int().min(0).max(limits.timelineItemsMax).default(3),
  after: z.int().min(0).max(limits.timelineItemsMax).default(3),
  include: z
    .array(z.enum(['history', 'events']))
    .max(2)
    .default([]),
})
export type GetMemoryInput = z.infer<typeof getMemoryInput>

export interface TimelineEvent {
  ref: string
  kind: string
  role: string
  actor: string
  date: string
  isError: boolean
  text: string
}

export interface MemoryItem {
  ref: string
  id: string
  kind: string
  title: string
  status: string
  author: string
  date: string
  text: string
  /** Tokens of the text that did not fit into this answer. */
  omittedTokens: number
  files: string[]
  /** Where the source of an import said it. */
  places: string[]
  frame: string | null
  supersededBy: string | null
  stack: string[]
  history: { version: number; status: string; text: string; by: string; at: string; reason: string }[]
  timeline: TimelineEvent[]
}

export interface GotMemory {
  items: MemoryItem[]
  missing: string[]
}

const resolve = async (stores: Stores, id: string): Promise<FoundItem[]> => {
  const parsed = parseRef(id)
  const load = async (itemId: string | undefined, ...kinds: FoundItem['itemKind'][]) =>
    itemId === undefined
      ? []
      : [
          ...(
            await loadItems(
              stores,
              kinds.map((itemKind) => ({ itemId, itemKind })),
              null,
            )
          ).values(),
        ]
  switch (parsed.kind) {
    case 'anchor':
      return load((await stores.anchors.find(parsed))?.id, 'anchor')
    case 'task':
      return load((await stores.tasks.find(parsed))?.id, 'task')
    case 'event':
      return load((await stores.events.find(parsed))?.id, 'event')
    case 'frame': {
      const frame = await stores.frames.find(parsed)
      if (!frame) return []
      const [digest] = await stores.digests.findByFrames([frame.id])
      return digest ? load(digest.id, 'digest') : load(frame.id, 'frame')
    }
    case 'id':
      return (await load(parsed.id, 'event', 'anchor', 'digest', 'task', 'frame')).slice(0, 1)
  }
}

const presentEvent = (event: MemoryEvent, frameRef: number, tokensMax: number): TimelineEvent => ({
  ref: formatEventRef(frameRef, event.seq),
  kind: event.kind,
  role: event.role,
  actor: event.actor,
  date: event.occurredAt.toISOString(),
  isError: event.isError,
  text: truncateToTokens(event.content, tokensMax),
})

const timelineTokensPerEvent = 120

const timelineOf = async (
  stores: Stores,
  item: FoundItem,
  input: GetMemoryInput,
): Promise<TimelineEvent[]> => {
  const [frame] = item.frame ? await stores.frames.findMany([item.frame.id]) : []
  if (!frame) return []
  const wantsAll = input.include.includes('events') && item.itemKind !== 'event'
  if (!wantsAll && !(input.around && item.seq !== undefined)) return []
  const from = wantsAll ? 1 : (item.seq ?? 1) - input.before
  const to = wantsAll ? limits.timelineItemsMax : (item.seq ?? 1) + input.after
  const events = await stores.events.timeline(frame.id, Math.max(1, from), to, limits.timelineItemsMax)
  return events
    .filter((event) => event.id !== item.id)
    .map((event) => presentEvent(event, frame.refNo, timelineTokensPerEvent))
}

const historyOf = async (stores: Stores, item: FoundItem): Promise<MemoryItem['history']> => {
  if (item.itemKind === 'anchor')
    return (await stores.anchors.versions(item.id)).map((each) => ({
      version: each.version,
      status: each.status,
      text: each.content,
      by: `${each.changedByName} via ${each.clientName}`,
      at: each.changedAt.toISOString(),
      reason: each.statusReason,
    }))
  if (item.itemKind === 'task')
    return (await stores.tasks.versions(item.id)).map((each) => ({
      version: each.version,
      status: each.status,
      text: each.note,
      by: `${each.changedByName} via ${each.clientName}`,
      at: each.changedAt.toISOString(),
      reason: '',
    }))
  return []
}

const present = async (
  stores: Stores,
  item: FoundItem,
  input: GetMemoryInput,
  tokensMax: number,
): Promise<MemoryItem> => {
  const text = truncateToTokens(item.text, tokensMax)
  return {
    ref: item.ref,
    id: item.id,
    kind: item.kind,
    title: item.title,
    status: item.status,
    author: authorOf(item),
    date: item.occurredAt.toISOString(),
    text,
    omittedTokens: text.length < item.text.length ? countTokens(item.text.slice(text.length)) : 0,
    files: item.files,
    places: item.places,
    frame: item.frame?.ref ?? null,
    supersededBy: item.supersededByRef ?? null,
    stack: item.frame
      ? (await stores.frames.callStack(item.frame.id)).map(
          (frame) => `${formatFrameRef(frame.refNo)} ${frame.name}`,
        )
      : [],
    history: input.include.includes('history') ? await historyOf(stores, item) : [],
    timeline: await timelineOf(stores, item, input),
  }
}

/**
 * Whole items by reference, or what happened around one. At most `limits.memoryTokensPerCall` tokens of text,
 * shared evenly; longer texts say how much is missing.
 * @throws not_found when none of the references is in this project.
 */
export const getMemory = async (ctx: Context, memory: Memory, input: GetMemoryInput): Promise<GotMemory> => {
  authorize(ctx, 'memory:read')
  return memory.transact(ctx, async (stores) => {
    const resolved = await Promise.all(
      [...new Set(input.ids)].map(async (id) => ({ id, items: await resolve(stores, id) })),
    )
    const missing = resolved.filter(({ items }) => items.length === 0).map(({ id }) => id)
    const items = resolved.flatMap((each) => each.items)
    if (items.length === 0)
      throw notFound(
        'None of these references is in this project. Use references from get_context or search_memory.',
        { missing },
      )
    const tokensMax = Math.floor(limits.memoryTokensPerCall / items.length)
    const shown: MemoryItem[] = []
    for (const item of items) shown.push(await present(stores, item, input, tokensMax))
    return { items: shown, missing }
  })
}
