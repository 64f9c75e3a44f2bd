import { digestEntries } from '../index-memory.ts'
import type { Context } from '../context.ts'
import type { Digest, Source } from '../memory.ts'
import type { Stores } from '../ports.ts'
import { provenanceOf } from '../provenance.ts'
import { buildDigestBody, renderDigest, type DigestFacts } from './build-digest.ts'

/**
 * Writes the digest of a frame, or replaces the one that it has: for work that is described again while it grows,
 * unlike a frame that an agent closes once (close-frame.ts).
 */
export const putDigest = async (
  ctx: Context,
  stores: Stores,
  facts: DigestFacts,
  { before, source, at }: { before: Digest | undefined; source: Source; at: Date },
): Promise<Digest> => {
  const body = buildDigestBody(facts)
  const digest: Digest = {
    ...provenanceOf(ctx, source),
    id: before?.id ?? ctx.newId(),
    frameId: facts.frame.id,
    outcome: facts.outcome,
    summary: facts.summary,
    body,
    text: renderDigest(facts, body),
    durationMs: facts.durationMs,
    occurredAt: at,
    createdAt: ctx.now,
    deletedAt: null,
  }
  await Promise.all([
    before ? stores.digests.replace(digest) : stores.digests.insert(digest),
    stores.search.remove([digest.id]),
    stores.search.insertMany(digestEntries(digest)),
  ])
  return digest
}
