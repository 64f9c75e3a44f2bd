import { z } from 'zod'
import {
  getMemory,
  getMemoryInput,
  type MemoryItem,
  type TimelineEvent,
} from '../../domain/search/get-memory.ts'
import { wrapInjected } from '../../domain/ingest/injected-text.ts'
import { day, indent, lines } from './present.ts'
import { defineTool, readOnly } from './tool.ts'

const presentEvent = (event: TimelineEvent) =>
  `- ${event.ref} ${indent(event.actor || event.role)} ${event.kind}${event.isError ? ' (error)' : ''} ${event.date.slice(0, 16)}: ${indent(event.text)}`

export const presentItem = (item: MemoryItem): string =>
  lines(
    `## ${item.ref} ${item.kind}: ${indent(item.title)}`,
    `${item.status}${item.supersededBy ? ` by ${item.supersededBy}` : ''} · ${day(item.date)} · ${indent(item.author)}${item.stack.length ? ` · ${indent(item.stack.join(' › '))}` : ''}`,
    item.text && `  ${item.text.trimEnd().replaceAll('\n', '\n  ')}`,
    item.omittedTokens > 0 &&
      `… ${item.omittedTokens} tokens not shown; ask for this reference alone to see more.`,
    item.files.length > 0 && `Files: ${indent(item.files.slice(0, 30).join(', '))}`,
    item.places.length > 0 && `Source: ${indent(item.places.slice(0, 10).join('; '))}`,
    item.history.length > 0 && 'History:',
    item.history.map(
      (each) =>
        `- v${each.version} ${each.status}, ${day(each.at)}, ${indent(each.by)}${each.reason ? ` (${indent(each.reason)})` : ''}: ${indent(each.text)}`,
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
