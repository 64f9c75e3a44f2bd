import { z } from 'zod'
import { searchMemory, searchMemoryInput, type SearchHit } from '../../domain/search/search-memory.ts'
import { wrapInjected } from '../../domain/ingest/injected-text.ts'
import { day, indent, lines } from './present.ts'
import { defineTool, readOnly } from './tool.ts'

/** One row for each hit; the name of a frame stands in the first row that is from it. */
const presentHits = (hits: readonly SearchHit[]): string[] => {
  const named = new Set<string>()
  return hits.map((hit) => {
    const isNew = hit.frame !== null && !named.has(hit.frame)
    if (hit.frame !== null) named.add(hit.frame)
    return presentHit(hit, isNew && hit.frameName ? ` ${hit.frameName}` : '')
  })
}

const presentHit = (hit: SearchHit, frameName: string) => {
  const status = hit.supersededBy ? `superseded by ${hit.supersededBy}` : hit.status
  const where = hit.frame ? `, in ${hit.frame}${frameName}` : ''
  const title = hit.snippet.startsWith(hit.title.replace(/…$/, '')) ? '' : `${hit.title.replace(/:+$/, '')}: `
  return indent(
    `- ${hit.ref} ${hit.kind} [${status}] ${day(hit.date)}, ${hit.author}${where}: ${title}${hit.snippet}`,
  )
}

export const searchMemoryTool = defineTool({
  name: 'search_memory',
  title: 'Search memory',
  description:
    'Search earlier work: decisions, dead ends, errors, files, what was said and done. Returns short rows with references; get_memory opens them.',
  scope: 'memory:read',
  visibility: 'listed',
  alwaysLoad: true,
  annotations: readOnly,
  input: searchMemoryInput,
  output: z.object({
    hits: z.array(
      z.object({
        ref: z.string(),
        kind: z.string(),
        status: z.string(),
        date: z.string(),
        score: z.number(),
      }),
    ),
    matched: z.number(),
    next_cursor: z.string().nullable(),
  }),
  async handle(ctx, memory, args) {
    const { hits, matched, nextCursor } = await searchMemory(ctx, memory, args)
    const text = hits.length
      ? lines(
          presentHits(hits),
          nextCursor ? `${matched - hits.length} more; go on with cursor "${nextCursor}".` : null,
        )
      : 'Nothing in this project matches. Try fewer or other words, or get_context without a query.'
    return {
      text: hits.length ? wrapInjected(text, { receipt: 'search' }) : text,
      structured: {
        hits: hits.map(({ ref, kind, status, date, score }) => ({ ref, kind, status, date, score })),
        matched,
        next_cursor: nextCursor,
      },
    }
  },
})
