/** `stackmemory tasks`: what is to be done, in the order in which it can be; and the small changes to it. */
import { createTask, createTaskInput } from '../domain/task/create-task.ts'
import { getActiveTasks, getActiveTasksInput, type TaskRow } from '../domain/task/get-active-tasks.ts'
import {
  updateTaskStatus,
  updateTaskStatusInput,
  type UpdatedTask,
} from '../domain/task/update-task-status.ts'
import { answer, parseInput, type PersonOptions } from './ask.ts'
import { warn, type Io } from './io.ts'
import { safeLine } from './terminal-text.ts'
import { columns, type View } from './view.ts'

export interface ListTasksOptions extends PersonOptions {
  status?: string[]
  priority?: string
  tag?: string[]
  mine?: boolean
  ready?: boolean
  limit?: number
}

export interface AddTaskOptions extends PersonOptions {
  description?: string
  priority?: string
  tag?: string[]
  after?: string[]
}

export interface SetTaskOptions extends PersonOptions {
  note?: string
}

const statusText = (task: TaskRow) => {
  if (task.status === 'in_progress')
    return task.progress > 0 ? `in progress, ${task.progress} %` : 'in progress'
  if (task.blockedBy.length > 0) return `waits for ${task.blockedBy.join(', ')}`
  return task.ready ? 'ready' : task.status
}

export const taskLines = (view: View, tasks: readonly TaskRow[]): string[] =>
  columns(
    view,
    [
      { title: 'Ref', paint: view.style.yellow },
      { title: 'Status' },
      { title: 'Priority' },
      { title: 'Title', isFlexible: true },
      { title: 'Who' },
      { title: 'Changed', paint: view.style.dim },
    ],
    tasks.map((task) => [
      task.ref,
      statusText(task),
      task.priority,
      task.title,
      task.claimedBy ?? '',
      view.age(task.updatedAt),
    ]),
  )

export const listTasks = async (io: Io, options: ListTasksOptions): Promise<void> => {
  const input = parseInput(getActiveTasksInput, {
    status: options.status,
    priority: options.priority,
    tags: options.tag,
    mine: options.mine,
    ready: options.ready,
    metrics: true,
    limit: options.limit,
  })
  const isFiltered = [input.status, input.priority, input.tags, input.mine, input.ready].some(Boolean)
  await answer(io, options, {
    purpose: 'to list its tasks',
    ask: async (ctx, memory) => getActiveTasks(ctx, memory, input),
    empty: ({ tasks }) => {
      if (tasks.length > 0) return undefined
      return isFiltered
        ? 'No task fits. Leave filters out to see all that are not finished.'
        : 'Nothing is to be done. Add a task with: stackmemory tasks add "what to do"'
    },
    render: (view, { tasks, metrics }) => [
      ...taskLines(view, tasks),
      ...view.hint(
        `${tasks.length} shown; ${metrics?.['ready'] ?? 0} ready, ${metrics?.['done'] ?? 0} done. "stackmemory tasks done ${tasks[0]?.ref ?? 'T1'}" finishes one.`,
      ),
    ],
  })
}

export const addTask = async (io: Io, title: string, options: AddTaskOptions): Promise<void> => {
  const input = parseInput(createTaskInput, {
    title,
    description: options.description,
    priority: options.priority,
    tags: options.tag,
    blocked_by: options.after,
  })
  await answer(io, options, {
    purpose: 'to add a task',
    isWrite: true,
    ask: async (ctx, memory) => createTask(ctx, memory, input),
    render: (_view, task, project) => [
      `Added ${task.ref} to ${project}${task.blockedBy.length > 0 ? `, which waits for ${task.blockedBy.join(', ')}` : ''}.`,
    ],
  })
}

const describeChange = (task: UpdatedTask) =>
  `${task.ref} is ${task.status === 'in_progress' ? 'in progress' : task.status}: ${safeLine(task.title)}`

/** Each in a transaction of its own, so that those before one that is refused stay changed. */
export const setTasks = async (
  io: Io,
  refs: string[],
  change: { status: 'done' | 'in_progress' | 'todo' | 'cancelled'; claim?: boolean },
  options: SetTaskOptions,
): Promise<void> => {
  const inputs = refs.map((task) =>
    parseInput(updateTaskStatusInput, { task, ...change, note: options.note }),
  )
  await answer(io, options, {
    purpose: 'to change a task',
    ask: async (ctx, memory) => {
      const tasks: UpdatedTask[] = []
      try {
        for (const input of inputs) tasks.push(await updateTaskStatus(ctx, memory, input))
      } catch (error) {
        if (tasks.length > 0) warn(io, `Changed before it failed:\n${tasks.map(describeChange).join('\n')}`)
        throw error
      }
      return { tasks }
    },
    render: (_view, { tasks }) => tasks.map(describeChange),
  })
}
