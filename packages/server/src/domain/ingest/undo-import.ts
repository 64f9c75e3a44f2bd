/**
 * Takes back what one import added or changed: what it added is forgotten, what it superseded or retracted is in
 * force again, and a digest that it replaced is the earlier one. What somebody built on since is kept, and the
 * answer says what and why. Everything stays as it is for other imports, and the same source can be imported
 * again afterwards.
 *
 * First a plan is made from what is there (a dry run ends here); then it is carried out in transactions of
 * bounded size, each of which checks its part again. Run again after an interruption it goes on.
 */
import type { Context } from '../context.ts'
import { digestEntries } from '../index-memory.ts'
import type { Anchor, AnchorVersion } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { ImportedFrameState, Memory, Stores } from '../ports.ts'
import { formatAnchorRef, formatFrameRef, formatTaskRef } from '../refs.ts'
import { reviseAnchor } from '../anchor/record-anchor.ts'
import { rebuildDigests } from '../frame/rebuild-digests.ts'
import { getImport } from './import-run.ts'
import { statementKey } from './import-statements.ts'

export interface Kept {
  ref: string
  reason: string
}

export interface UndoneImport {
  id: string
  source: string
  label: string
  isDryRun: boolean
  /** It had been taken back before, and nothing was left to do. */
  wasUndone: boolean
  forgotten: { statements: number; tasks: number; frames: number; events: number }
  /** Statements that are in force again. */
  restored: number
  kept: Kept[]
}

const batchItems = 50
const entriesPerDelete = 500
const idsPerRead = 1_000

interface AnchorStep {
  id: string
  /** `done`: it is as it was before, because an undo was interrupted or somebody did it by hand. */
  action: 'forget' | 'restore' | 'keep' | 'done'
  ref: string
  reason: string
}

/** What a version says, without who made it and when. */
const stateOf = (version: AnchorVersion | undefined) =>
  JSON.stringify([
    version?.status,
    version?.content,
    version?.rationale,
    version?.priority,
    version?.pinned,
    version?.supersededBy,
    version?.confirmedAt,
    version?.expiresAt,
  ])

/**
 * The last change by somebody else after the import's own, when it still shows: what was changed and put back,
 * as undoing a later import does, is as the import left it.
 */
const foreignChange = (versions: readonly AnchorVersion[], importId: string) => {
  const own = versions.findLast((version) => version.importId === importId)
  const last = versions.at(-1)
  return last === own || stateOf(last) === stateOf(own) ? undefined : last
}

const whoChanged = (version: AnchorVersion) =>
  version.importId === null
    ? `${version.changedByName} changed it since (${version.status})`
    : `import ${version.importId} changed it since`

/** What to do with one anchor that the import touched. `kept` are successors that stay. */
const decideAnchor = (
  anchor: Anchor,
  versions: readonly AnchorVersion[],
  importId: string,
  kept: ReadonlySet<string>,
): AnchorStep => {
  const ref = formatAnchorRef(anchor.refNo)
  const step = (action: AnchorStep['action'], reason = ''): AnchorStep => ({
    id: anchor.id,
    action,
    ref,
    reason,
  })
  const foreign = foreignChange(versions, importId)
  if (versions[0]?.importId === importId) return foreign ? step('keep', whoChanged(foreign)) : step('forget')
  const own = versions.findLast((version) => version.importId === importId)
  if (own?.supersededBy && kept.has(own.supersededBy)) return step('keep', 'its successor is kept')
  const before = earlierState(versions, importId)
  if (anchor.status === before?.status && anchor.supersededBy === before.supersededBy) return step('done')
  // Somebody may have pinned it meanwhile: only what the import set is put back.
  const isAsLeft = anchor.status === own?.status && anchor.supersededBy === own.supersededBy
  return isAsLeft ? step('restore') : step('keep', foreign ? whoChanged(foreign) : 'it was changed since')
}

const earlierState = (versions: readonly AnchorVersion[], importId: string) => {
  const first = versions.findIndex((version) => version.importId === importId)
  return versions[first - 1]
}

const planAnchors = async (stores: Stores, importId: string): Promise<AnchorStep[]> => {
  const steps: AnchorStep[] = []
  const kept = new Set<string>()
  const ids = await stores.imports.changedAnchors(importId)
  const anchors = new Map((await stores.anchors.findMany(ids, null)).map((anchor) => [anchor.id, anchor]))
  const versions = new Map<string, AnchorVersion[]>()
  for (let from = 0; from < ids.length; from += idsPerRead)
    for (const version of await stores.anchors.versionsOf(ids.slice(from, from + idsPerRead)))
      versions.set(version.anchorId, [...(versions.get(version.anchorId) ?? []), version])
  // Newest first, so that a successor is decided before what it replaced.
  for (const id of ids) {
    const anchor = anchors.get(id)
    if (!anchor) continue
    const step = decideAnchor(anchor, versions.get(id) ?? [], importId, kept)
    if (step.action === 'keep') kept.add(id)
    steps.push(step)
  }
  return steps
}

const applyAnchor = async (ctx: Context, stores: Stores, importId: string, planned: AnchorStep) => {
  const anchor = await stores.anchors.lock({ id: planned.id })
  if (!anchor) return
  const versions = await stores.anchors.versions(anchor.id)
  const { action } = decideAnchor(anchor, versions, importId, new Set())
  if (action !== planned.action) return // changed in this moment: it is kept
  if (action === 'forget') {
    await reviseAnchor(ctx, stores, anchor, {
      status: 'retracted',
      statusReason: 'Its import was taken back',
      deletedAt: ctx.now,
      externalKey: null,
    })
    await stores.search.remove([anchor.id])
    if (anchor.frameId) await rebuildDigests(stores, anchor.frameId, formatAnchorRef(anchor.refNo))
  }
  if (action === 'restore') {
    const before = earlierState(versions, importId)
    await reviseAnchor(ctx, stores, anchor, {
      status: before?.status ?? 'active',
      supersededBy: before?.supersededBy ?? null,
      statusReason: before?.statusReason ?? '',
      externalKey: anchor.unit ? statementKey(anchor.unit, anchor.contentHash) : anchor.externalKey,
    })
  }
}

interface TaskStep {
  id: string
  ref: string
  reason: string
}

const planTasks = async (stores: Stores, importId: string): Promise<TaskStep[]> => {
  const tasks = await stores.tasks.findMany(await stores.imports.changedTasks(importId))
  const steps: TaskStep[] = []
  for (const task of tasks) {
    const versions = await stores.tasks.versions(task.id)
    const foreign = versions.find((version) => version.importId !== importId)
    const reason = foreign ? `${foreign.changedByName} changed it since (${foreign.status})` : ''
    steps.push({ id: task.id, ref: formatTaskRef(task.refNo), reason })
  }
  return steps
}

const applyTask = async (ctx: Context, stores: Stores, importId: string, step: TaskStep) => {
  const task = await stores.tasks.lock({ id: step.id })
  if (!task || (await stores.tasks.versions(task.id)).some((version) => version.importId !== importId)) return
  await stores.tasks.update({ ...task, version: task.version + 1, updatedAt: ctx.now, deletedAt: ctx.now })
  await stores.imports.releaseTask(task.id)
  await stores.search.remove([task.id])
}

interface FrameStep {
  frame: ImportedFrameState
  events: number
  /** Why it is kept; empty when it is taken back. */
  reason: string
}

const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`

const whyKept = (frame: ImportedFrameState, hasKeptChild: boolean): string => {
  if (frame.laterImport) return `import ${frame.laterImport} added to it since`
  if (!frame.isOwn) return ''
  const found = [
    frame.events > 0 && plural(frame.events, 'event'),
    frame.children > 0 && plural(frame.children, 'frame'),
    frame.anchors > 0 && plural(frame.anchors, 'statement'),
    frame.tasks > 0 && plural(frame.tasks, 'task'),
  ].filter((part) => part !== false)
  if (found.length > 0) return `it holds ${found.join(', ')} of others`
  return hasKeptChild ? 'a frame below it is kept' : ''
}

const planFrames = async (stores: Stores, importId: string): Promise<FrameStep[]> => {
  const kept = new Set<string>()
  const steps: FrameStep[] = []
  for (const frame of await stores.imports.frames(importId)) {
    const reason = whyKept(frame, kept.has(frame.id))
    if (reason && frame.parentId) kept.add(frame.parentId)
    steps.push({ frame, reason, events: await stores.imports.countEvents(importId, frame.id) })
  }
  return steps
}

const removeEntries = async (stores: Stores, ids: readonly string[]) => {
  for (let from = 0; from < ids.length; from += entriesPerDelete)
    await stores.search.remove(ids.slice(from, from + entriesPerDelete))
}

/** A frame that was there before keeps what it had, with the digest that it had. */
const restoreDigest = async (stores: Stores, importId: string, frameId: string) => {
  const [kept, [current]] = await Promise.all([
    stores.imports.keptDigest(importId, frameId),
    stores.digests.findByFrames([frameId]),
  ])
  if (!current) return
  if (!kept) return rebuildDigests(stores, frameId)
  const digest = { ...current, ...kept }
  await stores.digests.replace(digest)
  await stores.imports.restoreEnd(frameId, digest.outcome, digest.occurredAt)
  await stores.search.remove([digest.id])
  await stores.search.insertMany(digestEntries(digest))
}

const applyFrame = async (ctx: Context, stores: Stores, importId: string, { frame }: FrameStep) => {
  const locked = await stores.frames.lock(frame.id)
  if (!locked) return
  const events = await stores.imports.forgetEvents(importId, frame.id, ctx.now)
  if (!frame.isOwn) {
    await removeEntries(stores, events)
    await restoreDigest(stores, importId, frame.id)
    return
  }
  await stores.search.removeFrame(frame.id)
  await stores.digests.forget(frame.id, ctx.now)
  await stores.frames.forget(frame.id, ctx.now)
  await stores.imports.releaseFrame(frame.id)
}

const inBatches = async <T>(
  ctx: Context,
  memory: Memory,
  items: readonly T[],
  size: number,
  work: (stores: Stores, item: T) => Promise<void>,
) => {
  for (let from = 0; from < items.length; from += size)
    await memory.transact(ctx, async (stores) => {
      for (const item of items.slice(from, from + size)) await work(stores, item)
    })
}

/**
 * @param id of an import of this project
 * @throws not_found, also for the id of an import into another project; forbidden without project:admin.
 */
export const undoImport = async (
  ctx: Context,
  memory: Memory,
  id: string,
  { isDryRun = false }: { isDryRun?: boolean } = {},
): Promise<UndoneImport> => {
  authorize(ctx, 'project:admin')
  const run = await getImport(ctx, memory, id.trim().toLowerCase())
  const plan = await memory.transact(ctx, async (stores) => ({
    anchors: await planAnchors(stores, run.id),
    tasks: await planTasks(stores, run.id),
    frames: await planFrames(stores, run.id),
  }))
  const frames = plan.frames.filter((step) => step.reason === '')
  const result: UndoneImport = {
    id: run.id,
    source: run.source,
    label: run.label,
    isDryRun,
    wasUndone: run.status === 'undone',
    forgotten: {
      statements: plan.anchors.filter((step) => step.action === 'forget').length,
      tasks: plan.tasks.filter((step) => step.reason === '').length,
      frames: frames.filter((step) => step.frame.isOwn).length,
      events: frames.reduce((sum, step) => sum + step.events, 0),
    },
    restored: plan.anchors.filter((step) => step.action === 'restore').length,
    kept: [
      ...plan.anchors.filter((step) => step.action === 'keep'),
      ...plan.tasks.filter((step) => step.reason !== ''),
      ...plan.frames
        .filter((step) => step.reason !== '')
        .map(({ frame, reason }) => ({ ref: formatFrameRef(frame.refNo), reason })),
    ].map(({ ref, reason }) => ({ ref, reason })),
  }
  if (isDryRun || result.wasUndone) return result
  // Those that it added first: two statements with the same words are never in force at once.
  const order = { forget: 0, restore: 1, keep: 2, done: 3 }
  const anchors = plan.anchors.toSorted((a, b) => order[a.action] - order[b.action])
  await inBatches(ctx, memory, anchors, batchItems, async (stores, step) =>
    applyAnchor(ctx, stores, run.id, step),
  )
  await inBatches(ctx, memory, plan.tasks, batchItems, async (stores, step) =>
    applyTask(ctx, stores, run.id, step),
  )
  await inBatches(ctx, memory, frames, 1, async (stores, step) => applyFrame(ctx, stores, run.id, step))
  await memory.transact(ctx, async (stores) => {
    await stores.idempotency.withholdTexts()
    await stores.imports.update({
      id: run.id,
      status: 'undone',
      report: run.report,
      finishedAt: run.finishedAt,
      undoneAt: ctx.now,
    })
  })
  return result
}
