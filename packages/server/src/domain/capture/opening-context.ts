/** The bundle that a client's hook puts into a conversation. */
import { getContext, type ContextBundle } from '../bundle/get-context.ts'
import type { Context } from '../context.ts'
import { limits } from '../limits.ts'
import { authorize } from '../policy.ts'
import type { Memory } from '../ports.ts'
import { formatFrameRef } from '../refs.ts'

export interface OpeningRequest {
  /** Key of the session's frame, whose stack and last steps come first when it is there. */
  readonly session: string
  /** What the person asked, if this is their prompt. */
  readonly query?: string
  readonly budgetTokens: number
  /** Nothing for a session that is going on: its conversation has what it needs. */
  readonly onlyAtStart?: boolean
}

/**
 * Undefined when this project knows nothing yet: an empty bundle costs tokens for nothing. Shrinks until the text is
 * within `limits.capturedBundleBytes`, which is less than the budget where a script needs more bytes for a token.
 * @throws forbidden without the scope memory:read.
 */
export const openingContext = async (
  ctx: Context,
  memory: Memory,
  request: OpeningRequest,
): Promise<string | undefined> => {
  authorize(ctx, 'memory:read')
  const frame = await memory.transact(
    ctx,
    async (stores) => stores.frames.findByExternalKey(request.session),
    { durable: false },
  )
  if (request.onlyAtStart && frame?.status === 'open') return undefined
  const ask = async (budgetTokens: number): Promise<ContextBundle> =>
    getContext(ctx, memory, {
      query: request.query?.slice(0, limits.queryChars) || undefined,
      files: [],
      frame: frame && frame.deletedAt === null ? formatFrameRef(frame.refNo) : undefined,
      budget_tokens: budgetTokens,
      detail: 'standard',
    })
  for (let budget = request.budgetTokens; ; budget = Math.floor(budget / 2)) {
    const { text, summary } = await ask(Math.max(budget, limits.budgetTokensMin))
    if (summary.shown === 0) return undefined
    if (Buffer.byteLength(text) <= limits.capturedBundleBytes) return text
    if (budget <= limits.budgetTokensMin) return undefined
  }
}
