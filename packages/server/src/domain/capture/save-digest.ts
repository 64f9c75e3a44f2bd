/** The digest of a session that is going on, or has ended: what its events and statements say, counted. */
import { createCleaner } from '../clean.ts'
import type { Context } from '../context.ts'
import { gatherFacts } from '../frame/gather-facts.ts'
import { putDigest } from '../frame/put-digest.ts'
import { isFinished, summaryOf } from '../ingest/summary-of.ts'
import type { Frame, Outcome } from '../memory.ts'
import type { Stores } from '../ports.ts'

/**
 * `turn`: the agent has answered, the session goes on. `compaction`: what the model knows is about to be shortened,
 * so the digest is a hand-off to the same agent. `end`: the session is over, and its frame closes.
 */
export type DigestReason = 'turn' | 'compaction' | 'end'

const lastEventsMax = 40

export const saveDigest = async (
  ctx: Context,
  stores: Stores,
  frame: Frame,
  reason: DigestReason,
): Promise<void> => {
  const [facts, recent, [before]] = await Promise.all([
    gatherFacts(stores, frame),
    stores.events.recent(frame.id, lastEventsMax, null),
    stores.digests.findByFrames([frame.id]),
  ])
  const last = recent.toReversed()
  const outcome: Outcome = reason === 'compaction' ? 'handoff' : isFinished(last) ? 'done' : 'abandoned'
  await putDigest(
    ctx,
    stores,
    {
      frame,
      outcome,
      summary: createCleaner().clean(summaryOf(last)),
      // What an agent wrote when it closed the frame stays when the session is resumed.
      deadEnds: before?.body.deadEnds ?? [],
      nextSteps: before?.body.nextSteps ?? [],
      durationMs: Math.max(0, ctx.now.getTime() - frame.startedAt.getTime()),
      ...facts,
    },
    { before, source: 'agent', at: ctx.now },
  )
  if (reason === 'end') await stores.frames.close(frame.id, outcome, ctx.now)
}
