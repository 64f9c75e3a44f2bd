/** Loads everything that a bundle may be made of, in one transaction, as of one moment. */
import type { Context } from '../context.ts'
import { notFound } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Anchor, Digest, Frame, MemoryEvent } from '../memory.ts'
import type { Candidate, Stores, TaskWithBlockers } from '../ports.ts'
import { formatFrameRef } from '../refs.ts'
import { getFrame } from '../resolve.ts'
import type { LexemeStatistics } from '../retrieval/bm25.ts'
import { loadItems, type FoundItem } from '../search/load-items.ts'
import { retrieve, type Retrieval } from '../search/retrieve.ts'

export interface BundleRequest {
  query: string
  files: string[]
  frame: string | undefined
  branch: string | undefined
  asOf: Date | null
  statistics: LexemeStatistics | undefined
}

export interface Gathered {
  stack: Frame[]
  /** Only without a stack, in whose place they are shown. */
  openFrames: Frame[]
  /** Last events of the innermost frame of the stack, oldest first. */
  lastEvents: MemoryEvent[]
  handoff: { digest: Digest; frame: Frame } | undefined
  anchors: Anchor[]
  instructions: FoundItem[]
  /** Only when the search found nothing, in whose place they are shown. */
  recentDigests: { digest: Digest; frame: Frame }[]
  tasks: TaskWithBlockers[]
  retrieval: Retrieval | undefined
}

const openFramesMax = 50
const lastEventsMax = 12
const anchorsMax = 300
const instructionsMax = 20
const recentDigestsMax = 8
const tasksMax = 100

/** What the search is about: the question, and the work it is asked from. */
const searchText = (request: BundleRequest, stack: readonly Frame[]) => {
  const innermost = stack.at(-1)
  return [request.query, ...(innermost ? [innermost.name, innermost.goal] : []), ...request.files]
    .filter((part) => part !== '')
    .join('\n')
    .slice(0, limits.queryChars * 2)
}

const withFrames = async (stores: Stores, digests: readonly Digest[]) => {
  const frames = new Map(
    (await stores.frames.findMany(digests.map((digest) => digest.frameId))).map((frame) => [frame.id, frame]),
  )
  return digests.flatMap((digest) => {
    const frame = frames.get(digest.frameId)
    return frame ? [{ digest, frame }] : []
  })
}

const loadInstructions = async (stores: Stores, asOf: Date | null): Promise<FoundItem[]> => {
  const rows = (await stores.search.instructions(instructionsMax, asOf)).filter(
    (row: Candidate) => row.itemKind === 'event',
  )
  const found = await loadItems(stores, rows, asOf)
  return rows.flatMap((row) => {
    const item = found.get(row.itemId)
    return item ? [{ ...item, tokens: row.tokens }] : []
  })
}

const loadStack = async (stores: Stores, request: BundleRequest) => {
  if (request.frame === undefined) return []
  const frame = await getFrame(stores, request.frame)
  if (request.asOf && frame.createdAt > request.asOf)
    throw notFound(
      `${formatFrameRef(frame.refNo)} was not there at that moment. Leave frame out, or ask about a later moment.`,
    )
  return stores.frames.callStack(frame.id, request.asOf)
}

export const gather = async (ctx: Context, stores: Stores, request: BundleRequest): Promise<Gathered> => {
  const { asOf } = request
  const stack = await loadStack(stores, request)
  const innermost = stack.at(-1)
  const text = searchText(request, stack)
  // The search goes first: the rest is read while it counts, and while its second step runs.
  const [retrieval, openFrames, lastEvents, [handoff], anchors, instructions, tasks] = await Promise.all([
    text === ''
      ? undefined
      : retrieve(ctx, stores, {
          text,
          files: request.files,
          callStack: stack.map((frame) => frame.id).toReversed(),
          asOf,
          statistics: request.statistics,
        }),
    innermost ? [] : stores.frames.listOpen(openFramesMax, asOf),
    innermost ? stores.events.recent(innermost.id, lastEventsMax, asOf) : [],
    stores.digests.latestHandoff(asOf).then(async (digest) => withFrames(stores, digest ? [digest] : [])),
    stores.anchors.listInForce(anchorsMax, asOf),
    loadInstructions(stores, asOf),
    stores.tasks.list({ statuses: ['todo', 'in_progress', 'blocked'], limit: tasksMax }, asOf),
  ])
  return {
    stack,
    openFrames,
    lastEvents: lastEvents.toReversed(),
    handoff,
    anchors: anchors.filter(
      (anchor) =>
        anchor.scope === 'project' || request.branch === undefined || anchor.branch === request.branch,
    ),
    instructions,
    recentDigests: retrieval?.ranked.length
      ? []
      : await withFrames(stores, await stores.digests.recent(recentDigestsMax, asOf)),
    tasks,
    retrieval,
  }
}
