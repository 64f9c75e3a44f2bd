/** Resources of a project: the same memories, for clients that read by URI and for people who attach them. */
import { ResourceTemplate, type McpServer, type ServerContext } from '@modelcontextprotocol/server'
import { getContext, getContextInput } from '../domain/bundle/get-context.ts'
import type { Context, Log } from '../domain/context.ts'
import { notFound } from '../domain/errors.ts'
import { wrapInjected } from '../domain/ingest/injected-text.ts'
import { limits } from '../domain/limits.ts'
import { shownAuthor } from '../domain/provenance.ts'
import { formatAnchorRef, formatFrameRef, formatTaskRef } from '../domain/refs.ts'
import { fingerprint, formatCursor, parseCursor } from '../domain/search/cursor.ts'
import { getMemory } from '../domain/search/get-memory.ts'
import { getActiveTasks, getActiveTasksInput } from '../domain/task/get-active-tasks.ts'
import { authorize } from '../domain/policy.ts'
import type { Memory } from '../domain/ports.ts'
import { projectUri } from './events.ts'
import { presentItem } from './tools/get-memory.ts'
import { indent } from './tools/present.ts'
import { wrapRequest } from './transport/wrap-tool.ts'
import { titleOf } from '../domain/text.ts'

const markdown = 'text/markdown'
const pageSize = 50
const completionsMax = 100

/** Opens the context of a call in the project of its URI. */
export type Enter = (org: string, project: string, call?: ServerContext) => Promise<Context>

interface Overview {
  title: string
  description: string
  read(ctx: Context, memory: Memory): Promise<string>
}

const bundle = async (ctx: Context, memory: Memory, detail: 'index' | 'standard') =>
  (
    await getContext(
      ctx,
      memory,
      getContextInput.parse({ budget_tokens: limits.budgetTokensMax / 2, detail }),
    )
  ).text

const listDecisions = async (ctx: Context, memory: Memory) => {
  authorize(ctx, 'memory:read')
  const anchors = await memory.transact(ctx, async (stores) => stores.anchors.listInForce(200, null))
  return anchors.map(
    (anchor) =>
      `- ${formatAnchorRef(anchor.refNo)} ${anchor.type} (${anchor.occurredAt.toISOString().slice(0, 10)}, ${shownAuthor(anchor)}): ${indent(anchor.content)}`,
  )
}

const listFrames = async (ctx: Context, memory: Memory) => {
  authorize(ctx, 'memory:read')
  const frames = await memory.transact(ctx, async (stores) => stores.frames.listOpen(200, null))
  return frames.map(
    (frame) =>
      `${'  '.repeat(frame.depth)}- ${formatFrameRef(frame.refNo)} ${indent(frame.name)} (since ${frame.startedAt.toISOString().slice(0, 16)}, ${frame.authorName} via ${frame.clientName})`,
  )
}

const listTasks = async (ctx: Context, memory: Memory) => {
  const { tasks } = await getActiveTasks(ctx, memory, getActiveTasksInput.parse({ limit: 100 }))
  return tasks.map(
    (task) => `- ${task.ref} [${task.ready ? 'ready' : task.status}, ${task.priority}] ${indent(task.title)}`,
  )
}

const countStats = async (ctx: Context, memory: Memory) => {
  authorize(ctx, 'memory:read')
  return memory.transact(ctx, async (stores) => {
    const [size, open, tasks] = await Promise.all([
      stores.search.size(null),
      stores.frames.countOpen(),
      stores.tasks.metrics(),
    ])
    return [
      `- Indexed chunks: ${size.entries}`,
      `- Open frames: ${open}`,
      ...Object.entries(tasks).map(([status, count]) => `- Tasks ${status.replace('_', ' ')}: ${count}`),
    ]
  })
}

const orNothing = (rows: readonly string[]) =>
  rows.length ? wrapInjected(rows.join('\n'), { receipt: 'resource' }) : 'Nothing yet.'

const overviews: Record<string, Overview> = {
  context: {
    title: 'Context bundle',
    description: 'What this project knows, without a question.',
    read: async (ctx, memory) => bundle(ctx, memory, 'standard'),
  },
  recent: {
    title: 'Recent work',
    description: 'An index of what happened last.',
    read: async (ctx, memory) => bundle(ctx, memory, 'index'),
  },
  decisions: {
    title: 'In force',
    description: 'Decisions, constraints and other statements in force.',
    read: async (ctx, memory) => orNothing(await listDecisions(ctx, memory)),
  },
  stack: {
    title: 'Open frames',
    description: 'Units of work that are open, and whose.',
    read: async (ctx, memory) => orNothing(await listFrames(ctx, memory)),
  },
  tasks: {
    title: 'Open tasks',
    description: 'Tasks, ready ones first.',
    read: async (ctx, memory) => orNothing(await listTasks(ctx, memory)),
  },
  stats: {
    title: 'Statistics',
    description: 'How much is stored.',
    read: async (ctx, memory) => orNothing(await countStats(ctx, memory)),
  },
}

interface Listed {
  uri: string
  name: string
  title: string
  mimeType: string
  description?: string
}

/** Everything of one project that can be listed, in a fixed order: overviews, open frames, statements, tasks. */
const listProject = async (ctx: Context, memory: Memory): Promise<Listed[]> => {
  authorize(ctx, 'memory:read')
  const { project } = ctx
  const [frames, anchors, tasks] = await memory.transact(ctx, async (stores) =>
    Promise.all([
      stores.frames.listOpen(100, null),
      stores.anchors.listInForce(300, null),
      stores.tasks.list({ statuses: ['todo', 'in_progress', 'blocked'], limit: 100 }, null),
    ]),
  )
  const item = (ref: string, title: string): Listed => ({
    uri: projectUri(project, `memory/${ref}`),
    name: ref,
    title: titleOf(title, 80),
    mimeType: markdown,
  })
  return [
    ...Object.entries(overviews).map(([path, { title, description }]) => ({
      uri: projectUri(project, path),
      name: `${project.slug}/${path}`,
      title,
      description,
      mimeType: markdown,
    })),
    ...frames.map((frame) => item(formatFrameRef(frame.refNo), frame.name)),
    ...anchors.map((anchor) => item(formatAnchorRef(anchor.refNo), anchor.content)),
    ...tasks.map((task) => item(formatTaskRef(task.refNo), task.title)),
  ]
}

const listResources = async (
  contexts: readonly Context[],
  memory: Memory,
  cursorText: string | undefined,
) => {
  const question = fingerprint(['resources', ...contexts.map((ctx) => ctx.project.id)])
  const { offset } = cursorText === undefined ? { offset: 0 } : parseCursor(cursorText, question)
  const all: Listed[] = []
  for (const ctx of contexts) all.push(...(await listProject(ctx, memory)))
  const next = offset + pageSize
  const asOf = contexts[0]?.now ?? new Date(0)
  return {
    resources: all.slice(offset, next),
    ...(next < all.length && { nextCursor: formatCursor({ offset: next, asOf }, question) }),
  }
}

const single = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value) ?? ''

const completeRef = async (ctx: Context, memory: Memory, typed: string) => {
  const listed = await listProject(ctx, memory)
  const refs = listed.filter((each) => each.uri.includes('/memory/')).map((each) => each.name)
  return refs.filter((ref) => ref.startsWith(typed.toUpperCase())).slice(0, completionsMax)
}

/** Completions name only what the caller may enter: another tenant's project has no first letter here. */
const completions = ({ contexts, enter, memory, log }: ResourceOptions) => ({
  org: wrapRequest(
    async (typed: string) =>
      [...new Set((await contexts()).map((ctx) => ctx.project.organizationSlug))].filter((slug) =>
        slug.startsWith(typed),
      ),
    log,
  ),
  project: wrapRequest(
    async (typed: string) =>
      (await contexts())
        .map((ctx) => ctx.project.slug)
        .filter((slug) => slug.startsWith(typed))
        .slice(0, completionsMax),
    log,
  ),
  view: (typed: string) => Object.keys(overviews).filter((path) => path.startsWith(typed)),
  ref: wrapRequest(async (typed: string, given?: { arguments?: Record<string, string> }) => {
    const { org, project } = given?.arguments ?? {}
    const [ctx] = org && project ? [await enter(org, project)] : await contexts()
    return ctx ? completeRef(ctx, memory, typed) : []
  }, log),
})

export interface ResourceOptions {
  memory: Memory
  log: Log
  enter: Enter
  /** One context for each project that the caller may enter. */
  contexts: (call?: ServerContext) => Promise<Context[]>
}

export const registerResources = (server: McpServer, options: ResourceOptions) => {
  const { memory, enter, log } = options
  const complete = completions(options)
  const answer = (uri: URL, text: string) => ({ contents: [{ uri: uri.href, mimeType: markdown, text }] })
  server.registerResource(
    'overview',
    new ResourceTemplate('stackmemory://{org}/{project}/{view}', { list: undefined, complete }),
    {
      title: 'Overview of a project',
      description: `One of ${Object.keys(overviews).join(', ')}.`,
      mimeType: markdown,
    },
    wrapRequest(async (uri: URL, given: Record<string, string | string[]>, call: ServerContext) => {
      const ctx = await enter(single(given['org']), single(given['project']), call)
      const name = single(given['view'])
      const view = Object.hasOwn(overviews, name) ? overviews[name] : undefined
      if (!view) throw notFound(`There is no such view. Choose one of ${Object.keys(overviews).join(', ')}.`)
      return answer(uri, await view.read(ctx, memory))
    }, log),
  )
  server.registerResource(
    'memory',
    new ResourceTemplate('stackmemory://{org}/{project}/memory/{ref}', { list: undefined, complete }),
    {
      title: 'One memory',
      description: 'A frame, decision, event or task by its reference.',
      mimeType: markdown,
    },
    wrapRequest(async (uri: URL, given: Record<string, string | string[]>, call: ServerContext) => {
      const ctx = await enter(single(given['org']), single(given['project']), call)
      const { items } = await getMemory(ctx, memory, {
        ids: [single(given['ref'])],
        around: false,
        before: 0,
        after: 0,
        include: ['history'],
      })
      return answer(uri, wrapInjected(items.map(presentItem).join('\n'), { receipt: 'resource' }))
    }, log),
  )
  server.server.setRequestHandler(
    'resources/list',
    wrapRequest(
      async (request: { params?: { cursor?: string } }, call: ServerContext) =>
        listResources(await options.contexts(call), memory, request.params?.cursor),
      log,
    ),
  )
}
