import { createHash } from 'node:crypto'
import { safeKey } from './clean.ts'
import type { Context } from './context.ts'
import { conflict } from './errors.ts'
import type { Stores } from './ports.ts'

/**
 * Runs `work` once for an idempotency key: the same call again answers what the first one answered, and a
 * different call under the same key is refused. The key is claimed in the transaction of the work, so either
 * both are there or neither. Keys are per user, project and operation, and are kept for
 * `limits.idempotencyKeyTtlDays`. (After draft-ietf-httpapi-idempotency-key-header.)
 * @throws conflict when the key was used with other arguments.
 */
export const once = async <T>(
  ctx: Context,
  stores: Stores,
  call: { operation: string; key: string | undefined; input: unknown },
  work: () => Promise<T>,
): Promise<T> => {
  const { operation } = call
  if (call.key === undefined) return work()
  const key = safeKey(call.key)
  const authorId = ctx.principal.userId
  const requestHash = createHash('sha256').update(JSON.stringify(call.input)).digest('hex')
  if (await stores.idempotency.claim({ operation, key, authorId, requestHash, at: ctx.now })) {
    const response = await work()
    stores.defer(stores.idempotency.complete(operation, key, authorId, response))
    return response
  }
  const earlier = await stores.idempotency.find(operation, key, authorId)
  if (!earlier || earlier.requestHash !== requestHash)
    throw conflict('This idempotency key was used for a different call. Use a new key for a new call.')
  return earlier.response as T
}
