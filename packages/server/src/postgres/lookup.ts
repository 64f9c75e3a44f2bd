/** How an aggregate with short references finds its rows: by id, by reference, several at once, by origin. */
import type { Transaction } from './database.ts'
import { sql } from './statement.ts'

type Ref = { id: string } | { refNo: number }

export interface Lookup<Row> {
  find(ref: Ref): Promise<Row | undefined>
  /** The same, locked until the end of the transaction. */
  lock(ref: Ref): Promise<Row | undefined>
  findMany(ids: readonly string[]): Promise<Row[]>
  /** Also what was forgotten: an import must not bring it back. */
  findByExternalKey(key: string): Promise<Row | undefined>
}

/** Defines the statements of one table; forgotten rows are not found. */
export const defineLookup = <Row>(table: 'anchors' | 'tasks', columns: string) => {
  const select = `select ${columns} from ${table} where project_id = $1`
  const byId = `${select} and id = $2 and deleted_at is null`
  const byRef = `${select} and ref_no = $2 and deleted_at is null`
  const statements = {
    findById: sql<Row, readonly [string, string]>(`${table}.find-by-id`, byId),
    findByRef: sql<Row, readonly [string, number]>(`${table}.find-by-ref`, byRef),
    lockById: sql<Row, readonly [string, string]>(`${table}.lock-by-id`, `${byId} for update`),
    lockByRef: sql<Row, readonly [string, number]>(`${table}.lock-by-ref`, `${byRef} for update`),
    findMany: sql<Row, readonly [string, readonly string[]]>(
      `${table}.find-many`,
      `${select} and id = any ($2::uuid[]) and deleted_at is null`,
    ),
    findByExternalKey: sql<Row, readonly [string, string]>(
      `${table}.find-by-external-key`,
      `${select} and external_key = $2`,
    ),
  }
  return (tx: Transaction, projectId: string): Lookup<Row> => ({
    async find(ref) {
      const [row] =
        'id' in ref
          ? await tx.run(statements.findById, [projectId, ref.id])
          : await tx.run(statements.findByRef, [projectId, ref.refNo])
      return row
    },
    async lock(ref) {
      const [row] =
        'id' in ref
          ? await tx.run(statements.lockById, [projectId, ref.id])
          : await tx.run(statements.lockByRef, [projectId, ref.refNo])
      return row
    },
    findMany: async (ids) => (ids.length ? tx.run(statements.findMany, [projectId, ids]) : []),
    findByExternalKey: async (key) => (await tx.run(statements.findByExternalKey, [projectId, key]))[0],
  })
}
