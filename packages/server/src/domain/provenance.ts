import type { Context } from './context.ts'
import type { Provenance, Source } from './memory.ts'

/** Who records, through which client. The channel decides the source; the text never does. */
export const provenanceOf = (
  ctx: Context,
  source: Source = ctx.principal.credential.kind === 'local' ? 'person' : 'agent',
): Provenance => ({
  authorId: ctx.principal.userId,
  authorName: ctx.principal.userName,
  clientName: ctx.principal.client.name,
  source,
})
