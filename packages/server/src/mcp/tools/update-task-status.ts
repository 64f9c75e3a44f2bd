import { z } from 'zod'
import { updateTaskStatus, updateTaskStatusInput } from '../../domain/task/update-task-status.ts'
import { lines } from './present.ts'
import { additive, defineTool } from './tool.ts'

export const updateTaskStatusTool = defineTool({
  name: 'update_task_status',
  title: 'Update a task',
  description:
    'Set status, progress, note or priority of a task; claim it or give it back; change what it waits for.',
  scope: 'memory:write',
  visibility: 'listed',
  annotations: additive,
  input: updateTaskStatusInput,
  output: z.object({
    task: z.string(),
    status: z.string(),
    claimed_by: z.string().nullable(),
    blocked_by: z.array(z.string()),
  }),
  async handle(ctx, memory, args) {
    const task = await updateTaskStatus(ctx, memory, args)
    return {
      text: lines(
        `${task.ref}: ${task.status}, ${task.progress} %${task.claimedBy ? `, claimed by ${task.claimedBy}` : ''}.`,
        task.blockedBy.length > 0 && `It waits for ${task.blockedBy.join(', ')}.`,
      ),
      structured: {
        task: task.ref,
        status: task.status,
        claimed_by: task.claimedBy,
        blocked_by: task.blockedBy,
      },
    }
  },
})
