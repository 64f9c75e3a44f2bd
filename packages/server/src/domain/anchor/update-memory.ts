import { z } from 'zod'
import { createCleaner } from '../clean.ts'
import type { Context } from '../context.ts'
import { invalidInput, notFound } from '../errors.ts'
import { once } from '../idempotency.ts'
import { limits } from '../limits.ts'
import type { Anchor, AnchorStatus } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, Stores } from '../ports.ts'
import { formatAnchorRef, parseRef } from '../refs.ts'
import { lockAnchor } from '../resolve.ts'
import { idempotencyKey, optionalText, ref } from '../text.ts'
import { forgetItem } from './forget-item.ts'
import { assertNotSuperseded, recordAnchor, reviseAnchor } from './record-anchor.ts'

export const updateActions = ['confirm', 'supersede', 'retract', 'pin', 'unpin', 'expire', 'forget'] as const

export const updateMemoryInput = z
  .strictObject({
    id: ref.describe('D31; forget also takes F12.5, T7 and F12.'),
    action: z.enum(updateActions),
    reason: optionalText(limits.listItemChars),
    replacement: optionalText(limits.contentChars).describe('New statement, with supersede.'),
    idempotency_key: idempotencyKey,
  })
  .refine((input) => (input.action === 'supersede') === (input.replacement !== undefined), {
    message: 'goes with the action supersede, and is needed there',
    path: ['replacement'],
  })
export type UpdateMemoryInput = z.infer<typeof updateMemoryInput>

export interface UpdatedMemory {
  ref: string
  action: (typeof updateActions)[number]
  status: AnchorStatus | 'forgotten'
  version: number | null
  replacement: string | null
}

/** What each action does to an anchor; supersede and forget are more than a change of columns. */
const changeFor = (ctx: Context, action: UpdateMemoryInput['action'], reason: string): Partial<Anchor> => {
  switch (action) {
    case 'confirm':
      return { confirmedAt: ctx.now, status: 'active', statusReason: reason, expiresAt: null }
    case 'retract':
      return { status: 'retracted', statusReason: reason }
    case 'expire':
      return { status: 'expired', expiresAt: ctx.now, statusReason: reason }
    case 'pin':
      return { pinned: true }
    case 'unpin':
      return { pinned: false }
    case 'supersede':
    case 'forget':
      return {}
  }
}

const supersede = async (
  ctx: Context,
  stores: Stores,
  before: Anchor,
  replacement: string,
  reason: string,
) => {
  assertNotSuperseded(before)
  const anchor = await recordAnchor(ctx, stores, {
    content: replacement,
    rationale: reason,
    type: before.type,
    files: before.files,
    scope: before.scope,
    branch: before.branch,
    priority: before.priority,
    pinned: before.pinned,
  })
  const statusReason = reason || `Replaced by ${formatAnchorRef(anchor.refNo)}`
  const after = await reviseAnchor(ctx, stores, before, {
    status: 'superseded',
    supersededBy: anchor.id,
    statusReason,
  })
  return { after, successor: formatAnchorRef(anchor.refNo) }
}

/**
 * Confirms, supersedes, retracts, pins, expires or forgets. Every change is a new version; `forget` hides the
 * item from every answer at once and keeps only a tombstone.
 * @throws invalid_input, not_found
 */
export const updateMemory = async (
  ctx: Context,
  memory: Memory,
  input: UpdateMemoryInput,
): Promise<UpdatedMemory> => {
  authorize(ctx, 'memory:write')
  const { clean } = createCleaner()
  const reason = clean(input.reason ?? '')
  const replacement = clean(input.replacement ?? '')
  if (input.action === 'supersede' && replacement === '')
    throw invalidInput(
      'Nothing is left of replacement after private and injected text was removed. Say it in your own words.',
    )
  return memory.transact(ctx, async (stores) =>
    once(ctx, stores, { operation: 'update_memory', key: input.idempotency_key, input }, async () => {
      if (input.action === 'forget') return forget(ctx, stores, input.id)
      const kind = parseRef(input.id).kind
      if (kind !== 'anchor' && kind !== 'id')
        throw invalidInput(
          `${input.action} works on decisions and other anchors (D31). Tasks change with update_task_status, frames with close_frame.`,
        )
      const before = await lockAnchor(stores, input.id)
      if (input.action === 'supersede') {
        const { after, successor } = await supersede(ctx, stores, before, replacement, reason)
        return {
          ref: formatAnchorRef(after.refNo),
          action: input.action,
          status: after.status,
          version: after.version,
          replacement: successor,
        }
      }
      if (input.action === 'confirm' && before.supersededBy !== null)
        throw invalidInput(
          `${formatAnchorRef(before.refNo)} was superseded; confirm the statement that replaced it, or record it again with add_decision.`,
        )
      const after = await reviseAnchor(ctx, stores, before, changeFor(ctx, input.action, reason))
      return {
        ref: formatAnchorRef(after.refNo),
        action: input.action,
        status: after.status,
        version: after.version,
        replacement: null,
      }
    }),
  )
}

const forget = async (ctx: Context, stores: Stores, id: string): Promise<UpdatedMemory> => {
  const forgotten = await forgetItem(ctx, stores, id)
  await stores.idempotency.withholdTexts()
  if (!forgotten)
    throw notFound(
      `There is no memory ${id.slice(0, 60)} in this project. Use a reference from an earlier answer.`,
    )
  return { ref: forgotten, action: 'forget', status: 'forgotten', version: null, replacement: null }
}
