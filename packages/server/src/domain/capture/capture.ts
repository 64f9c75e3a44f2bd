/**
 * Records what a client's hooks report, one transaction at a time: nothing is acknowledged that is not committed.
 *
 * The same report again stores nothing: tool calls carry an id, and for what was said either the report has an
 * identity of its own (`identity`), or it counts as repeated while nothing else has been recorded since.
 */
import { createHash } from 'node:crypto'
import type { Context } from '../context.ts'
import { appendEvents, type EventInput } from '../event/record-events.ts'
import { limits } from '../limits.ts'
import type { Frame } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, Stores } from '../ports.ts'
import { formatFrameRef } from '../refs.ts'
import { sayingBase, sayingKey } from './keys.ts'
import { type DigestReason, saveDigest } from './save-digest.ts'
import { type CapturedFrame, endCapturedFrame, ensureCapturedFrame } from './session-frame.ts'

export interface Captured {
  readonly session: CapturedFrame
  /** The agent that the session started, when the report is about its work. */
  readonly agent?: CapturedFrame
  /** In their order. Tool calls and results have a `key`; messages get theirs here. */
  readonly events: readonly EventInput[]
  /** Tells this report from another with the same words; undefined when the client gives nothing to tell by. */
  readonly identity?: string
  /** The person goes on with this session: its frame is open again if it was closed. */
  readonly continues?: boolean
  readonly digest?: DigestReason
}

export interface CaptureResult {
  /** `full`: the session has as many events as are kept. `forgotten`: somebody forgot it, and it stays so. */
  readonly status: 'stored' | 'nothing' | 'full' | 'forgotten'
  readonly frame: string | null
  readonly recorded: number
}

const nothing: CaptureResult = { status: 'nothing', frame: null, recorded: 0 }

/** All of one session, in their order and in one transaction. @throws forbidden without the scope memory:write. */
export const capture = async (
  ctx: Context,
  memory: Memory,
  reports: readonly Captured[],
): Promise<CaptureResult[]> => {
  authorize(ctx, 'memory:write')
  return memory.transact(ctx, async (stores) => {
    const results: CaptureResult[] = []
    for (const report of reports) results.push(await captureOne(ctx, stores, report))
    return results
  })
}

const captureOne = async (ctx: Context, stores: Stores, report: Captured): Promise<CaptureResult> => {
  const frame = await findTarget(ctx, stores, report)
  if (frame === undefined) return nothing
  const ref = formatFrameRef(frame.refNo)
  if (frame.deletedAt) return { status: 'forgotten', frame: ref, recorded: 0 }
  if (report.continues && frame.status === 'closed') await stores.frames.reopen(frame.id, ctx.now)
  const isFull = frame.eventCount >= limits.capturedEventsPerSession
  const recorded = isFull ? 0 : await record(ctx, stores, frame, report)
  if (report.digest) await digest(ctx, stores, frame.id, report.digest)
  if (isFull && report.events.length > 0) return { status: 'full', frame: ref, recorded }
  return { status: 'stored', frame: ref, recorded }
}

/** A report that brings no event opens no frame: a session in which nothing happened leaves nothing. */
const findTarget = async (
  ctx: Context,
  stores: Stores,
  { session, agent, events }: Captured,
): Promise<Frame | undefined> => {
  if (events.length === 0) return stores.frames.findByExternalKey((agent ?? session).key)
  const root = await ensureCapturedFrame(ctx, stores, session)
  if (agent === undefined || root.deletedAt) return root
  return ensureCapturedFrame(ctx, stores, agent, root)
}

const record = async (ctx: Context, stores: Stores, frame: Frame, report: Captured): Promise<number> => {
  if (report.events.length === 0) return 0
  await stores.frames.lock(frame.id) // counting what was said before needs the frame to itself
  if (!(await isFirst(ctx, stores, report))) return 0
  const events: EventInput[] = []
  for (const event of report.events)
    events.push(event.key === undefined ? await numberSaying(stores, frame, event, report) : event)
  const fresh = events.filter((event) => event.key !== undefined)
  if (fresh.length === 0) return 0
  const options = { source: 'agent', allowClosed: true } as const
  return (await appendEvents(ctx, stores, frame, fresh, options)).recorded.length
}

/** Claims the identity of a report, in the transaction of its events; false when an earlier one holds it. */
const isFirst = async (ctx: Context, stores: Stores, { identity, session }: Captured): Promise<boolean> => {
  if (identity === undefined) return true
  const key = createHash('sha256').update(`${session.key}\0${identity}`).digest('hex')
  const claim = { operation: 'hook', key, authorId: ctx.principal.userId, requestHash: key, at: ctx.now }
  return stores.idempotency.claim(claim)
}

const sayingsPerLook = 20

/** The next number of what was said; without a key when it is the last thing recorded, sent again. */
const numberSaying = async (
  stores: Stores,
  frame: Frame,
  event: EventInput,
  { identity }: Captured,
): Promise<EventInput> => {
  const base = sayingBase(frame.externalKey ?? frame.id, event.role, event.content)
  let count = 0
  for (;;) {
    const keys = Array.from({ length: sayingsPerLook }, (_, index) => sayingKey(base, count + index + 1))
    const known = await stores.events.knownExternalKeys(keys)
    count += known.length
    if (known.length < keys.length) break
  }
  if (count > 0 && identity === undefined) {
    const [last] = await stores.events.recent(frame.id, 1, null)
    if (last?.externalKey === sayingKey(base, count)) return { ...event, key: undefined }
  }
  return { ...event, key: sayingKey(base, count + 1) }
}

/** Only of an open frame: what an agent wrote when it closed one is not replaced. */
const digest = async (ctx: Context, stores: Stores, frameId: string, reason: DigestReason) => {
  const frame = await stores.frames.lock(frameId)
  if (frame?.status !== 'open') return
  await (reason === 'end' ? endCapturedFrame(ctx, stores, frame) : saveDigest(ctx, stores, frame, reason))
}
