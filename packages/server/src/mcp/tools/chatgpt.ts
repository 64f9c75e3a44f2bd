/** The pair of read-only tools that ChatGPT's connectors look for, by these names and shapes. */
import { z } from 'zod'
import { getMemory } from '../../domain/search/get-memory.ts'
import { wrapInjected } from '../../domain/ingest/injected-text.ts'
import { searchMemory } from '../../domain/search/search-memory.ts'
import { limits } from '../../domain/limits.ts'
import { text } from '../../domain/text.ts'
import { presentItem } from './get-memory.ts'
import { defineTool, readOnly } from './tool.ts'

export const searchTool = defineTool({
  name: 'search',
  title: 'Search',
  description: 'Search the memory of this project. Returns ids for fetch.',
  scope: 'memory:read',
  visibility: 'hidden',
  annotations: readOnly,
  input: z.strictObject({ query: text(limits.queryChars) }),
  output: z.object({ results: z.array(z.object({ id: z.string(), title: z.string(), url: z.string() })) }),
  async handle(ctx, memory, { query }) {
    const { hits } = await searchMemory(ctx, memory, {
      query,
      status: 'any',
      limit: limits.searchHitsDefault,
    })
    const results = hits.map((hit) => ({
      id: hit.ref,
      title: hit.title,
      url: `stackmemory://${ctx.project.organizationSlug}/${ctx.project.slug}/memory/${hit.ref}`,
    }))
    return { text: JSON.stringify({ results }), structured: { results } }
  },
})

export const fetchTool = defineTool({
  name: 'fetch',
  title: 'Fetch',
  description: 'Full text of one memory by id.',
  scope: 'memory:read',
  visibility: 'hidden',
  annotations: readOnly,
  input: z.strictObject({ id: z.string().min(1).max(80) }),
  output: z.object({
    id: z.string(),
    title: z.string(),
    text: z.string(),
    url: z.string(),
    metadata: z.record(z.string(), z.string()),
  }),
  async handle(ctx, memory, { id }) {
    const { items } = await getMemory(ctx, memory, {
      ids: [id],
      around: false,
      before: 0,
      after: 0,
      include: [],
    })
    const [item] = items
    if (!item) throw new Error('getMemory answered without an item')
    const structured = {
      id: item.ref,
      title: item.title,
      text: wrapInjected(presentItem(item), { receipt: 'fetch' }),
      metadata: { status: item.status, author: item.author, date: item.date },
      url: `stackmemory://${ctx.project.organizationSlug}/${ctx.project.slug}/memory/${item.ref}`,
    }
    return { text: JSON.stringify(structured), structured }
  },
})
