import { z } from 'zod'
import { createTask, createTaskInput } from '../../domain/task/create-task.ts'
import { lines, presentCleaned } from './present.ts'
import { additive, defineTool } from './tool.ts'

export const createTaskTool = defineTool({
  name: 'create_task',
  title: 'Create a task',
  description: 'Add a work item, with priority and what it waits for.',
  scope: 'memory:write',
  visibility: 'listed',
  annotations: additive,
  input: createTaskInput,
  output: z.object({ task: z.string(), id: z.string() }),
  async handle(ctx, memory, args) {
    const created = await createTask(ctx, memory, args)
    return {
      text: lines(
        `Created ${created.ref}.`,
        created.blockedBy.length > 0 && `It waits for ${created.blockedBy.join(', ')}.`,
        presentCleaned(created.cleaned),
      ),
      structured: { task: created.ref, id: created.id },
    }
  },
})
