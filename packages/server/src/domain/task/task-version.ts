import type { Context } from '../context.ts'
import type { Task, TaskVersion } from '../memory.ts'

export const versionOfTask = (ctx: Context, task: Task): TaskVersion => ({
  taskId: task.id,
  version: task.version,
  status: task.status,
  priority: task.priority,
  progress: task.progress,
  note: task.note,
  claimedByName: task.claimedByName,
  changedBy: ctx.principal.userId,
  changedByName: ctx.principal.userName,
  clientName: ctx.principal.client.name,
  importId: ctx.importId ?? null,
  changedAt: ctx.now,
})
