import { z } from 'zod'
import { createCleaner, type CleanReport } from '../clean.ts'
import type { Context } from '../context.ts'
import { invalidInput } from '../errors.ts'
import { once } from '../idempotency.ts'
import { frameEntries } from '../index-memory.ts'
import { limits } from '../limits.ts'
import { frameTypes, type Frame } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, Stores } from '../ports.ts'
import { provenanceOf } from '../provenance.ts'
import { formatFrameRef, formatTaskRef } from '../refs.ts'
import { getOpenFrame, getTask } from '../resolve.ts'
import { fileList, idempotencyKey, normalizePaths, optionalText, ref, text, textList } from '../text.ts'

export const startFrameInput = z.strictObject({
  name: text(limits.nameChars).describe('What this work is, as a short title.'),
  type: z.enum(frameTypes).default('task'),
  parent: ref.optional().describe('Frame this work belongs to; without it a new stack begins.'),
  goal: optionalText(limits.contentChars).describe('What is to be reached.'),
  constraints: textList().default([]).describe('Limits that hold for this work.'),
  files: fileList.default([]).describe('Paths you expect to touch.'),
  task: ref.optional().describe('Task this work is for; it is claimed and set in progress.'),
  branch: optionalText(limits.nameChars),
  idempotency_key: idempotencyKey,
})
export type StartFrameInput = z.infer<typeof startFrameInput>

export interface StartedFrame {
  id: string
  ref: string
  /** References from the root of the stack down to this frame. */
  stack: { ref: string; name: string }[]
  task: string | null
  cleaned: CleanReport
}

const claimTask = async (ctx: Context, stores: Stores, taskRef: string, frameId: string) => {
  const task = await getTask(stores, taskRef)
  const locked = await stores.tasks.lock({ id: task.id })
  if (!locked || locked.status === 'done' || locked.status === 'cancelled')
    throw invalidInput(
      `${formatTaskRef(task.refNo)} is ${task.status}. Choose an open task, or start the frame without one.`,
    )
  if (locked.claimedBy && locked.claimedBy !== ctx.principal.userId)
    throw invalidInput(
      `${formatTaskRef(task.refNo)} is claimed by somebody else; get_active_tasks shows by whom. Choose another task, or agree with them first.`,
    )
  const version = locked.version + 1
  const claimed = {
    ...locked,
    version,
    status: 'in_progress' as const,
    claimedBy: ctx.principal.userId,
    claimedByName: ctx.principal.userName,
    claimedAt: locked.claimedAt ?? ctx.now,
    updatedAt: ctx.now,
  }
  await stores.tasks.update(claimed)
  await stores.tasks.insertVersion({
    taskId: task.id,
    version,
    status: claimed.status,
    priority: claimed.priority,
    progress: claimed.progress,
    note: claimed.note,
    claimedByName: claimed.claimedByName,
    changedBy: ctx.principal.userId,
    changedByName: ctx.principal.userName,
    clientName: ctx.principal.client.name,
    importId: null,
    changedAt: ctx.now,
  })
  return { id: task.id, ref: formatTaskRef(task.refNo), frameId }
}

/**
 * Pushes a unit of work. The frame's reference is the handle that agents pass around; several agents can each
 * have a stack of their own in one project.
 * @throws invalid_input for a closed parent, a stack deeper than `limits.frameDepth` or too many open frames.
 */
export const startFrame = async (
  ctx: Context,
  memory: Memory,
  input: StartFrameInput,
): Promise<StartedFrame> => {
  authorize(ctx, 'memory:write')
  const { clean, cleanAll, cleanLine, cleanLines, report } = createCleaner()
  const cleaned = {
    name: cleanLine(input.name) || 'Untitled',
    goal: clean(input.goal ?? ''),
    constraints: cleanAll(input.constraints),
    files: normalizePaths(cleanLines(input.files)),
    branch: cleanLine(input.branch ?? '') || null,
  }
  return memory.transact(ctx, async (stores) =>
    once(ctx, stores, { operation: 'start_frame', key: input.idempotency_key, input }, async () => {
      const parent = input.parent === undefined ? undefined : await getOpenFrame(stores, input.parent)
      const depth = parent ? parent.depth + 1 : 0
      if (depth >= limits.frameDepth)
        throw invalidInput(
          `A stack has at most ${limits.frameDepth} frames. Close finished frames, or start a new stack without a parent.`,
        )
      const id = ctx.newId()
      const refNo = await stores.nextRef()
      // The counter's lock is held: no frame can be added or closed by another writer that also took a number,
      // but a close does not take one, so the parent is checked again under its own lock.
      if (parent) await lockOpenParent(stores, parent.id)
      if ((await stores.frames.countOpen()) >= limits.openFramesPerProject)
        throw invalidInput(
          `This project has ${limits.openFramesPerProject} open frames, which is the limit. Close the finished ones with close_frame.`,
        )
      const task = input.task === undefined ? undefined : await claimTask(ctx, stores, input.task, id)
      const frame: Frame = {
        ...provenanceOf(ctx),
        ...cleaned,
        id,
        refNo,
        parentId: parent?.id ?? null,
        depth,
        type: input.type,
        status: 'open',
        outcome: null,
        taskId: task?.id ?? null,
        eventCount: 0,
        externalKey: null,
        importId: null,
        startedAt: ctx.now,
        lastActivityAt: ctx.now,
        closedAt: null,
        createdAt: ctx.now,
        deletedAt: null,
      }
      await Promise.all([stores.frames.insert(frame), stores.search.insertMany(frameEntries(frame))])
      const stack = (await stores.frames.callStack(id)).map((each) => ({
        ref: formatFrameRef(each.refNo),
        name: each.name,
      }))
      return { id, ref: formatFrameRef(refNo), stack, task: task?.ref ?? null, cleaned: report }
    }),
  )
}

const lockOpenParent = async (stores: Stores, id: string) => {
  const parent = await stores.frames.lock(id)
  if (parent?.status !== 'open')
    throw invalidInput('The parent frame was closed meanwhile. Choose an open one, or start a new stack.')
}
