/** Work that another tool had listed becomes tasks, each once. */
import { createCleaner, type CleanReport } from '../clean.ts'
import type { Context } from '../context.ts'
import { taskEntries } from '../index-memory.ts'
import { limits } from '../limits.ts'
import type { Task, TaskPriority } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, Stores } from '../ports.ts'
import { provenanceOf } from '../provenance.ts'
import { versionOfTask } from '../task/task-version.ts'
import { titleOf } from '../text.ts'

export interface ImportedTask {
  /** Identity over repeated imports; unique in the project. */
  externalKey: string
  title: string
  description: string
  priority: TaskPriority
  createdAt: Date | undefined
  /** External key of the imported frame that it belongs to. */
  frameKey?: string
}

export interface ImportedTasks {
  added: number
  /** There already, also when somebody has finished or forgotten it since. */
  unchanged: number
  empty: number
  cleaned: CleanReport
}

const newTask = async (ctx: Context, stores: Stores, imported: ImportedTask, title: string, text: string) => {
  const frame =
    imported.frameKey === undefined ? undefined : await stores.frames.findByExternalKey(imported.frameKey)
  const createdAt = imported.createdAt && imported.createdAt < ctx.now ? imported.createdAt : ctx.now
  const task: Task = {
    ...provenanceOf(ctx, 'import'),
    id: ctx.newId(),
    refNo: await stores.nextRef(),
    version: 1,
    title,
    description: text,
    status: 'todo',
    priority: imported.priority,
    tags: [],
    parentId: null,
    frameId: frame && !frame.deletedAt ? frame.id : null,
    progress: 0,
    note: '',
    claimedBy: null,
    claimedByName: null,
    claimedAt: null,
    externalKey: imported.externalKey,
    createdAt,
    updatedAt: ctx.now,
    closedAt: null,
    deletedAt: null,
  }
  await stores.tasks.insert(task)
  await stores.tasks.insertVersion(versionOfTask(ctx, task))
  await stores.search.insertMany(taskEntries(task))
}

/**
 * One transaction: all of them or none.
 * @throws forbidden without the scope memory:write.
 */
export const importTasks = async (
  ctx: Context,
  memory: Memory,
  tasks: readonly ImportedTask[],
  { isDryRun = false }: { isDryRun?: boolean } = {},
): Promise<ImportedTasks> => {
  authorize(ctx, 'memory:write')
  return memory.transact(ctx, async (stores) => {
    const { clean, cleanLine, report } = createCleaner()
    const result: ImportedTasks = { added: 0, unchanged: 0, empty: 0, cleaned: report }
    // The project's write lock: another import of the same tasks waits here.
    const held = isDryRun ? undefined : await stores.nextRef()
    if (held !== undefined) await stores.returnRef(held)
    for (const task of tasks) {
      const title = titleOf(cleanLine(task.title), limits.nameChars)
      if (title === '') result.empty += 1
      else if (await stores.tasks.findByExternalKey(task.externalKey)) result.unchanged += 1
      else {
        result.added += 1
        if (!isDryRun) await newTask(ctx, stores, task, title, clean(task.description, limits.contentChars))
      }
    }
    return result
  })
}
