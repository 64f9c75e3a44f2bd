/**
 * Runs transactions. Each one starts by taking a role that owns nothing and by naming its tenant, so that
 * row-level security is the second fence behind the policy code; the settings are local to the transaction,
 * which is what makes them safe behind a pooler.
 *
 * BEGIN, the settings and the first statements travel in one round trip: the client is in pipeline mode, and
 * nobody waits for BEGIN before sending the rest. When an early statement fails the rest fail with "current
 * transaction is aborted" and COMMIT answers ROLLBACK, which is reported as a failure: fail closed.
 */
import { Pool, type PoolClient } from 'pg'
import { cancelled, unavailable } from '../domain/errors.ts'
import { isConnectionLost, isTransient, toDomainError } from './database-error.ts'
import { sql, type Statement } from './statement.ts'

export type DatabaseRole = 'stackmemory_app' | 'stackmemory_account'

export interface Transaction {
  run<Row, Values extends readonly unknown[]>(
    statement: Statement<Row, Values>,
    values: Values,
  ): Promise<Row[]>
}

export interface Database {
  readonly engine: 'postgres' | 'pglite'
  transact<T>(
    scope: { role: DatabaseRole; projectId?: string; signal: AbortSignal; durable?: boolean },
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T>
  close(): Promise<void>
}

const attemptsMax = 4

// Compiling a plan takes longer than any of our statements, so just-in-time compilation is off.
const openScope = sql<unknown, readonly [string, string, string, string]>(
  'transaction.scope',
  `select set_config('role', $1, true), set_config('app.project_id', $2, true), set_config('synchronous_commit', $3, true),
     set_config('statement_timeout', $4, true), set_config('jit', 'off', true)`,
)

const send = async (
  client: PoolClient,
  statement: { name: string; text: string },
  values: readonly unknown[],
) => client.query({ name: statement.name, text: statement.text, values: [...values] })

/** Asks the server to stop what this connection runs; its transaction then fails and rolls back. */
const cancelBackend = async (cancelPool: Pool, client: PoolClient) => {
  const { processID } = client as unknown as { processID: number | null }
  if (processID) await cancelPool.query('select pg_cancel_backend($1)', [processID])
}

/** A connection that is lost here leaves it open whether the transaction was stored: the answer must say so. */
const commit = async (client: PoolClient) =>
  client.query('commit').catch((error: unknown) => {
    if (isConnectionLost(error))
      throw unavailable(
        'The database went away while the change was being stored, so it may or may not be there. Look for it before you repeat the call, or repeat it with the same idempotency key.',
        error,
      )
    throw error
  })

export const createDatabase = (
  pool: Pool,
  engine: Database['engine'],
  { statementTimeoutMs = 15_000 }: { statementTimeoutMs?: number } = {},
): Database => {
  const timeout = String(statementTimeoutMs)
  pool.on('error', () => {}) // an idle connection broke: the pool drops it, the next caller gets a new one
  // Cancelling must not wait for a free connection: all of them may be busy with what is to be cancelled.
  const cancelPool =
    engine === 'postgres' ? new Pool({ ...pool.options, max: 1, idleTimeoutMillis: 5_000 }) : undefined
  cancelPool?.on('error', () => {})

  const attempt: Database['transact'] = async (scope, work) => {
    if (scope.signal.aborted) throw cancelled(scope.signal.reason)
    const client = await pool.connect()
    ;(client as unknown as { pipeline: boolean }).pipeline = true
    let cancelling: Promise<void> | undefined
    const stop = () => {
      if (cancelPool) cancelling = cancelBackend(cancelPool, client).catch(() => {})
    }
    scope.signal.addEventListener('abort', stop, { once: true })
    let broken: Error | undefined
    // A client that is out of the pool has no other listener: without this one a lost connection ends the process.
    const onLost = (error: Error) => {
      broken = error
    }
    client.on('error', onLost)
    let opening: Promise<unknown> = Promise.resolve()
    try {
      opening = Promise.all([
        client.query('begin'),
        send(client, openScope, [
          scope.role,
          scope.projectId ?? '',
          scope.durable === false ? 'off' : 'on',
          timeout,
        ]),
      ])
      opening.catch(() => {})
      const result = await work({
        run: async (statement, values) => {
          if (scope.signal.aborted) throw cancelled(scope.signal.reason)
          const { rows } = await send(client, statement, values)
          return rows as never
        },
      })
      await opening
      if (scope.signal.aborted) throw cancelled(scope.signal.reason)
      const { command } = await commit(client)
      if (command !== 'COMMIT')
        throw new Error('The transaction was rolled back because one of its statements failed')
      return result
    } catch (error) {
      // A statement behind a failed opening only says that the transaction is aborted: the reason is in front.
      const first = await opening.then(
        () => error,
        (reason: unknown) => reason,
      )
      await client.query('rollback').catch((failure: unknown) => {
        broken = failure instanceof Error ? failure : new Error(String(failure))
      })
      throw first
    } finally {
      scope.signal.removeEventListener('abort', stop)
      client.off('error', onLost)
      await cancelling // or it could stop the next transaction of this connection
      client.release(broken)
    }
  }

  return {
    engine,
    async transact(scope, work) {
      for (let tries = 1; ; tries++) {
        try {
          return await attempt(scope, work)
        } catch (error) {
          if (tries >= attemptsMax || !isTransient(error)) throw toDomainError(error, scope.signal)
        }
      }
    },
    async close() {
      await cancelPool?.end()
      await pool.end()
    },
  }
}
