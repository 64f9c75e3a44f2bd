import { z } from 'zod'
import type { Context } from '../context.ts'
import { invalidInput } from '../errors.ts'
import { limits } from '../limits.ts'
import { anchorTypes, eventKinds } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory } from '../ports.ts'
import { getFrame } from '../resolve.ts'
import { authorOf } from '../search/search-memory.ts'
import { loadItems, type FoundItem } from '../search/load-items.ts'
import { optionalText, ref } from '../text.ts'

export const activityKinds = ['frame', 'task', ...anchorTypes, ...eventKinds] as const

export const listActivityInput = z.strictObject({
  kind: z.array(z.enum(activityKinds)).max(activityKinds.length).optional(),
  since: z.date().optional(),
  until: z.date().optional(),
  author: optionalText(limits.nameChars).describe('Person or client name.'),
  frame: ref.optional().describe('Only this frame: all of its events, and what was decided in it.'),
  limit: z.int().min(1).max(limits.activityMax).default(limits.activityDefault),
})
export type ListActivityInput = z.infer<typeof listActivityInput>

export interface Activity {
  ref: string
  kind: string
  /** When it happened: a frame when it was closed, or else opened; a task when it last changed. */
  at: string
  title: string
  /** The whole text; of a closed frame its digest. */
  text: string
  status: string
  supersededBy: string | null
  author: string
  frame: string | null
  frameName: string | null
}

const present = (item: FoundItem, at: Date): Activity => ({
  ref: item.ref,
  kind: item.itemKind === 'digest' ? 'frame' : item.kind,
  at: at.toISOString(),
  title: item.itemKind === 'digest' ? (item.frame?.name ?? item.title) : item.title,
  text: item.text,
  status: item.status,
  supersededBy: item.supersededByRef ?? null,
  author: authorOf(item),
  frame: item.itemKind === 'digest' || item.itemKind === 'frame' ? null : (item.frame?.ref ?? null),
  frameName: item.itemKind === 'digest' || item.itemKind === 'frame' ? null : (item.frame?.name ?? null),
})

/**
 * What happened, newest first: frames with their digests, statements, errors, tasks; of one frame, every event.
 * @throws not_found for a frame of another project; invalid_input when `since` is not before `until`.
 */
export const listActivity = async (
  ctx: Context,
  memory: Memory,
  input: ListActivityInput,
): Promise<Activity[]> => {
  authorize(ctx, 'memory:read')
  if (input.since && input.until && input.since >= input.until)
    throw invalidInput('since must be before until.')
  return memory.transact(ctx, async (stores) => {
    const frame = input.frame === undefined ? undefined : await getFrame(stores, input.frame)
    const entries = await stores.activity.list({
      kinds: input.kind ?? [],
      since: input.since,
      until: input.until,
      author: input.author,
      frameId: frame?.id,
      limit: input.limit,
    })
    const items = await loadItems(stores, entries, null)
    return entries.flatMap(({ itemId, at }) => {
      const item = items.get(itemId)
      return item ? [present(item, at)] : []
    })
  })
}
