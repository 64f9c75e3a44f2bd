import { z } from 'zod'
import { getActiveTasks, getActiveTasksInput, type TaskRow } from '../../domain/task/get-active-tasks.ts'
import { wrapInjected } from '../../domain/ingest/injected-text.ts'
import { indent, lines } from './present.ts'
import { defineTool, readOnly } from './tool.ts'

const presentRow = (task: TaskRow) => {
  const facts = [
    task.ready ? 'ready' : task.status,
    task.priority,
    task.progress > 0 && `${task.progress} %`,
    task.claimedBy && `claimed by ${indent(task.claimedBy)}`,
    task.blockedBy.length > 0 && `waits for ${task.blockedBy.join(', ')}`,
  ].filter(Boolean)
  return `- ${task.ref} [${facts.join(', ')}] ${indent(task.title)}${task.note ? ` (${indent(task.note)})` : ''}`
}

export const getActiveTasksTool = defineTool({
  name: 'get_active_tasks',
  title: 'List tasks',
  description: 'Open tasks, those ready to start first. Can count all tasks by status.',
  scope: 'memory:read',
  visibility: 'listed',
  annotations: readOnly,
  input: getActiveTasksInput,
  output: z.object({
    tasks: z.array(z.object({ task: z.string(), status: z.string(), ready: z.boolean() })),
    metrics: z.record(z.string(), z.number()).nullable(),
  }),
  async handle(ctx, memory, args) {
    const { tasks, metrics } = await getActiveTasks(ctx, memory, args)
    const counts =
      metrics &&
      Object.entries(metrics)
        .map(([status, count]) => `${status.replace('_', ' ')} ${count}`)
        .join(', ')
    const text = lines(
      tasks.length ? tasks.map(presentRow) : 'No task matches.',
      counts && `Counts: ${counts}.`,
    )
    return {
      text: tasks.length ? wrapInjected(text, { receipt: 'tasks' }) : text,
      structured: { tasks: tasks.map(({ ref, status, ready }) => ({ task: ref, status, ready })), metrics },
    }
  },
})
