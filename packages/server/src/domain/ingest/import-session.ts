/**
 * Brings a finished session from somewhere else into memory: one closed frame, the frames below it (for each
 * subagent, for each part of the work), their events and statements, and a digest for each, dated when they happened. Everything carries the source
 * `import`.
 *
 * Identity comes from external keys, so importing again adds nothing, and a session that grew adds what is new
 * and replaces its digest. One transaction holds at most `limits.eventsPerBatch` events; between two of them an
 * import can stop and be run again. The frames are closed from the start: what is over is never listed as open
 * work, also not when an import was interrupted.
 */
import { createCleaner, safeKey, type CleanReport } from '../clean.ts'
import type { Context } from '../context.ts'
import { appendEvents, type EventInput } from '../event/record-events.ts'
import { putDigest } from '../frame/put-digest.ts'
import { limits } from '../limits.ts'
import type { DigestBody, Frame, frameTypes, Outcome } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, Stores } from '../ports.ts'
import { provenanceOf } from '../provenance.ts'
import { formatFrameRef } from '../refs.ts'
import { normalizePaths } from '../text.ts'
import {
  noStatements,
  placeUnits,
  type DryRun,
  type ImportedUnit,
  type StatementCounts,
} from './import-statements.ts'

export interface ImportedFrame {
  /** Identity over repeated imports; unique in the project. */
  externalKey: string
  name: string
  type: (typeof frameTypes)[number]
  goal: string
  branch: string | null
  files: string[]
  startedAt: Date
  endedAt: Date
  outcome: Outcome
  summary: string
  /** What failed and is worth a line in the digest; counted from the events when absent. */
  errors?: DigestBody['errors']
  /** In their order, each with a `key`. */
  events: EventInput[]
  /** What was decided and learned in it. */
  statements?: ImportedUnit[]
}

export interface ImportedSubframe extends ImportedFrame {
  /** External key of the frame above, when that is not the session itself. */
  parentKey?: string
}

export interface ImportedSession extends ImportedFrame {
  /** Work that was given to agents of their own, or parts of the work; a frame comes after the one above it. */
  subagents: ImportedSubframe[]
}

export interface ImportedSessionResult {
  /** `forgotten`: somebody forgot this session here, and an import does not bring it back. */
  status: 'new' | 'grown' | 'unchanged' | 'stopped' | 'forgotten'
  ref: string | null
  eventsAdded: number
  /** Events that were in the project already. */
  eventsKnown: number
  /** Events of which nothing was left after cleaning. */
  eventsEmpty: number
  statements: StatementCounts
  cleaned: CleanReport
}

export interface ImportSessionOptions {
  /** Asked between transactions; true stops the import, which can be run again. */
  isStopped?: () => boolean
  /** Called after each transaction with the number of events it dealt with. */
  onBatch?: (events: number) => void
}

interface Step {
  frame: ImportedSubframe
  events: EventInput[]
  /** Frames that are complete after this step. */
  ended: ImportedFrame[]
}

/** A frame comes before those below, which point at it, and ends after them, because its digest counts them. */
const planSteps = (session: ImportedSession): Step[] => {
  const above = new Set(session.subagents.flatMap((frame) => frame.parentKey ?? []))
  const steps = [session, ...session.subagents].flatMap((frame) =>
    batches(frame.events).map((events, index, all): Step => {
      const isLeaf = frame !== session && !above.has(frame.externalKey)
      return { frame, events, ended: isLeaf && index === all.length - 1 ? [frame] : [] }
    }),
  )
  const others = session.subagents.filter((frame) => above.has(frame.externalKey))
  steps.at(-1)?.ended.push(...others.toReversed(), session)
  return steps
}

const batches = (events: EventInput[]): EventInput[][] => {
  const count = Math.max(1, Math.ceil(events.length / limits.eventsPerBatch))
  return Array.from({ length: count }, (_, index) =>
    events.slice(index * limits.eventsPerBatch, (index + 1) * limits.eventsPerBatch),
  )
}

const newFrame = (ctx: Context, frame: ImportedFrame, refNo: number, parent: Frame | undefined): Frame => {
  const { clean, cleanLine, cleanLines } = createCleaner()
  return {
    ...provenanceOf(ctx, 'import'),
    id: ctx.newId(),
    refNo,
    parentId: parent?.id ?? null,
    depth: parent ? parent.depth + 1 : 0,
    name: cleanLine(frame.name) || 'Untitled',
    type: frame.type,
    status: 'closed',
    outcome: frame.outcome,
    goal: clean(frame.goal),
    constraints: [],
    files: normalizePaths(cleanLines(frame.files)).slice(0, limits.filesPerItem),
    branch: cleanLine(frame.branch ?? '') || null,
    taskId: null,
    eventCount: 0,
    externalKey: frame.externalKey,
    importId: ctx.importId ?? null,
    startedAt: frame.startedAt,
    lastActivityAt: frame.endedAt,
    closedAt: frame.endedAt,
    createdAt: ctx.now,
    deletedAt: null,
  }
}

const ensureFrame = async (
  ctx: Context,
  stores: Stores,
  imported: ImportedFrame,
  parent: Frame | undefined,
): Promise<Frame> => {
  const known = await stores.frames.findByExternalKey(imported.externalKey)
  if (known) return known
  const refNo = await stores.nextRef() // the project's write lock: another import of the same session waits here
  const first = await stores.frames.findByExternalKey(imported.externalKey)
  if (first) return first
  const frame = newFrame(ctx, imported, refNo, parent)
  await stores.frames.insert(frame)
  // No search entry: name, goal and files stand in the digest, and the frame would only be found beside it.
  // Rebuilding the index of an import (domain/transfer/search-rows.ts) keeps to this.
  return frame
}

/** Writes or replaces the digest of a frame all of whose events are in. */
const writeDigest = async (ctx: Context, stores: Stores, frame: Frame, imported: ImportedFrame) => {
  const subtree = await stores.frames.subtree(frame.id)
  const ids = subtree.map((each) => each.id)
  const [events, anchors, [before]] = await Promise.all([
    stores.events.summarise(ids),
    stores.anchors.listByFrames(ids),
    stores.digests.findByFrames([frame.id]),
  ])
  const { clean } = createCleaner()
  const errors = imported.errors?.map((error) => ({ ...error, text: clean(error.text) })) ?? events.errors
  const facts = {
    frame,
    outcome: imported.outcome,
    summary: clean(imported.summary),
    deadEnds: [],
    nextSteps: [],
    anchors,
    events: { ...events, errors },
    durationMs: Math.max(0, imported.endedAt.getTime() - frame.startedAt.getTime()),
    below: subtree.filter((each) => each.parentId === frame.id),
  }
  if (before && ctx.importId !== undefined && frame.importId !== ctx.importId)
    await stores.imports.keepDigest(ctx.importId, before)
  await Promise.all([
    stores.frames.close(frame.id, imported.outcome, imported.endedAt),
    putDigest(ctx, stores, facts, { before, source: 'import', at: imported.endedAt }),
  ])
}

export const addReport = (total: CleanReport, part: CleanReport) => {
  for (const [kind, count] of Object.entries(part.redacted))
    total.redacted[kind] = (total.redacted[kind] ?? 0) + count
  total.injectedRemoved += part.injectedRemoved
  total.truncatedBytes += part.truncatedBytes
}

/** Statements stand in the frame before its digest is written, and once: with its first events. */
const placeFor = async (ctx: Context, stores: Stores, frame: Frame, { frame: imported, events }: Step) => {
  if (!imported.statements?.length || events[0] !== imported.events[0]) return undefined
  const cleaner = createCleaner()
  const units = imported.statements.map((unit) => ({ ...unit, frameId: frame.id }))
  return { counts: await placeUnits(ctx, stores, units, cleaner), cleaned: cleaner.report }
}

/** The frame and all above it: their digests count what is new in it. */
const keysAbove = (session: ImportedSession, frame: ImportedSubframe): string[] => {
  const byKey = new Map(session.subagents.map((each) => [each.externalKey, each]))
  const keys = new Set<string>()
  for (
    let at: ImportedSubframe | undefined = frame;
    at && !keys.has(at.externalKey);
    at = byKey.get(at.parentKey ?? '')
  )
    keys.add(at.externalKey)
  return [...keys, session.externalKey]
}

/** What `importSession` would find new, without writing: for a dry run. */
export const previewSession = async (
  ctx: Context,
  memory: Memory,
  session: ImportedSession,
  dryRun: DryRun = new Set(),
): Promise<ImportedSessionResult> => {
  authorize(ctx, 'memory:write')
  return memory.transact(ctx, async (stores) => {
    const cleaner = createCleaner()
    const known = await stores.frames.findByExternalKey(session.externalKey)
    const result = newResult(known ? (known.deletedAt ? 'forgotten' : 'unchanged') : 'new')
    if (known?.deletedAt) return result
    for (const frame of [session, ...session.subagents]) {
      for (const events of batches(frame.events)) {
        const keys = events.flatMap(({ key }) => (key === undefined ? [] : safeKey(key)))
        const there = new Set(await stores.events.knownExternalKeys(keys))
        for (const event of events) {
          if (event.key !== undefined && there.has(safeKey(event.key))) result.eventsKnown += 1
          else if (cleaner.clean(event.content).trim() === '') result.eventsEmpty += 1
          else result.eventsAdded += 1
        }
      }
      addCounts(result.statements, await placeUnits(ctx, stores, frame.statements ?? [], cleaner, dryRun))
    }
    const hasMore = result.eventsAdded + result.statements.added + result.statements.changed > 0
    if (result.status === 'unchanged' && hasMore) result.status = 'grown'
    return { ...result, cleaned: cleaner.report }
  })
}

const newResult = (status: ImportedSessionResult['status']): ImportedSessionResult => ({
  status,
  ref: null,
  eventsAdded: 0,
  eventsKnown: 0,
  eventsEmpty: 0,
  statements: noStatements(),
  cleaned: { redacted: {}, injectedRemoved: 0, truncatedBytes: 0 },
})

export const addCounts = (total: StatementCounts, part: StatementCounts) => {
  for (const name of Object.keys(part) as (keyof StatementCounts)[]) total[name] += part[name]
}

/** @throws forbidden without the scope memory:write. */
export const importSession = async (
  ctx: Context,
  memory: Memory,
  session: ImportedSession,
  { isStopped = () => false, onBatch = () => {} }: ImportSessionOptions = {},
): Promise<ImportedSessionResult> => {
  authorize(ctx, 'memory:write')
  const result = newResult('unchanged')
  const frames = new Map<string, Frame>()
  const changed = new Set<string>()
  for (const step of planSteps(session)) {
    if (isStopped()) return { ...result, status: 'stopped' }
    const done = await memory.transact(ctx, async (stores) => {
      const parent =
        step.frame === session
          ? undefined
          : (frames.get(step.frame.parentKey ?? '') ?? frames.get(session.externalKey))
      const frame = frames.get(step.frame.externalKey) ?? (await ensureFrame(ctx, stores, step.frame, parent))
      const isForgotten = frame.deletedAt !== null
      const placed = isForgotten ? undefined : await placeFor(ctx, stores, frame, step)
      const recorded =
        isForgotten || step.events.length === 0
          ? undefined
          : await appendEvents(ctx, stores, frame, step.events, {
              source: 'import',
              allowClosed: true,
              activeAt: step.frame.endedAt,
            })
      const touched = new Set(changed)
      if (recorded?.recorded.length || placed?.counts.added || placed?.counts.changed)
        for (const key of keysAbove(session, step.frame)) touched.add(key)
      for (const ended of step.ended) {
        const own = ended === step.frame ? frame : frames.get(ended.externalKey)
        if (!own || own.deletedAt) continue
        const [digest] = await stores.digests.findByFrames([own.id])
        if (!digest || touched.has(ended.externalKey)) await writeDigest(ctx, stores, own, ended)
      }
      return { frame, isForgotten, recorded, placed, touched }
    })
    if (done.isForgotten && step.frame === session) return { ...result, status: 'forgotten' }
    frames.set(step.frame.externalKey, done.frame)
    if (step.frame === session && result.ref === null) {
      result.ref = formatFrameRef(done.frame.refNo)
      if (done.frame.createdAt.getTime() === ctx.now.getTime()) result.status = 'new'
    }
    const added = done.recorded?.recorded.length ?? 0
    for (const key of done.touched) changed.add(key)
    result.eventsAdded += added
    for (const { reason } of done.recorded?.skipped ?? [])
      if (reason === 'already recorded') result.eventsKnown += 1
      else result.eventsEmpty += 1
    if (done.recorded) addReport(result.cleaned, done.recorded.cleaned)
    if (done.placed) {
      addReport(result.cleaned, done.placed.cleaned)
      addCounts(result.statements, done.placed.counts)
    }
    onBatch(step.events.length)
  }
  if (result.status === 'unchanged' && changed.size > 0) result.status = 'grown'
  return result
}
