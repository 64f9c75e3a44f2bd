import { z } from 'zod'
import { updateMemory, updateMemoryInput } from '../../domain/anchor/update-memory.ts'
import { lines } from './present.ts'
import { defineTool, destructive } from './tool.ts'

export const updateMemoryTool = defineTool({
  name: 'update_memory',
  title: 'Update a memory',
  description:
    'Confirm, supersede, retract, pin, expire or forget a memory. Nothing is overwritten; forget hides it everywhere.',
  scope: 'memory:write',
  visibility: 'listed',
  annotations: destructive,
  input: updateMemoryInput,
  output: z.object({ ref: z.string(), status: z.string(), replacement: z.string().nullable() }),
  async handle(ctx, memory, args) {
    const updated = await updateMemory(ctx, memory, args)
    return {
      text: lines(
        `${updated.ref} is ${updated.status}.`,
        updated.replacement && `${updated.replacement} replaces it.`,
      ),
      structured: { ref: updated.ref, status: updated.status, replacement: updated.replacement },
    }
  },
})
