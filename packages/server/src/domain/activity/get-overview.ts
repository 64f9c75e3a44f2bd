import type { Context } from '../context.ts'
import { authorize } from '../policy.ts'
import type { Memory, MemoryCounts } from '../ports.ts'
import { formatFrameRef } from '../refs.ts'
import { presentTask, isReady, type TaskRow } from '../task/get-active-tasks.ts'

export interface OpenFrame {
  ref: string
  name: string
  author: string
  client: string
  startedAt: string
  lastActivityAt: string
  events: number
}

export interface Overview {
  counts: MemoryCounts
  /** Of anything that was recorded; null when nothing was. */
  lastActivityAt: string | null
  /** Newest first, at most `shownMax`. */
  openFrames: OpenFrame[]
  /** In the order in which they should be done, at most `shownMax`. */
  readyTasks: TaskRow[]
}

const shownMax = 10

/** What a project holds, what is open in it and what could be done next. */
export const getOverview = async (ctx: Context, memory: Memory): Promise<Overview> => {
  authorize(ctx, 'memory:read')
  return memory.transact(ctx, async (stores) => {
    const [{ lastActivityAt, ...counts }, frames, tasks] = await Promise.all([
      stores.activity.counts(),
      stores.frames.listOpen(shownMax, null),
      stores.tasks.list({ statuses: ['todo', 'in_progress'], limit: shownMax }, null),
    ])
    return {
      counts,
      lastActivityAt: lastActivityAt?.toISOString() ?? null,
      openFrames: frames.map((frame) => ({
        ref: formatFrameRef(frame.refNo),
        name: frame.name,
        author: frame.authorName,
        client: frame.clientName,
        startedAt: frame.startedAt.toISOString(),
        lastActivityAt: frame.lastActivityAt.toISOString(),
        events: frame.eventCount,
      })),
      readyTasks: tasks.filter(isReady).map(presentTask),
    }
  })
}
