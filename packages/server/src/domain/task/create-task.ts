import { z } from 'zod'
import { createCleaner, type CleanReport } from '../clean.ts'
import type { Context } from '../context.ts'
import { once } from '../idempotency.ts'
import { taskEntries } from '../index-memory.ts'
import { limits } from '../limits.ts'
import { taskPriorities, type Task } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory } from '../ports.ts'
import { provenanceOf } from '../provenance.ts'
import { formatTaskRef } from '../refs.ts'
import { getFrame, getTask } from '../resolve.ts'
import { idempotencyKey, optionalText, ref, text, textList } from '../text.ts'
import { versionOfTask } from './task-version.ts'

export const createTaskInput = z.strictObject({
  title: text(limits.nameChars),
  description: optionalText(limits.contentChars),
  priority: z.enum(taskPriorities).default('medium'),
  tags: textList(limits.tagsPerTask, limits.tagChars).default([]),
  parent: ref.optional().describe('Task it is part of.'),
  blocked_by: z
    .array(ref)
    .max(limits.dependenciesPerTask)
    .default([])
    .describe('Tasks that must be done first.'),
  frame: ref.optional(),
  idempotency_key: idempotencyKey,
})
export type CreateTaskInput = z.infer<typeof createTaskInput>

export interface CreatedTask {
  id: string
  ref: string
  blockedBy: string[]
  cleaned: CleanReport
}

/** Adds a work item. A new task cannot close a cycle, because nothing waits for it yet. */
export const createTask = async (
  ctx: Context,
  memory: Memory,
  input: CreateTaskInput,
): Promise<CreatedTask> => {
  authorize(ctx, 'memory:write')
  const { clean, cleanLine, cleanLines, report } = createCleaner()
  const title = cleanLine(input.title) || 'Untitled'
  const description = clean(input.description ?? '')
  const tags = cleanLines(input.tags)
  return memory.transact(ctx, async (stores) =>
    once(ctx, stores, { operation: 'create_task', key: input.idempotency_key, input }, async () => {
      const parent = input.parent === undefined ? null : await getTask(stores, input.parent)
      const frame = input.frame === undefined ? null : await getFrame(stores, input.frame)
      const blockers: Task[] = []
      for (const each of new Set(input.blocked_by)) blockers.push(await getTask(stores, each))
      const task: Task = {
        ...provenanceOf(ctx),
        id: ctx.newId(),
        refNo: await stores.nextRef(),
        version: 1,
        title,
        description,
        status: 'todo',
        priority: input.priority,
        tags,
        parentId: parent?.id ?? null,
        frameId: frame?.id ?? null,
        progress: 0,
        note: '',
        claimedBy: null,
        claimedByName: null,
        claimedAt: null,
        externalKey: null,
        createdAt: ctx.now,
        updatedAt: ctx.now,
        closedAt: null,
        deletedAt: null,
      }
      await Promise.all([
        stores.tasks.insert(task),
        stores.tasks.insertVersion(versionOfTask(ctx, task)),
        stores.tasks.addDependencies(
          task.id,
          blockers.map((each) => each.id),
          ctx.now,
        ),
        stores.search.insertMany(taskEntries(task)),
      ])
      return {
        id: task.id,
        ref: formatTaskRef(task.refNo),
        blockedBy: blockers.map((each) => formatTaskRef(each.refNo)),
        cleaned: report,
      }
    }),
  )
}
