import { z } from 'zod'
import {
  getMemory,
  getMemoryInput,
  type MemoryItem,
  type TimelineEvent,
} from '../../domain/search/get-memory.ts'
import { wrapInjected } from '../../domain/ingest/injected-text.ts'
import { day, lines } from './present.ts'
import { defineTool, readOnly } from './tool.ts'

const presentEvent = (event: TimelineEvent) =>
  `- ${event.ref} ${event.actor || event.role} ${event.kind}${event.isError ? ' (error)' : ''} ${event.date.slice(0, 16)}: ${event.text.replace(/\n+/g, '\n  ')}`

export const presentItem = (item: MemoryItem): string =>
  lines(
    `## ${item.ref} ${item.kind}: ${item.title}`,
    `${item.status}${item.supersededBy ? ` by ${item.supersededBy}` : ''} · ${day(item.date)} · ${item.author}${item.stack.length ? ` · ${item.stack.join(' › ')}` : ''}`,
    item.text,
    item.omittedTokens > 0 &&
      `… ${item.omittedTokens} tokens not shown; ask for this reference alone to see more.`,
    item.files.length > 0 && `Files: ${item.files.slice(0, 30).join(', ')}`,
    item.history.length > 0 && 'History:',
    item.history.map(
      (each) =>
        `- v${each.version} ${each.status}, ${day(each.at)}, ${each.by}${each.reason ? ` (${each.reason})` : ''}: ${each.text}`,
    ),
    item.timeline.length > 0 && 'Around it:',
    item.timeline.map(presentEvent),
  )

export const getMemoryTool = defineTool({
  name: 'get_memory',
  title: 'Open memories',
  description:
    'Full text of memories by reference (D31, F12, F12.5, T7), their history, or the events around them.',
  scope: 'memory:read',
  visibility: 'listed',
  annotations: readOnly,
  input: getMemoryInput,
  output: z.object({ refs: z.array(z.string()), missing: z.array(z.string()) }),
  async handle(ctx, memory, args) {
    const { items, missing } = await getMemory(ctx, memory, args)
    const text = lines(
      items.map(presentItem),
      missing.length > 0 && `Not in this project: ${missing.join(', ')}.`,
    )
    return {
      text: wrapInjected(text, { receipt: 'memory' }),
      structured: { refs: items.map((item) => item.ref), missing },
    }
  },
})
