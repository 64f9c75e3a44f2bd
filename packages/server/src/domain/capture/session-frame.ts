/** The frames of captured work: one for a session, and one below it for each agent that it started. */
import { createCleaner } from '../clean.ts'
import type { Context } from '../context.ts'
import { invalidInput } from '../errors.ts'
import { frameEntries } from '../index-memory.ts'
import { limits } from '../limits.ts'
import type { Frame } from '../memory.ts'
import type { Stores } from '../ports.ts'
import { provenanceOf } from '../provenance.ts'
import { saveDigest } from './save-digest.ts'

export interface CapturedFrame {
  /** Identity of the session or of its agent; see keys.ts. */
  readonly key: string
  readonly name: string
  readonly goal: string
}

const newFrame = (ctx: Context, captured: CapturedFrame, refNo: number, parent: Frame | undefined): Frame => {
  const { clean, cleanLine } = createCleaner()
  return {
    ...provenanceOf(ctx, 'agent'),
    id: ctx.newId(),
    refNo,
    parentId: parent?.id ?? null,
    depth: parent === undefined ? 0 : parent.depth + 1,
    name: cleanLine(captured.name).slice(0, limits.nameChars) || 'Untitled',
    type: parent === undefined ? 'session' : 'subtask',
    status: 'open',
    outcome: null,
    goal: clean(captured.goal),
    constraints: [],
    files: [],
    branch: null,
    taskId: null,
    eventCount: 0,
    externalKey: captured.key,
    importId: null,
    startedAt: ctx.now,
    lastActivityAt: ctx.now,
    closedAt: null,
    createdAt: ctx.now,
    deletedAt: null,
  }
}

/** Finds the frame, or opens it. One that was forgotten is found too: its session is not recorded again. */
export const ensureCapturedFrame = async (
  ctx: Context,
  stores: Stores,
  captured: CapturedFrame,
  parent?: Frame,
): Promise<Frame> => {
  const known = await stores.frames.findByExternalKey(captured.key)
  if (known) return known
  const refNo = await stores.nextRef() // the project's write lock: another hook of the same session waits here
  const first = await stores.frames.findByExternalKey(captured.key)
  if (first) return first
  if (parent === undefined) await endIdleSessions(ctx, stores)
  if ((await stores.frames.countOpen()) >= limits.openFramesPerProject)
    throw invalidInput(
      `This project has ${limits.openFramesPerProject} open frames, which is the limit. Close the finished ones with close_frame.`,
    )
  const frame = newFrame(ctx, captured, refNo, parent)
  await Promise.all([stores.frames.insert(frame), stores.search.insertMany(frameEntries(frame))])
  return frame
}

/** Ends the frame of a session or agent, and those of agents below it; other work below moves up and stays open. */
export const endCapturedFrame = async (ctx: Context, stores: Stores, frame: Frame): Promise<void> => {
  const isCaptured = (each: Frame) => each.externalKey?.startsWith(`${frame.externalKey}:`) ?? false
  const below = await stores.frames.lockOpenDescendants(frame.id)
  const ended = new Set([frame.id, ...below.filter(isCaptured).map((each) => each.id)])
  for (const each of below)
    if (!ended.has(each.id) && each.parentId !== null && ended.has(each.parentId))
      await stores.frames.reparent(each.id, frame.parentId, frame.depth, ctx.now)
  for (const each of below) if (ended.has(each.id)) await saveDigest(ctx, stores, each, 'end')
  await saveDigest(ctx, stores, frame, 'end')
}

const idleSessionsPerStart = 5

/**
 * A client that was killed reports no end of its session. What the same person left idle for
 * `limits.capturedIdleHours` ends when their next session begins; resuming it opens it again.
 */
const endIdleSessions = async (ctx: Context, stores: Stores): Promise<void> => {
  const idleSince = ctx.now.getTime() - limits.capturedIdleHours * 3_600_000
  const { userId, client } = ctx.principal
  const idle = (await stores.frames.listOpen(limits.openFramesPerProject, null)).filter(
    (frame) =>
      frame.externalKey?.startsWith(`${client.name}:`) === true &&
      frame.parentId === null &&
      frame.authorId === userId &&
      frame.lastActivityAt.getTime() < idleSince,
  )
  for (const frame of idle.slice(0, idleSessionsPerStart)) {
    const locked = await stores.frames.lock(frame.id)
    if (locked?.status === 'open') await endCapturedFrame(ctx, stores, locked)
  }
}
