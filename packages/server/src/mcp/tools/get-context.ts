import { z } from 'zod'
import { getContext, getContextInput } from '../../domain/bundle/get-context.ts'
import { defineTool, readOnly } from './tool.ts'

export const getContextTool = defineTool({
  name: 'get_context',
  title: 'Get project context',
  description:
    'Call first: at the start of a task, after a compaction, before touching unfamiliar files. Returns what this project already decided, tried and left open, within a token budget.',
  scope: 'memory:read',
  visibility: 'listed',
  alwaysLoad: true,
  annotations: readOnly,
  input: getContextInput,
  output: z.object({
    receipt: z.string(),
    as_of: z.string(),
    tokens: z.number(),
    budget_tokens: z.number(),
    shown: z.number(),
    left_out: z.number(),
  }),
  async handle(ctx, memory, args) {
    const { text, summary } = await getContext(ctx, memory, args)
    return { text, structured: { ...summary } }
  },
})
