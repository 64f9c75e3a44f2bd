import type { IdempotencyStore } from '../domain/ports.ts'
import type { Transaction } from './database.ts'
import { sql } from './statement.ts'

// The insert waits for a concurrent call with the same key to finish, so both cannot do the work.
const claim = sql<{ key: string }, readonly [string, string, string, string, string, Date]>(
  'idempotency.claim',
  `insert into idempotency_keys (project_id, operation, key, author_id, request_hash, created_at)
   values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning key`,
)
const find = sql<{ requestHash: string; response: unknown }, readonly [string, string, string, string]>(
  'idempotency.find',
  `select request_hash as "requestHash", response from idempotency_keys
   where project_id = $1 and operation = $2 and key = $3 and author_id = $4`,
)
const complete = sql<never, readonly [string, string, string, string, string]>(
  'idempotency.complete',
  `update idempotency_keys set response = $5::jsonb
   where project_id = $1 and operation = $2 and key = $3 and author_id = $4`,
)

// Fields of answers that repeat memories; what is left identifies things only. Which answer repeats the forgotten
// one cannot be told from a digest, so all of them lose their words; get_memory has what remains.
const withholdTexts = sql<never, readonly [string]>(
  'idempotency.withhold-texts',
  `update idempotency_keys set response = response
     || case when response ? 'digest' then '{"digest": ""}' else '{}' end::jsonb
     || case when response ? 'title' then '{"title": ""}' else '{}' end::jsonb
     || case when response ? 'stack' then '{"stack": []}' else '{}' end::jsonb
     || case when response ? 'possibleConflicts' then '{"possibleConflicts": []}' else '{}' end::jsonb
   where project_id = $1 and response ?| array['digest', 'title', 'stack', 'possibleConflicts']`,
)

export const createIdempotencyStore = (tx: Transaction, projectId: string): IdempotencyStore => ({
  async claim({ operation, key, authorId, requestHash, at }) {
    return (await tx.run(claim, [projectId, operation, key, authorId, requestHash, at])).length === 1
  },
  find: async (operation, key, authorId) => (await tx.run(find, [projectId, operation, key, authorId]))[0],
  complete: async (operation, key, authorId, response) =>
    void (await tx.run(complete, [projectId, operation, key, authorId, JSON.stringify(response)])),
  withholdTexts: async () => void (await tx.run(withholdTexts, [projectId])),
})
