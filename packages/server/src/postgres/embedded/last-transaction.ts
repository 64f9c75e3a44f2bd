import type { Pool } from 'pg'

/**
 * A number that grows with every transaction that wrote something, survives crashes and does not move for
 * reads: equal before and after means that nothing was written in between.
 */
export async function lastTransaction(db: Pick<Pool, 'query'>): Promise<string> {
  const { rows } = await db.query<{ next: string }>(
    'select pg_snapshot_xmax(pg_current_snapshot())::text as next',
  )
  return rows[0]?.next ?? ''
}
