/**
 * Closing a frame closes what is below it in a defined way:
 * - open frames below that the same person opened through the same client are closed with it, as abandoned
 *   (or handed off with it), each with a digest of its own, deepest first;
 * - open frames below that somebody else opened stay open and move up to the nearest frame that is still
 *   open, so that one agent's close never ends another agent's work.
 */
import { z } from 'zod'
import { recordAnchor } from '../anchor/record-anchor.ts'
import { createCleaner, type CleanReport } from '../clean.ts'
import type { Context } from '../context.ts'
import { invalidInput } from '../errors.ts'
import { once } from '../idempotency.ts'
import { digestEntries } from '../index-memory.ts'
import { limits } from '../limits.ts'
import { outcomes, type Digest, type Frame, type Outcome } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, Stores } from '../ports.ts'
import { provenanceOf } from '../provenance.ts'
import { formatAnchorRef, formatFrameRef } from '../refs.ts'
import { getFrame } from '../resolve.ts'
import { contentHash, idempotencyKey, optionalText, ref, textList } from '../text.ts'
import { buildDigestBody, renderDigest } from './build-digest.ts'
import { gatherFacts } from './gather-facts.ts'

export const closeFrameInput = z.strictObject({
  frame: ref.describe('Frame to close, e.g. F12.'),
  summary: optionalText(limits.summaryChars).describe('What happened and why, in your words.'),
  outcome: z.enum(outcomes).default('done').describe('handoff: somebody else continues.'),
  decisions: textList().default([]).describe('Decisions to pin.'),
  dead_ends: textList().default([]).describe('What was tried and failed, and why.'),
  next_steps: textList().default([]).describe('What comes next, ready to act on.'),
  idempotency_key: idempotencyKey,
})
export type CloseFrameInput = z.infer<typeof closeFrameInput>

export interface ClosedFrame {
  ref: string
  outcome: Outcome
  digest: string
  pinned: string[]
  closedWithIt: string[]
  movedUp: string[]
  cleaned: CleanReport
}

interface Ending {
  outcome: Outcome
  summary: string
  deadEnds: string[]
  nextSteps: string[]
  at: Date
}

/** Closes one frame whose children are dealt with, and writes its digest. */
export const endFrame = async (
  ctx: Context,
  stores: Stores,
  frame: Frame,
  ending: Ending,
): Promise<Digest> => {
  const facts = {
    frame,
    ...ending,
    ...(await gatherFacts(stores, frame)),
    durationMs: Math.max(0, ending.at.getTime() - frame.startedAt.getTime()),
  }
  const body = buildDigestBody(facts)
  const digest: Digest = {
    ...provenanceOf(ctx),
    id: ctx.newId(),
    frameId: frame.id,
    outcome: ending.outcome,
    summary: ending.summary,
    body,
    text: renderDigest(facts, body),
    durationMs: facts.durationMs,
    occurredAt: ending.at,
    createdAt: ctx.now,
    deletedAt: null,
  }
  await Promise.all([
    stores.frames.close(frame.id, ending.outcome, ending.at),
    stores.digests.insert(digest),
    stores.search.insertMany(digestEntries(digest)),
  ])
  return digest
}

const isOwnWork = (ctx: Context, frame: Frame) =>
  frame.authorId === ctx.principal.userId && frame.clientName === ctx.principal.client.name

/**
 * Open frames below, deepest first. A frame that another writer is just starting under one of them is not in the
 * first answer, which waited for that writer; once all are locked nobody can start another, so asking until the
 * answer stays the same finds them all.
 */
const lockOpenBelow = async (stores: Stores, frame: Frame) => {
  let open = await stores.frames.lockOpenDescendants(frame.id)
  for (;;) {
    const again = await stores.frames.lockOpenDescendants(frame.id)
    if (again.length === open.length) return again
    open = again
  }
}

/** Deals with the open frames below, deepest first; returns what happened to whom. */
const settleChildren = async (ctx: Context, stores: Stores, frame: Frame, outcome: Outcome) => {
  const open = await lockOpenBelow(stores, frame)
  const own = new Set([frame.id, ...open.filter((each) => isOwnWork(ctx, each)).map((each) => each.id)])
  const movedUp = open.filter((each) => !own.has(each.id) && each.parentId !== null && own.has(each.parentId))
  for (const child of movedUp) await stores.frames.reparent(child.id, frame.parentId, frame.depth, ctx.now)
  const closed = open.filter((each) => own.has(each.id))
  const summary = `Closed together with ${formatFrameRef(frame.refNo)}; nobody had closed it before.`
  const childOutcome = outcome === 'handoff' ? 'handoff' : 'abandoned'
  for (const child of closed)
    await endFrame(ctx, stores, child, {
      outcome: childOutcome,
      summary,
      deadEnds: [],
      nextSteps: [],
      at: ctx.now,
    })
  return {
    closedWithIt: closed.map((each) => formatFrameRef(each.refNo)),
    movedUp: movedUp.map((each) => formatFrameRef(each.refNo)),
  }
}

/** Pins the statements of the closing agent; one that is in force already is not added again. */
const pinDecisions = async (ctx: Context, stores: Stores, frame: Frame, contents: readonly string[]) => {
  const pinned: string[] = []
  for (const content of contents) {
    const anchor =
      (await stores.anchors.findByContent(contentHash('decision', content, ''))) ??
      (await recordAnchor(ctx, stores, {
        content,
        type: 'decision',
        frameId: frame.id,
        branch: frame.branch,
      }))
    pinned.push(formatAnchorRef(anchor.refNo))
  }
  return [...new Set(pinned)]
}

/** @throws invalid_input when the frame is closed already; not_found when it is not in this project. */
export const closeFrame = async (
  ctx: Context,
  memory: Memory,
  input: CloseFrameInput,
): Promise<ClosedFrame> => {
  authorize(ctx, 'memory:write')
  const { clean, cleanAll, report } = createCleaner()
  const ending = {
    outcome: input.outcome,
    summary: clean(input.summary ?? ''),
    deadEnds: cleanAll(input.dead_ends),
    nextSteps: cleanAll(input.next_steps),
    at: ctx.now,
  }
  const decisions = cleanAll(input.decisions)
  return memory.transact(ctx, async (stores) =>
    once(ctx, stores, { operation: 'close_frame', key: input.idempotency_key, input }, async () => {
      const found = await getFrame(stores, input.frame)
      const pinned = await pinDecisions(ctx, stores, found, decisions)
      const frame = await stores.frames.lock(found.id)
      if (frame?.status !== 'open')
        throw invalidInput(
          `F${found.refNo} is closed already; its digest is in get_memory(["F${found.refNo}"]).`,
        )
      const children = await settleChildren(ctx, stores, frame, input.outcome)
      const digest = await endFrame(ctx, stores, frame, ending)
      return {
        ref: formatFrameRef(frame.refNo),
        outcome: input.outcome,
        digest: digest.text,
        pinned,
        ...children,
        cleaned: report,
      }
    }),
  )
}
