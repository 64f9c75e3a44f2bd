import type { Context } from './context.ts'
import type { Place, Provenance, Source } from './memory.ts'

/** Who records, through which client. The channel decides the source; the text never does. */
export const provenanceOf = (ctx: Context, source: Source = ctx.source ?? 'agent'): Provenance => ({
  authorId: ctx.principal.userId,
  authorName: ctx.principal.userName,
  clientName: ctx.principal.client.name,
  source,
})

/** Who stands beside a memory: whoever ran an import did not say what it brought. */
export const shownAuthor = (item: Pick<Provenance, 'authorName' | 'source'>) =>
  item.source === 'import' ? 'imported' : item.authorName

/** `CLAUDE.md:42, Testing › Unit (ana)`: where the source of an import said it when it was last read. */
export const showPlaces = (places: readonly Place[]): string[] =>
  places.map(
    ({ place, line, heading, author }) =>
      `${place}${line === undefined ? '' : `:${line}`}${heading ? `, ${heading}` : ''}${author ? ` (${author})` : ''}`,
  )
