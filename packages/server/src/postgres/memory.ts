import type { Context } from '../domain/context.ts'
import type { Memory, Stores } from '../domain/ports.ts'
import { createActivityStore } from './activity.ts'
import { createAnchorStore } from './anchors.ts'
import type { Database, DeferringTransaction } from './database.ts'
import { createDigestStore } from './digests.ts'
import { createEventStore } from './events.ts'
import { createFrameStore } from './frames.ts'
import { createIdempotencyStore } from './idempotency.ts'
import { createImportStore } from './imports.ts'
import { createReceiptStore } from './receipts.ts'
import { createSearchStore } from './search.ts'
import { sql } from './statement.ts'
import { createTaskStore } from './tasks.ts'

const nextRef = sql<{ refNo: number }, readonly [string]>(
  'counters.next-ref',
  `insert into project_counters (project_id, last_ref) values ($1, 1)
   on conflict (project_id) do update set last_ref = project_counters.last_ref + 1 returning last_ref as "refNo"`,
)
const nextRefs = sql<{ refNo: number }, readonly [string, number]>(
  'counters.next-refs',
  `insert into project_counters (project_id, last_ref) values ($1, $2::int)
   on conflict (project_id) do update set last_ref = project_counters.last_ref + $2::int returning last_ref as "refNo"`,
)
const returnRef = sql<never, readonly [string, number]>(
  'counters.return-ref',
  `update project_counters set last_ref = last_ref - 1 where project_id = $1 and last_ref = $2`,
)

const createStores = (tx: DeferringTransaction, projectId: string): Stores => ({
  defer: (write) => tx.defer(write),
  async nextRef() {
    const [row] = await tx.run(nextRef, [projectId])
    if (!row) throw new Error('The project counter returned no row')
    return row.refNo
  },
  async nextRefs(count) {
    const [row] = await tx.run(nextRefs, [projectId, count])
    if (!row) throw new Error('The project counter returned no row')
    return row.refNo
  },
  returnRef: async (refNo) => void (await tx.run(returnRef, [projectId, refNo])),
  frames: createFrameStore(tx, projectId),
  events: createEventStore(tx, projectId),
  anchors: createAnchorStore(tx, projectId),
  digests: createDigestStore(tx, projectId),
  tasks: createTaskStore(tx, projectId),
  receipts: createReceiptStore(tx, projectId),
  idempotency: createIdempotencyStore(tx, projectId),
  search: createSearchStore(tx, projectId),
  imports: createImportStore(tx, projectId),
  activity: createActivityStore(tx, projectId),
})

/** The domain's view of the database: one transaction, one project, row-level security on. */
export const createMemory = (database: Database): Memory => ({
  transact: async <T>(
    ctx: Context,
    work: (stores: Stores) => Promise<T>,
    options: { durable?: boolean } = {},
  ) =>
    database.transact(
      {
        role: 'stackmemory_app',
        projectId: ctx.project.id,
        signal: ctx.signal,
        durable: options.durable ?? true,
      },
      async (tx) => work(createStores(tx, ctx.project.id)),
    ),
})
