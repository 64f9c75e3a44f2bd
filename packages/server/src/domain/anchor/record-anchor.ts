import type { Context } from '../context.ts'
import { invalidInput } from '../errors.ts'
import { anchorEntries } from '../index-memory.ts'
import type { Anchor, AnchorType, AnchorVersion, Source } from '../memory.ts'
import type { Stores } from '../ports.ts'
import { provenanceOf } from '../provenance.ts'
import { formatAnchorRef } from '../refs.ts'
import { contentHash } from '../text.ts'

/** Parts of a new anchor that its writer decides; everything else has a default here. */
export interface NewAnchor {
  /** A reference that was taken before, by a caller who needed the project's write lock earlier. */
  refNo?: number
  content: string
  type: AnchorType
  rationale?: string
  alternatives?: string[]
  files?: string[]
  scope?: 'project' | 'branch'
  branch?: string | null
  priority?: number
  pinned?: boolean
  frameId?: string | null
  source?: Source
  externalKey?: string | null
  occurredAt?: Date
  expiresAt?: Date | null
}

/** A constraint outranks a passing fact when nobody said otherwise. */
const defaultPriority: Record<AnchorType, number> = {
  constraint: 7,
  decision: 6,
  interface: 6,
  risk: 5,
  learning: 5,
  fact: 4,
}

export const versionOf = (ctx: Context, anchor: Anchor): AnchorVersion => ({
  anchorId: anchor.id,
  version: anchor.version,
  status: anchor.status,
  content: anchor.content,
  rationale: anchor.rationale,
  priority: anchor.priority,
  pinned: anchor.pinned,
  supersededBy: anchor.supersededBy,
  statusReason: anchor.statusReason,
  confirmedAt: anchor.confirmedAt,
  expiresAt: anchor.expiresAt,
  changedBy: ctx.principal.userId,
  changedByName: ctx.principal.userName,
  clientName: ctx.principal.client.name,
  changedAt: ctx.now,
})

/** Inserts an anchor with its first version and its search entries. Takes the project's write lock. */
export const recordAnchor = async (ctx: Context, stores: Stores, input: NewAnchor): Promise<Anchor> => {
  const scope = input.scope ?? 'project'
  const anchor: Anchor = {
    ...provenanceOf(ctx, input.source),
    id: ctx.newId(),
    refNo: input.refNo ?? (await stores.nextRef()),
    version: 1,
    type: input.type,
    status: 'active',
    content: input.content,
    rationale: input.rationale ?? '',
    alternatives: input.alternatives ?? [],
    files: input.files ?? [],
    scope,
    branch: input.branch ?? null,
    priority: input.priority ?? defaultPriority[input.type],
    pinned: input.pinned ?? false,
    frameId: input.frameId ?? null,
    supersededBy: null,
    contentHash: contentHash(input.type, input.content, scope === 'branch' ? (input.branch ?? '') : ''),
    statusReason: '',
    confirmedAt: null,
    expiresAt: input.expiresAt ?? null,
    externalKey: input.externalKey ?? null,
    occurredAt: input.occurredAt ?? ctx.now,
    createdAt: ctx.now,
    updatedAt: ctx.now,
    deletedAt: null,
  }
  await Promise.all([
    stores.anchors.insert(anchor),
    stores.anchors.insertVersion(versionOf(ctx, anchor)),
    stores.search.insertMany(anchorEntries(anchor)),
  ])
  return anchor
}

/**
 * A statement has one successor at most, also after it was retracted or expired.
 * @throws invalid_input
 */
export const assertNotSuperseded = (anchor: Anchor) => {
  if (anchor.supersededBy !== null)
    throw invalidInput(
      `${formatAnchorRef(anchor.refNo)} was superseded before. Supersede the statement that replaced it (get_memory shows it).`,
    )
}

/** Writes the next version of a locked anchor. */
export const reviseAnchor = async (
  ctx: Context,
  stores: Stores,
  before: Anchor,
  change: Partial<Anchor>,
): Promise<Anchor> => {
  const anchor = { ...before, ...change, version: before.version + 1, updatedAt: ctx.now }
  await Promise.all([stores.anchors.update(anchor), stores.anchors.insertVersion(versionOf(ctx, anchor))])
  return anchor
}
