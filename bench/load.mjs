/** Fills a project through the product's own stores and indexer, a few frames to a transaction. */
import { v7 as uuidv7 } from 'uuid'
import { anchorsPerFrame, createCorpus, eventsPerFrame, memoriesPerFrame, tasksPerFrame } from './corpus.mjs'
import { silentLog } from './product.mjs'

const framesPerTransaction = 10
const openFrames = 20
const dayMs = 86_400_000

export const contextOf = (principal, project) => ({
  principal,
  project,
  requestId: uuidv7(),
  signal: new AbortController().signal,
  now: new Date(),
  newId: uuidv7,
  log: silentLog,
})

const chanceCount = (random, mean) => Math.floor(mean) + (random.chance(mean % 1) ? 1 : 0)

const historyOf = (corpus, product, ctx, stores, { at, isOpen, isLast }) => {
  const { random } = corpus
  const by = {
    authorId: ctx.principal.userId,
    authorName: ctx.principal.userName,
    clientName: 'bench',
    source: 'agent',
  }
  const minutes = (count) => new Date(at.getTime() + count * 60_000)
  const frame = {
    ...by,
    ...corpus.frame(),
    id: uuidv7(),
    parentId: null,
    depth: 0,
    type: 'task',
    status: isOpen ? 'open' : 'closed',
    outcome: isOpen ? null : isLast ? 'handoff' : 'done',
    constraints: [],
    branch: 'main',
    taskId: null,
    eventCount: eventsPerFrame,
    externalKey: null,
    startedAt: at,
    lastActivityAt: minutes(60),
    closedAt: isOpen ? null : minutes(60),
    createdAt: at,
    deletedAt: null,
  }
  const events = Array.from({ length: eventsPerFrame }, (_, index) => ({
    ...by,
    actor: '',
    tool: '',
    isError: false,
    ...corpus.event(),
    id: uuidv7(),
    frameId: frame.id,
    seq: index + 1,
    data: {},
    externalKey: null,
    occurredAt: minutes(index),
    createdAt: minutes(index),
    deletedAt: null,
  }))
  const anchors = Array.from({ length: chanceCount(random, anchorsPerFrame) }, () => {
    const said = corpus.statement()
    // A project keeps some hundred statements in force; the rest was superseded, retracted or expired.
    const status = random.chance(0.2) ? 'active' : random.pick(['retracted', 'expired', 'expired'])
    return {
      ...by,
      ...said,
      id: uuidv7(),
      version: 1,
      status,
      alternatives: [],
      scope: 'project',
      branch: null,
      priority: 4 + random.below(4),
      pinned: random.chance(0.01),
      frameId: frame.id,
      supersededBy: null,
      unit: null,
      places: [],
      contentHash: product.contentHash(said.type, said.content, ''),
      statusReason: '',
      confirmedAt: null,
      expiresAt: null,
      externalKey: null,
      occurredAt: minutes(30),
      createdAt: minutes(30),
      updatedAt: minutes(30),
      deletedAt: null,
    }
  })
  const tasks = Array.from({ length: chanceCount(random, tasksPerFrame) }, () => {
    const status = random.chance(0.06) ? random.pick(['todo', 'in_progress', 'blocked']) : 'done'
    return {
      ...by,
      ...corpus.task(),
      id: uuidv7(),
      version: 1,
      status,
      priority: random.pick(['low', 'medium', 'high', 'urgent']),
      tags: [],
      parentId: null,
      frameId: frame.id,
      progress: status === 'done' ? 100 : 0,
      note: '',
      claimedBy: null,
      claimedByName: null,
      claimedAt: null,
      externalKey: null,
      createdAt: at,
      updatedAt: minutes(50),
      closedAt: status === 'done' ? minutes(50) : null,
      deletedAt: null,
    }
  })
  return { frame, events, anchors, tasks, by }
}

const digestOf = (product, { frame, anchors, events, by }, summary) => {
  const facts = {
    frame,
    outcome: frame.outcome,
    summary,
    deadEnds: [],
    nextSteps: [],
    anchors,
    below: [],
    durationMs: 3_600_000,
    events: {
      counts: { message: 17, tool_call: 10, tool_result: 10 },
      files: [...new Set(events.flatMap((event) => event.files))].slice(0, 20),
      errors: [],
    },
  }
  const body = product.buildDigestBody(facts)
  return {
    ...by,
    id: uuidv7(),
    frameId: frame.id,
    outcome: frame.outcome,
    summary,
    text: product.renderDigest(facts, body),
    body,
    durationMs: 3_600_000,
    occurredAt: frame.closedAt,
    createdAt: frame.closedAt,
    deletedAt: null,
  }
}

const versionOf = (anchor) => ({
  anchorId: anchor.id,
  version: 1,
  status: anchor.status,
  content: anchor.content,
  rationale: anchor.rationale,
  priority: anchor.priority,
  pinned: anchor.pinned,
  supersededBy: null,
  statusReason: '',
  confirmedAt: null,
  expiresAt: null,
  changedBy: anchor.authorId,
  changedByName: anchor.authorName,
  clientName: anchor.clientName,
  changedAt: anchor.createdAt,
})

const insert = async (product, stores, history, summary) => {
  const { frame, events, anchors, tasks } = history
  frame.refNo = await stores.nextRef()
  for (const each of [...anchors, ...tasks]) each.refNo = await stores.nextRef()
  await stores.frames.insert(frame)
  const digest = frame.status === 'closed' ? digestOf(product, history, summary) : undefined
  await Promise.all([
    stores.events.insertMany(events),
    ...anchors.flatMap((anchor) => [
      stores.anchors.insert(anchor),
      stores.anchors.insertVersion(versionOf(anchor)),
    ]),
    ...tasks.map((task) => stores.tasks.insert(task)),
    ...(digest ? [stores.digests.insert(digest)] : []),
    stores.search.insertMany([
      ...product.frameEntries(frame),
      ...events.flatMap(product.eventEntries),
      ...anchors.flatMap(product.anchorEntries),
      ...tasks.flatMap(product.taskEntries),
      ...(digest ? product.digestEntries(digest) : []),
    ]),
  ])
  return 1 + events.length + anchors.length + tasks.length + (digest ? 1 : 0)
}

/** @returns how many memories were written and how long it took, in ms. */
export const loadMemories = async (
  product,
  memory,
  principal,
  project,
  { memories, seed = 1, onProgress },
) => {
  const corpus = createCorpus(seed)
  const frames = Math.max(1, Math.round(memories / memoriesPerFrame))
  const startedAt = performance.now()
  const startMs = Date.now() - 365 * dayMs
  let written = 0
  for (let from = 0; from < frames; from += framesPerTransaction) {
    const ctx = contextOf(principal, project)
    written += await memory.transact(
      ctx,
      async (stores) => {
        let count = 0
        for (let index = from; index < Math.min(frames, from + framesPerTransaction); index++) {
          const at = new Date(startMs + (index / frames) * 364 * dayMs)
          const isOpen = index >= frames - Math.min(openFrames, Math.floor(frames / 10))
          const isLast = index === frames - Math.min(openFrames, Math.floor(frames / 10)) - 1
          const history = historyOf(corpus, product, ctx, stores, { at, isOpen, isLast })
          count += await insert(product, stores, history, corpus.prose(20, 60))
        }
        return count
      },
      { durable: false },
    )
    onProgress?.(written)
  }
  return { written, durationMs: performance.now() - startedAt }
}
