import { setImmediate } from 'node:timers/promises'
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
import { assertNotSuperseded, insertAnchor, prepareAnchor, reviseAnchor } from './record-anchor.ts'

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
  const anchors = new Map<string, Anchor>()
  for (const each of [...new Set(refs)].toSorted()) {
    const anchor = await lockAnchor(stores, each)
    assertNotSuperseded(anchor)
    anchors.set(anchor.id, anchor)
  }
  return [...anchors.values()]
}

const markSuperseded = async (
  ctx: Context,
  stores: Stores,
  replaced: readonly Anchor[],
  by: Anchor,
): Promise<void> => {
  for (const before of replaced)
    await reviseAnchor(ctx, stores, before, {
      status: 'superseded',
      supersededBy: by.id,
      statusReason: `Replaced by ${formatAnchorRef(by.refNo)}`,
    })
}

/**
 * Pins a statement. Nothing is overwritten: what it replaces stays, marked superseded, with a link. The same
 * statement again (same type and words) answers with the one in force instead of adding a duplicate.
 * What it supersedes is superseded in either case.
 * @throws invalid_input for a closed frame or a statement that was superseded before.
 */
export const addDecision = async (
  ctx: Context,
  memory: Memory,
  input: AddDecisionInput,
): Promise<AddedDecision> => {
  authorize(ctx, 'memory:write')
  const { clean, cleanAll, cleanLine, cleanLines, report } = createCleaner()
  const content = clean(input.content)
  const branch = cleanLine(input.branch ?? '')
  if (content === '' || (input.scope === 'branch' && branch === ''))
    throw invalidInput(
      'Nothing is left of content or branch after private and injected text was removed. Say it in your own words.',
    )
  const cleaned = {
    content,
    rationale: clean(input.rationale ?? ''),
    alternatives: cleanAll(input.alternatives),
    files: normalizePaths(cleanLines(input.files)),
    branch: branch || null,
  }
  const stored = await memory.transact(ctx, async (stores) =>
    once(ctx, stores, { operation: 'add_decision', key: input.idempotency_key, input }, async () => {
      const replaced = await lockSuperseded(stores, input.supersedes)
      const except = new Set(replaced.map((anchor) => anchor.id))
      const prepare = async () => {
        const frame = input.frame === undefined ? undefined : await getOpenFrame(stores, input.frame)
        await setImmediate() // the statements below are on their way first
        return prepareAnchor(ctx, {
          ...cleaned,
          type: input.type,
          scope: input.scope,
          priority: input.priority,
          pinned: input.pinned,
          frameId: frame?.id ?? null,
        })
      }
      // Sent together, answered in this order: the reference comes with the project's write lock, so the look-ups
      // behind it see what another writer recorded while we waited for the lock.
      const reading = [
        stores.nextRef(),
        stores.anchors.findByContent(
          contentHash(input.type, content, input.scope === 'branch' ? branch : ''),
        ),
      ] as const
      const conflicts = findConflicts(stores, content, except)
      stores.defer(conflicts)
      const [prepared, refNo, inForce] = await Promise.all([prepare(), ...reading])
      if (inForce && !except.has(inForce.id)) {
        stores.defer(stores.returnRef(refNo))
        await markSuperseded(ctx, stores, replaced, inForce)
        return answer(inForce, replaced, [], report, true)
      }
      const anchor = insertAnchor(ctx, stores, prepared, refNo)
      await markSuperseded(ctx, stores, replaced, anchor)
      // Compared while the database writes, unless the answer itself is stored.
      const possibleConflicts = input.idempotency_key === undefined ? conflicts : await conflicts
      return answer(anchor, replaced, possibleConflicts, report, false)
    }),
  )
  return { ...stored, possibleConflicts: await stored.possibleConflicts }
}

const answer = (
  anchor: Anchor,
  replaced: Anchor[],
  possibleConflicts: PossibleConflict[] | Promise<PossibleConflict[]>,
  cleaned: CleanReport,
  alreadyRecorded: boolean,
) => ({
  id: anchor.id,
  ref: formatAnchorRef(anchor.refNo),
  type: anchor.type,
  status: anchor.status,
  alreadyRecorded,
  superseded: replaced.map((each) => formatAnchorRef(each.refNo)),
  possibleConflicts,
  cleaned,
})
