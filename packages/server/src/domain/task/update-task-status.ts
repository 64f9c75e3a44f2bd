import { z } from 'zod'
import { createCleaner } from '../clean.ts'
import type { Context } from '../context.ts'
import { conflict, invalidInput } from '../errors.ts'
import { once } from '../idempotency.ts'
import { taskEntries } from '../index-memory.ts'
import { limits } from '../limits.ts'
import { taskPriorities, taskStatuses, type Task, type TaskStatus } from '../memory.ts'
import { authorize, isAllowed } from '../policy.ts'
import type { Memory, Stores } from '../ports.ts'
import { formatTaskRef } from '../refs.ts'
import { getTask, lockTask } from '../resolve.ts'
import { idempotencyKey, optionalText, ref } from '../text.ts'
import { versionOfTask } from './task-version.ts'

export const updateTaskStatusInput = z.strictObject({
  task: ref.describe('e.g. T7'),
  status: z.enum(taskStatuses).optional(),
  progress: z.int().min(0).max(100).optional().describe('Percent.'),
  note: optionalText(limits.listItemChars),
  priority: z.enum(taskPriorities).optional(),
  claim: z.boolean().optional().describe('true takes it for you, false gives it back.'),
  add_blocked_by: z.array(ref).max(limits.dependenciesPerTask).default([]),
  remove_blocked_by: z.array(ref).max(limits.dependenciesPerTask).default([]),
  idempotency_key: idempotencyKey,
})
export type UpdateTaskStatusInput = z.infer<typeof updateTaskStatusInput>

export interface UpdatedTask {
  ref: string
  title: string
  status: TaskStatus
  progress: number
  claimedBy: string | null
  /** Unfinished tasks it waits for. */
  blockedBy: string[]
  version: number
}

const isFinished = (status: TaskStatus) => status === 'done' || status === 'cancelled'

const applyClaim = (ctx: Context, task: Task, claim: boolean | undefined): Partial<Task> => {
  if (claim === undefined) return {}
  const own = task.claimedBy === ctx.principal.userId
  if (task.claimedBy && !own && (claim || !isAllowed(ctx.principal, 'project:admin')))
    throw conflict(
      `${formatTaskRef(task.refNo)} is claimed by somebody else; get_active_tasks shows by whom. Take another task, or ask them to give it back.`,
    )
  if (claim)
    return {
      claimedBy: ctx.principal.userId,
      claimedByName: ctx.principal.userName,
      claimedAt: task.claimedAt ?? ctx.now,
    }
  return { claimedBy: null, claimedByName: null, claimedAt: null }
}

const addBlockers = async (ctx: Context, stores: Stores, task: Task, refs: readonly string[]) => {
  for (const each of new Set(refs)) {
    const blocker = await getTask(stores, each)
    if (blocker.id === task.id || (await stores.tasks.waitsFor(blocker.id, task.id)))
      throw invalidInput(
        `${formatTaskRef(task.refNo)} cannot wait for ${formatTaskRef(blocker.refNo)}, which waits for it already. Remove one of the dependencies first.`,
      )
    await stores.tasks.addDependencies(task.id, [blocker.id], ctx.now)
  }
}

const removeBlockers = async (ctx: Context, stores: Stores, task: Task, refs: readonly string[]) => {
  const ids: string[] = []
  for (const each of new Set(refs)) ids.push((await getTask(stores, each)).id)
  await stores.tasks.removeDependencies(task.id, ids, ctx.now)
}

/** @throws conflict when somebody else holds the claim (an admin may give it back for them); invalid_input for a cyclic dependency. */
export const updateTaskStatus = async (
  ctx: Context,
  memory: Memory,
  input: UpdateTaskStatusInput,
): Promise<UpdatedTask> => {
  authorize(ctx, 'memory:write')
  const { clean } = createCleaner()
  return memory.transact(ctx, async (stores) =>
    once(ctx, stores, { operation: 'update_task_status', key: input.idempotency_key, input }, async () => {
      // The project's write lock, so that two writers cannot close a cycle from both ends; before the lock of the
      // task, because start_frame takes them in this order too.
      if (input.add_blocked_by.length > 0) await stores.nextRef()
      const before = await lockTask(stores, input.task)
      const status = input.status ?? before.status
      const task: Task = {
        ...before,
        ...applyClaim(ctx, before, input.claim),
        version: before.version + 1,
        status,
        progress: input.progress ?? (status === 'done' ? 100 : before.progress),
        priority: input.priority ?? before.priority,
        note: input.note === undefined ? before.note : clean(input.note),
        updatedAt: ctx.now,
        closedAt: isFinished(status) ? (before.closedAt ?? ctx.now) : null,
      }
      await addBlockers(ctx, stores, task, input.add_blocked_by)
      await removeBlockers(ctx, stores, task, input.remove_blocked_by)
      await stores.tasks.update(task)
      await stores.tasks.insertVersion(versionOfTask(ctx, task))
      if (task.note !== before.note) {
        await stores.search.retire(task.id, ctx.now)
        await stores.search.insertMany(taskEntries(task))
      }
      const blockers = await stores.tasks.blockers([task.id])
      return {
        ref: formatTaskRef(task.refNo),
        title: task.title,
        status: task.status,
        progress: task.progress,
        claimedBy: task.claimedByName,
        blockedBy: blockers
          .filter((each) => !isFinished(each.status))
          .map((each) => formatTaskRef(each.refNo)),
        version: task.version,
      }
    }),
  )
}
