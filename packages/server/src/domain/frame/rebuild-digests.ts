import { digestEntries } from '../index-memory.ts'
import type { Digest, Frame } from '../memory.ts'
import type { Stores } from '../ports.ts'
import { buildDigestBody, renderDigest } from './build-digest.ts'
import { gatherFacts } from './gather-facts.ts'

const rebuild = async (
  stores: Stores,
  frame: Frame,
  digest: Digest,
  forgotten: string | undefined,
): Promise<Digest> => {
  const { outcome, summary, durationMs } = digest
  const { deadEnds, nextSteps, decisions } = digest.body
  const facts = {
    frame,
    outcome,
    summary,
    durationMs,
    deadEnds,
    nextSteps,
    ...(await gatherFacts(stores, frame)),
  }
  const body = {
    ...buildDigestBody(facts),
    decisions: decisions.filter((line) => forgotten === undefined || !line.startsWith(`${forgotten} (`)),
  }
  return { ...digest, body, text: renderDigest(facts, body) }
}

/**
 * Takes what was forgotten out of the digests of its frame and of those above, which repeat it: counts, errors
 * and files are counted again, the line of a forgotten decision goes, and what the closing agent wrote stays.
 * `forgotten` is the reference of a forgotten decision.
 */
export const rebuildDigests = async (stores: Stores, frameId: string, forgotten?: string): Promise<void> => {
  const frames = await stores.frames.callStack(frameId)
  for (const digest of await stores.digests.findByFrames(frames.map((frame) => frame.id))) {
    const frame = frames.find((each) => each.id === digest.frameId)
    if (!frame) continue
    const rebuilt = await rebuild(stores, frame, digest, forgotten)
    await stores.digests.replace(rebuilt)
    await stores.search.remove([digest.id])
    await stores.search.insertMany(digestEntries(rebuilt))
  }
}
