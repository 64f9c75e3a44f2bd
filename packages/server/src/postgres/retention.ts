/** Removes what is kept for a time only: receipts and idempotency keys. Nothing that anybody recorded. */
import type { Accounts } from '../domain/accounts.ts'
import type { Log } from '../domain/context.ts'
import { limits } from '../domain/limits.ts'
import type { Database } from './database.ts'
import { sql } from './statement.ts'

const purgeReceipts = sql<never, readonly [string, string]>(
  'retention.purge-receipts',
  `delete from receipts where project_id = $1 and created_at < now() - $2::interval`,
)
const purgeIdempotencyKeys = sql<never, readonly [string, string]>(
  'retention.purge-idempotency-keys',
  `delete from idempotency_keys where project_id = $1 and created_at < now() - $2::interval`,
)

const pageSize = 500
const intervalMs = 60 * 60_000

export const purgeExpired = async (database: Database, accounts: Accounts, signal: AbortSignal) => {
  let after: string | null = null
  for (;;) {
    const ids: string[] = await accounts.listProjectIds(after, pageSize, signal)
    for (const projectId of ids)
      await database.transact({ role: 'stackmemory_app', projectId, signal, durable: false }, async (tx) => {
        await tx.run(purgeReceipts, [projectId, `${limits.receiptTtlDays} days`])
        await tx.run(purgeIdempotencyKeys, [projectId, `${limits.idempotencyKeyTtlDays} days`])
      })
    after = ids.at(-1) ?? null
    if (ids.length < pageSize) return
  }
}

/** Runs every hour; the returned function stops it. */
export const retentionJob = (database: Database, accounts: Accounts, log: Log): (() => void) => {
  const stop = new AbortController()
  const timer = setInterval(() => {
    purgeExpired(database, accounts, stop.signal).catch((error: unknown) =>
      log.warn({ err: error }, 'purging expired rows failed; it is tried again'),
    )
  }, intervalMs).unref()
  return () => {
    clearInterval(timer)
    stop.abort()
  }
}
