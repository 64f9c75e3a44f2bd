import type { Context } from '../context.ts'
import { invalidInput } from '../errors.ts'
import { anchorEntries, statementWords } from '../index-memory.ts'
import type { Anchor, AnchorType, AnchorVersion, Place, Source } from '../memory.ts'
import type { SearchEntry, Stores } from '../ports.ts'
import { provenanceOf } from '../provenance.ts'
import { formatAnchorRef } from '../refs.ts'
import { contentHash } from '../text.ts'

/** Parts of a new anchor that its writer decides; everything else has a default here. */
export interface NewAnchor {
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
  unit?: string | null
  places?: Place[]
  occurredAt?: Date
  expiresAt?: Date | null
}

export interface PreparedAnchor {
  readonly anchor: Omit<Anchor, 'refNo'>
  readonly entries: readonly SearchEntry[]
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
  importId: ctx.importId ?? null,
  changedAt: ctx.now,
})

/** A new anchor with its search entries, which take a moment to make: all but its reference. */
export const prepareAnchor = (ctx: Context, input: NewAnchor): PreparedAnchor => {
  const scope = input.scope ?? 'project'
  const anchor: Omit<Anchor, 'refNo'> = {
    ...provenanceOf(ctx, input.source),
    id: ctx.newId(),
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
    unit: input.unit ?? null,
    places: input.places ?? [],
    occurredAt: input.occurredAt ?? ctx.now,
    createdAt: ctx.now,
    updatedAt: ctx.now,
    deletedAt: null,
  }
  return { anchor, entries: anchorEntries(anchor) }
}

/** Inserts a prepared anchor under a reference that was taken before, with its first version and its search entries. */
export const insertAnchor = (
  ctx: Context,
  stores: Stores,
  prepared: PreparedAnchor,
  refNo: number,
): Anchor => {
  const anchor = { ...prepared.anchor, refNo }
  stores.defer(stores.anchors.insert(anchor))
  stores.defer(stores.anchors.insertVersion(versionOf(ctx, anchor)))
  stores.defer(stores.search.insertMany(prepared.entries))
  return anchor
}

/** The same for many at once. */
export const insertAnchors = (
  ctx: Context,
  stores: Stores,
  prepared: readonly PreparedAnchor[],
  refNos: readonly number[],
) => {
  const anchors = prepared.map((each, index) => ({ ...each.anchor, refNo: refNos[index] ?? 0 }))
  stores.defer(
    stores.anchors.insertMany(
      anchors,
      anchors.map((anchor) => versionOf(ctx, anchor)),
    ),
  )
  stores.defer(stores.search.insertMany(prepared.flatMap(({ entries }) => entries)))
}

/** Takes the project's write lock and records an anchor under the next reference. */
export const recordAnchor = async (ctx: Context, stores: Stores, input: NewAnchor): Promise<Anchor> => {
  const prepared = prepareAnchor(ctx, input)
  return insertAnchor(ctx, stores, prepared, await stores.nextRef())
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
  const updated = stores.anchors.update(anchor)
  stores.defer(stores.anchors.insertVersion(versionOf(ctx, anchor)))
  const words = statementWords(anchor)
  if (words !== statementWords(before)) stores.defer(stores.search.markStatement(anchor.id, words))
  await updated
  return anchor
}
