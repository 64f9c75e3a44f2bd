import { z } from 'zod'
import type { Context } from '../context.ts'
import { limits } from '../limits.ts'
import { taskPriorities, taskStatuses, type TaskStatus } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, TaskWithBlockers } from '../ports.ts'
import { formatTaskRef } from '../refs.ts'
import { textList } from '../text.ts'

const openStatuses = ['todo', 'in_progress', 'blocked'] as const satisfies readonly TaskStatus[]

export const getActiveTasksInput = z.strictObject({
  status: z
    .array(z.enum(taskStatuses))
    .max(taskStatuses.length)
    .optional()
    .describe('Default: all that are not finished.'),
  priority: z.enum(taskPriorities).optional(),
  tags: textList(limits.tagsPerTask, limits.tagChars).optional(),
  mine: z.boolean().default(false).describe('Only those you claimed.'),
  ready: z.boolean().default(false).describe('Only those that wait for nothing.'),
  metrics: z.boolean().default(false).describe('Counts by status too.'),
  limit: z.int().min(1).max(100).default(20),
})
export type GetActiveTasksInput = z.infer<typeof getActiveTasksInput>

export interface TaskRow {
  ref: string
  title: string
  status: TaskStatus
  priority: string
  progress: number
  tags: string[]
  claimedBy: string | null
  blockedBy: string[]
  ready: boolean
  note: string
  updatedAt: string
}

export interface ActiveTasks {
  tasks: TaskRow[]
  metrics: Record<string, number> | null
}

export const isReady = (task: TaskWithBlockers) =>
  (task.status === 'todo' || task.status === 'in_progress') && task.blockedBy.length === 0

export const presentTask = (task: TaskWithBlockers): TaskRow => ({
  ref: formatTaskRef(task.refNo),
  title: task.title,
  status: task.status,
  priority: task.priority,
  progress: task.progress,
  tags: task.tags,
  claimedBy: task.claimedByName,
  blockedBy: task.blockedBy.map(formatTaskRef),
  ready: isReady(task),
  note: task.note,
  updatedAt: task.updatedAt.toISOString(),
})

/** Tasks, ready ones first, then by priority. */
export const getActiveTasks = async (
  ctx: Context,
  memory: Memory,
  input: GetActiveTasksInput,
): Promise<ActiveTasks> => {
  authorize(ctx, 'memory:read')
  return memory.transact(ctx, async (stores) => {
    const filter = {
      statuses: input.status?.length ? input.status : openStatuses,
      priority: input.priority,
      tags: input.tags,
      claimedBy: input.mine ? ctx.principal.userId : undefined,
      limit: input.ready ? 100 : input.limit,
    }
    const [tasks, metrics] = await Promise.all([
      stores.tasks.list(filter, null),
      input.metrics ? stores.tasks.metrics() : null,
    ])
    const shown = input.ready ? tasks.filter(isReady).slice(0, input.limit) : tasks
    return { tasks: shown.map(presentTask), metrics }
  })
}
