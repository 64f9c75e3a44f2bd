import { z } from 'zod'
import { closeFrame, closeFrameInput } from '../../domain/frame/close-frame.ts'
import { wrapInjected } from '../../domain/ingest/injected-text.ts'
import { lines, presentCleaned } from './present.ts'
import { additive, defineTool } from './tool.ts'

export const closeFrameTool = defineTool({
  name: 'close_frame',
  title: 'Close a frame',
  description:
    'Pop a unit of work with a digest: what came of it, decisions, dead ends, next steps. Use outcome handoff when somebody else goes on.',
  scope: 'memory:write',
  visibility: 'listed',
  annotations: additive,
  input: closeFrameInput,
  output: z.object({
    frame: z.string(),
    outcome: z.string(),
    pinned: z.array(z.string()),
    closed_with_it: z.array(z.string()),
    moved_up: z.array(z.string()),
  }),
  async handle(ctx, memory, args) {
    const closed = await closeFrame(ctx, memory, args)
    return {
      text: lines(
        `Closed ${closed.ref}.`,
        closed.pinned.length > 0 && `Pinned ${closed.pinned.join(', ')}.`,
        closed.closedWithIt.length > 0 && `Closed with it: ${closed.closedWithIt.join(', ')}.`,
        closed.movedUp.length > 0 && `Other people's open frames moved up: ${closed.movedUp.join(', ')}.`,
        presentCleaned(closed.cleaned),
        'Digest:',
        wrapInjected(`  ${closed.digest.replaceAll('\n', '\n  ')}`, { receipt: 'digest' }),
      ),
      structured: {
        frame: closed.ref,
        outcome: closed.outcome,
        pinned: closed.pinned,
        closed_with_it: closed.closedWithIt,
        moved_up: closed.movedUp,
      },
    }
  },
})
