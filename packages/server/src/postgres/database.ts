/**
 * Runs transactions. Each one starts by taking a role that owns nothing and by naming its tenant, so that
 * row-level security is the second fence behind the policy code; the settings are local to the transaction,
 * which is what makes them safe behind a pooler.
 *
 * BEGIN, the settings and the first statements travel in one round trip: the client is in pipeline mode, and
 * nobody waits for BEGIN before sending the rest. In the same way COMMIT travels behind writes whose answer nobody
 * needs. When an early statement fails the rest fail with "current transaction is aborted" and COMMIT answers
 * ROLLBACK, which is reported as a failure: fail closed.
 */
import { Pool, type PoolClient } from 'pg'
import { cancelled, isDomainError, unavailable } from '../domain/errors.ts'
import { isConnectionLost, isTransient, toDomainError } from './database-error.ts'
import { quickTypes } from './quick-types.ts'
import { sql, type Statement } from './statement.ts'

export type DatabaseRole = 'stackmemory_app' | 'stackmemory_account' | 'stackmemory_scratch'

export interface Transaction {
  run<Row, Values extends readonly unknown[]>(
    statement: Statement<Row, Values>,
    values: Values,
  ): Promise<Row[]>
}

export interface DeferringTransaction extends Transaction {
  /** Waits for a write at the commit only; its failure is the transaction's. */
  defer(write: Promise<unknown>): void
}

export interface Scope {
  role: DatabaseRole
  projectId?: string
  signal: AbortSignal
  /** False: the answer does not wait until the commit is on disk. */
  durable?: boolean
}

export interface Database {
  readonly engine: 'postgres' | 'pglite'
  transact<T>(scope: Scope, work: (tx: DeferringTransaction) => Promise<T>): Promise<T>
  /** One read in a transaction of its own, in one round trip. */
  read<Row, Values extends readonly unknown[]>(
    scope: Scope,
    statement: Statement<Row, Values>,
    values: Values,
  ): Promise<Row[]>
  close(): Promise<void>
}

const attemptsMax = 4

// Compiling a plan takes longer than any of our statements, so just-in-time compilation is off.
const openScope = sql<unknown, readonly [string, string, string, string]>(
  'transaction.scope',
  `select set_config('role', $1, true), set_config('app.project_id', $2, true), set_config('synchronous_commit', $3, true),
     set_config('statement_timeout', $4, true), set_config('jit', 'off', true), set_config('timezone', 'UTC', true)`,
)

interface Wire {
  writableCorked?: number
  cork?: () => void
  uncork?: () => void
}

/**
 * What is sent in one turn of the event loop leaves in one packet. The client writes each statement by itself,
 * and each write wakes the server: of a transaction with five statements that was a third of our processor time.
 */
const gather = (client: PoolClient) => {
  const { stream } = (client as unknown as { connection: { stream: Wire } }).connection
  if (!stream.cork || stream.writableCorked !== 0) return
  stream.cork()
  process.nextTick(() => stream.uncork?.())
}

const query = async (client: PoolClient, text: string) => {
  gather(client)
  return client.query(text)
}

const send = async (
  client: PoolClient,
  statement: { name: string; text: string },
  values: readonly unknown[],
) => {
  gather(client)
  return client.query({ name: statement.name, text: statement.text, values: [...values] })
}

/** Asks the server to stop what this connection runs; its transaction then fails and rolls back. */
const cancelBackend = async (cancelPool: Pool, client: PoolClient) => {
  const { processID } = client as unknown as { processID: number | null }
  if (processID) await cancelPool.query('select pg_cancel_backend($1)', [processID])
}

/** A connection that is lost here leaves it open whether the transaction was stored: the answer must say so. */
const commit = async (client: PoolClient, isRead: boolean) =>
  query(client, 'commit').catch((error: unknown) => {
    if (!isRead && isConnectionLost(error))
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
  pool.options.types = quickTypes
  pool.on('error', () => {}) // an idle connection broke: the pool drops it, the next caller gets a new one
  // Cancelling must not wait for a free connection: all of them may be busy with what is to be cancelled.
  const cancelPool =
    engine === 'postgres' ? new Pool({ ...pool.options, max: 1, idleTimeoutMillis: 5_000 }) : undefined
  cancelPool?.on('error', () => {})

  const attempt = async <T>(
    scope: Scope,
    work: (tx: DeferringTransaction) => Promise<T>,
    isRead: boolean,
  ): Promise<T> => {
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
    // Behind a failed statement the others only say that the transaction is aborted: the reason is in the first.
    let failure: { reason: unknown } | undefined
    const noting = async <R>(answer: Promise<R>): Promise<R> => {
      answer.catch((reason: unknown) => {
        failure ??= { reason }
      })
      return answer
    }
    const deferred: Promise<unknown>[] = []
    // What still runs when its siblings have failed must not reach the connection outside of role and tenant.
    let hasEnded = false
    const run: Transaction['run'] = async (statement, values) => {
      if (hasEnded) throw new Error(`${statement.name} came after the end of its transaction`)
      if (scope.signal.aborted) throw cancelled(scope.signal.reason)
      const { rows } = await noting(send(client, statement, values))
      return rows as never
    }
    const defer = (write: Promise<unknown>) => {
      write.catch(() => {}) // it is awaited below, unless something else fails first
      deferred.push(write)
    }
    try {
      defer(noting(query(client, isRead ? 'begin read only' : 'begin')))
      const settings = [
        scope.role,
        scope.projectId ?? '',
        scope.durable === false ? 'off' : 'on',
        timeout,
      ] as const
      defer(noting(send(client, openScope, settings)))
      const result = await work({ run, defer })
      if (scope.signal.aborted) throw cancelled(scope.signal.reason)
      hasEnded = true
      const { command } = await commit(client, isRead)
      await Promise.all(deferred)
      if (command !== 'COMMIT')
        throw new Error('The transaction was rolled back because one of its statements failed')
      return result
    } catch (error) {
      hasEnded = true
      await query(client, 'rollback').catch((reason: unknown) => {
        broken = reason instanceof Error ? reason : new Error(String(reason))
      })
      throw failure && !isDomainError(error) ? failure.reason : error
    } finally {
      scope.signal.removeEventListener('abort', stop)
      client.off('error', onLost)
      await cancelling // or it could stop the next transaction of this connection
      client.release(broken)
    }
  }

  const transact = async <T>(
    scope: Scope,
    work: (tx: DeferringTransaction) => Promise<T>,
    isRead = false,
  ): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt(scope, work, isRead)
      } catch (error) {
        if (tries >= attemptsMax || !isTransient(error)) throw toDomainError(error, scope.signal)
      }
    }
  }

  return {
    engine,
    transact: async (scope, work) => transact(scope, work),
    async read(scope, statement, values) {
      const { rows } = await transact(
        scope,
        async (tx) => {
          const answer = tx.run(statement, values)
          tx.defer(answer)
          return { rows: answer } // in an object, or it would be waited for before the commit is sent
        },
        true,
      )
      return rows
    },
    async close() {
      await cancelPool?.end()
      await pool.end()
    },
  }
}
