import type { Receipt } from '../domain/memory.ts'
import type { ReceiptStore } from '../domain/ports.ts'
import { insertFromJson, selectList, toJsonRows } from './columns.ts'
import type { Transaction } from './database.ts'
import { sql } from './statement.ts'

const fields = ['id', 'operation', 'input', 'body', 'authorId', 'clientName', 'createdAt'] as const

const insert = sql<never, readonly [string, string]>('receipts.insert', insertFromJson('receipts', fields))
const find = sql<Receipt, readonly [string, string]>(
  'receipts.find',
  `select ${selectList(fields)} from receipts where project_id = $1 and id = $2`,
)

export const createReceiptStore = (tx: Transaction, projectId: string): ReceiptStore => ({
  insert: async (receipt) => void (await tx.run(insert, [projectId, toJsonRows(fields, [receipt])])),
  find: async (id) => (await tx.run(find, [projectId, id]))[0],
})
