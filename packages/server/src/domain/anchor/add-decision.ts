import { z } from 'zod'
import { createCleaner, type CleanReport } from '../clean.ts'
import type { Context } from '../context.ts'
import { invalidInput } from '../errors.ts'
import { once } from '../idempotency.ts'
import { limits } from '../limits.ts'
import { anchorTypes, type Anchor, type AnchorStatus, type AnchorType } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, Stores } from '../ports.ts'
import { formatAnchorRef } from '../refs.ts'
import { getOpenFrame, lockAnchor } from '../resolve.ts'
import {
  contentHash,
  fileList,
  idempotencyKey,
  normalizePaths,
  optionalText,
  ref,
  text,
  textList,
} from '../text.ts'
import { findConflicts, type PossibleConflict } from './find-conflicts.ts'
import { recordAnchor, reviseAnchor } from './record-anchor.ts'

export const addDecisionInput = z
  .strictObject({
    content: text(limits.contentChars).describe('The statement, self-contained, one thing.'),
    type: z.enum(anchorTypes).default('decision'),
    rationale: optionalText(limits.rationaleChars).describe('Why.'),
    alternatives: textList().default([]).describe('What was rejected, and why.'),
    files: fileList.default([]).describe('Paths it is about.'),
    supersedes: z
      .array(ref)
      .max(limits.refsPerCall)
      .default([])
      .describe('References it replaces, e.g. D31.'),
    scope: z.enum(['project', 'branch']).default('project'),
    branch: optionalText(limits.nameChars).describe('Needed with scope branch.'),
    priority: z.int().min(1).max(10).optional().describe('10 is most important.'),
    pinned: z.boolean().optional().describe('Always in the context bundle, first.'),
    frame: ref.optional().describe('Frame it belongs to.'),
    idempotency_key: idempotencyKey,
  })
  .refine((input) => input.scope === 'project' || input.branch !== undefined, {
    message: 'is needed when scope is "branch"',
    path: ['branch'],
  })
export type AddDecisionInput = z.infer<typeof addDecisionInput>

export interface AddedDecision {
  id: string
  ref: string
  type: AnchorType
  status: AnchorStatus
  /** True when the same statement was in force already; nothing was added. */
  alreadyRecorded: boolean
  superseded: string[]
  possibleConflicts: PossibleConflict[]
  cleaned: CleanReport
}

const lockSuperseded = async (stores: Stores, refs: readonly string[]): Promise<Anchor[]> => {
  const anchors: Anchor[] = []
  for (const each of [...new Set(refs)].toSorted()) {
    const anchor = await lockAnchor(stores, each)
    if (anchor.status === 'superseded')
      throw invalidInput(
        `${formatAnchorRef(anchor.refNo)} was superseded before. Supersede the statement that replaced it (get_memory shows it).`,
      )
    anchors.push(anchor)
  }
  return anchors
}

/**
 * Pins a statement. Nothing is overwritten: what it replaces stays, marked superseded, with a link. The same
 * statement again (same type and words) answers with the one in force instead of adding a duplicate.
 * @throws invalid_input for a closed frame or a statement that was superseded before.
 */
export const addDecision = async (
  ctx: Context,
  memory: Memory,
  input: AddDecisionInput,
): Promise<AddedDecision> => {
  authorize(ctx, 'memory:write')
  const { clean, cleanAll, report } = createCleaner()
  const content = clean(input.content)
  if (content === '')
    throw invalidInput(
      'Nothing is left of content after private and injected text was removed. Say it in your own words.',
    )
  const cleaned = {
    content,
    rationale: clean(input.rationale ?? ''),
    alternatives: cleanAll(input.alternatives),
    files: normalizePaths(cleanAll(input.files)),
    branch: input.branch ?? null,
  }
  return memory.transact(ctx, async (stores) =>
    once(ctx, stores, { operation: 'add_decision', key: input.idempotency_key, input }, async () => {
      const frame = input.frame === undefined ? undefined : await getOpenFrame(stores, input.frame)
      const replaced = await lockSuperseded(stores, input.supersedes)
      const same = await stores.anchors.findByContent(
        contentHash(input.type, content, input.scope === 'branch' ? (input.branch ?? '') : ''),
      )
      if (same && !replaced.some((anchor) => anchor.id === same.id)) return answer(same, [], [], report, true)
      const possibleConflicts = await findConflicts(
        stores,
        content,
        new Set(replaced.map((anchor) => anchor.id)),
      )
      const anchor = await recordAnchor(ctx, stores, {
        ...cleaned,
        type: input.type,
        scope: input.scope,
        priority: input.priority,
        pinned: input.pinned,
        frameId: frame?.id ?? null,
      })
      for (const before of replaced)
        await reviseAnchor(ctx, stores, before, {
          status: 'superseded',
          supersededBy: anchor.id,
          statusReason: `Replaced by ${formatAnchorRef(anchor.refNo)}`,
        })
      return answer(anchor, replaced, possibleConflicts, report, false)
    }),
  )
}

const answer = (
  anchor: Anchor,
  replaced: Anchor[],
  possibleConflicts: PossibleConflict[],
  cleaned: CleanReport,
  alreadyRecorded: boolean,
): AddedDecision => ({
  id: anchor.id,
  ref: formatAnchorRef(anchor.refNo),
  type: anchor.type,
  status: anchor.status,
  alreadyRecorded,
  superseded: replaced.map((each) => formatAnchorRef(each.refNo)),
  possibleConflicts,
  cleaned,
})
