import { z } from 'zod'
import { getContext } from '../../domain/bundle/get-context.ts'
import { startFrame, startFrameInput } from '../../domain/frame/start-frame.ts'
import { lines, presentCleaned } from './present.ts'
import { additive, defineTool } from './tool.ts'

const bundleTokens = 500

/** Only the new frame by its name: those above may be other people's, and their words belong into the envelope. */
const presentStack = (stack: readonly { ref: string; name: string }[]) =>
  stack.map(({ ref, name }, index) => (index === stack.length - 1 ? `${ref} ${name}` : ref)).join(' › ')

export const startFrameTool = defineTool({
  name: 'start_frame',
  title: 'Start a frame',
  description:
    'Push a unit of work, like a function call. Returns its reference (pass it on) and what is known for it.',
  scope: 'memory:write',
  visibility: 'listed',
  annotations: additive,
  input: startFrameInput,
  output: z.object({
    frame: z.string(),
    id: z.string(),
    stack: z.array(z.string()),
    task: z.string().nullable(),
  }),
  async handle(ctx, memory, args) {
    const started = await startFrame(ctx, memory, args)
    const bundle = await getContext(ctx, memory, {
      frame: started.ref,
      files: args.files,
      budget_tokens: bundleTokens,
      detail: 'standard',
      branch: args.branch,
    })
    return {
      text: lines(
        `Started ${started.ref}: ${presentStack(started.stack)}.`,
        started.task && `Claimed ${started.task}.`,
        'Close it with close_frame when the work ends.',
        presentCleaned(started.cleaned),
        bundle.text,
      ),
      structured: {
        frame: started.ref,
        id: started.id,
        stack: started.stack.map((each) => each.ref),
        task: started.task,
      },
    }
  },
})
