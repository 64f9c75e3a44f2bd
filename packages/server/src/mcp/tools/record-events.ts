import { z } from 'zod'
import { recordEvents, recordEventsInput } from '../../domain/event/record-events.ts'
import { lines, presentCleaned } from './present.ts'
import { additive, defineTool } from './tool.ts'

export const recordEventsTool = defineTool({
  name: 'record_events',
  title: 'Record events',
  description:
    'Append up to 100 events (messages, tool calls and results, errors) to an open frame; for hooks and importers.',
  scope: 'memory:write',
  visibility: 'hidden',
  annotations: additive,
  input: recordEventsInput,
  output: z.object({
    frame: z.string(),
    recorded: z.array(z.object({ ref: z.string(), id: z.string() })),
    skipped: z.array(z.object({ index: z.number(), reason: z.string() })),
  }),
  async handle(ctx, memory, args) {
    const { frame, recorded, skipped, cleaned } = await recordEvents(ctx, memory, args)
    const first = recorded[0]?.ref
    const last = recorded.at(-1)?.ref
    return {
      text: lines(
        recorded.length
          ? `Recorded ${recorded.length} in ${frame}: ${first}${last === first ? '' : ` to ${last}`}.`
          : `Nothing new for ${frame}.`,
        skipped.map((each) => `Skipped event ${each.index}: ${each.reason}.`),
        presentCleaned(cleaned),
      ),
      structured: { frame, recorded, skipped },
    }
  },
})
