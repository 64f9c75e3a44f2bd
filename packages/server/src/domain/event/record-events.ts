import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { createCleaner, safeKey, type CleanReport } from '../clean.ts'
import type { Context } from '../context.ts'
import { invalidInput, notFound } from '../errors.ts'
import { once } from '../idempotency.ts'
import { eventEntries } from '../index-memory.ts'
import { limits } from '../limits.ts'
import { eventKinds, eventRoles, type MemoryEvent, type Source } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, SearchEntry, Stores } from '../ports.ts'
import { provenanceOf } from '../provenance.ts'
import { formatEventRef, formatFrameRef } from '../refs.ts'
import { getFrame } from '../resolve.ts'
import { fileList, idempotencyKey, normalizePaths, ref, text } from '../text.ts'

export const eventInput = z.strictObject({
  content: z.string().min(1).describe('The text; secrets are redacted, text over 256 KiB is cut.'),
  kind: z.enum(eventKinds).default('message'),
  role: z.enum(eventRoles).default('assistant'),
  actor: z.string().trim().max(limits.nameChars).default('').describe('Who spoke, when it matters.'),
  tool: z.string().trim().max(limits.nameChars).default(''),
  files: fileList.default([]),
  is_error: z.boolean().default(false),
  occurred_at: z.iso.datetime({ offset: true }).optional(),
  key: text(limits.idempotencyKeyChars)
    .optional()
    .describe('Identity of the event; the same key is stored once.'),
})
export type EventInput = z.infer<typeof eventInput> & {
  /**
   * Another key under which the event may be in the project already, because it also comes in another way: what
   * hooks recorded is known to a later import of the same session. No caller of a tool can give it.
   */
  alias?: string
}

export const recordEventsInput = z.strictObject({
  frame: ref.describe('Open frame the events belong to.'),
  events: z.array(eventInput).min(1).max(limits.eventsPerBatch),
  idempotency_key: idempotencyKey,
})
export type RecordEventsInput = z.infer<typeof recordEventsInput>

export interface RecordedEvents {
  frame: string
  recorded: { ref: string; id: string }[]
  /** Events that were not stored, and why. */
  skipped: { index: number; reason: 'already recorded' | 'nothing left to store' }[]
  cleaned: CleanReport
}

const progressEvery = 20

type Prepared = { index: number; event: EventInput; content: string }

const newEvent = (
  ctx: Context,
  frameId: string,
  seq: number,
  { event, content }: Prepared,
  source: Source | undefined,
): MemoryEvent => ({
  ...provenanceOf(ctx, source),
  id: ctx.newId(),
  frameId,
  seq,
  kind: event.kind,
  role: event.role,
  actor: event.actor,
  tool: event.tool,
  content,
  data: {},
  files: normalizePaths(event.files),
  isError: event.is_error || event.kind === 'error',
  externalKey: event.key ?? null,
  importId: ctx.importId ?? null,
  occurredAt: event.occurred_at ? new Date(event.occurred_at) : ctx.now,
  createdAt: ctx.now,
  deletedAt: null,
})

const cleanLabels = (
  event: EventInput,
  { cleanLine, cleanLines }: Pick<ReturnType<typeof createCleaner>, 'cleanLine' | 'cleanLines'>,
) => ({
  actor: cleanLine(event.actor),
  tool: cleanLine(event.tool),
  files: cleanLines(event.files),
  ...(event.key !== undefined && { key: safeKey(event.key) }),
  ...(event.alias !== undefined && { alias: safeKey(event.alias) }),
})

const breatheEveryChars = 65_536

/** Cleaning and indexing a full batch takes seconds of one thread: between its texts others get their turn. */
const createBreather = () => {
  let chars = 0
  return async (more: number) => {
    chars += more
    if (chars < breatheEveryChars) return
    chars = 0
    await setImmediate()
  }
}

/** Keys that are in the project already, or come twice in one batch. */
const findRepeated = async (stores: Stores, prepared: readonly Prepared[]) => {
  const keysOf = ({ key, alias }: EventInput) => [key, alias].filter((each) => each !== undefined)
  const known = new Set(await stores.events.knownExternalKeys(prepared.flatMap(({ event }) => keysOf(event))))
  return new Set(
    prepared
      .filter(({ event }) => {
        const repeated = keysOf(event).some((each) => known.has(each))
        if (event.key !== undefined) known.add(event.key)
        return repeated
      })
      .map(({ index }) => index),
  )
}

/** Appends prepared events to a frame, open or closed; the callers decide which they accept. */
export const appendEvents = async (
  ctx: Context,
  stores: Stores,
  frame: { id: string; refNo: number },
  events: readonly EventInput[],
  options: { source?: Source; allowClosed?: boolean; activeAt?: Date } = {},
): Promise<RecordedEvents> => {
  const { activeAt = ctx.now } = options
  const cleaner = createCleaner()
  const { clean, report } = cleaner
  const breathe = createBreather()
  const skipped: RecordedEvents['skipped'] = []
  const prepared: Prepared[] = []
  for (const [index, event] of events.entries()) {
    const content = clean(event.content)
    if (content.trim() === '') skipped.push({ index, reason: 'nothing left to store' })
    else prepared.push({ index, event: { ...event, ...cleanLabels(event, cleaner) }, content })
    await breathe(event.content.length)
    if (index % progressEvery === progressEvery - 1) await ctx.progress?.(index + 1, events.length)
  }
  // Takes the frame's lock. Without keys it is known already how many events will be stored.
  const mayRepeat = prepared.some(({ event }) => event.key !== undefined)
  const held = await stores.frames.reserveEvents(frame.id, mayRepeat ? 0 : prepared.length, activeAt)
  if (!held) throw notFound('The frame is not there any more. Start a new one with start_frame.')
  if (held.status === 'closed' && !options.allowClosed)
    throw invalidInput(
      `${formatFrameRef(frame.refNo)} is closed. Start a new frame (start_frame) and record there.`,
    )
  const repeated = mayRepeat ? await findRepeated(stores, prepared) : new Set<number>()
  for (const index of repeated) skipped.push({ index, reason: 'already recorded' })
  const fresh = prepared.filter(({ index }) => !repeated.has(index))
  const reserved =
    mayRepeat && fresh.length ? await stores.frames.reserveEvents(frame.id, fresh.length, activeAt) : held
  const firstSeq = (reserved?.lastSeq ?? 0) - fresh.length + 1
  const stored = fresh.map((each, offset) => newEvent(ctx, frame.id, firstSeq + offset, each, options.source))
  const entries: SearchEntry[] = []
  for (const event of stored) {
    entries.push(...eventEntries(event))
    await breathe(event.content.length)
  }
  stores.defer(stores.events.insertMany(stored))
  stores.defer(stores.search.insertMany(entries))
  return {
    frame: formatFrameRef(frame.refNo),
    recorded: stored.map((event) => ({ ref: formatEventRef(frame.refNo, event.seq), id: event.id })),
    skipped: skipped.toSorted((a, b) => a.index - b.index),
    cleaned: report,
  }
}

/**
 * Appends up to `limits.eventsPerBatch` events to an open frame, in their order. All of them are stored or none.
 * @throws invalid_input for a closed frame.
 */
export const recordEvents = async (
  ctx: Context,
  memory: Memory,
  input: RecordEventsInput,
): Promise<RecordedEvents> => {
  authorize(ctx, 'memory:write')
  return memory.transact(ctx, async (stores) =>
    once(ctx, stores, { operation: 'record_events', key: input.idempotency_key, input }, async () =>
      appendEvents(ctx, stores, await getFrame(stores, input.frame), input.events),
    ),
  )
}
