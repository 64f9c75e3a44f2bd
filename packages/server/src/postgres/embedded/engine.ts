import { PGlite, type PGliteOptions } from '@electric-sql/pglite'
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin'
import { createPgConfig, type PglitePgConnection } from '@electric-sql/pglite/node-postgres'
import { Client, type ClientBase, type ClientConfig, Pool, type PoolConfig } from 'pg'
import type { ProtocolEngine, RecoveringEngine } from './recovering-engine.ts'

/*
 * How every PGlite of ours is started: on disk, and in memory for tests, with the same parameters.
 *
 * PGlite runs PostgreSQL in single-user mode in this very process. Measured consequences: a running query
 * blocks the event loop; `statement_timeout` is not honoured; there is one session, so everything is strictly
 * serialised; nothing checkpoints, vacuums or analyzes by itself (see maintenance.ts); the session user is a
 * superuser, so row-level security holds only in transactions that change to the application role.
 */

/** PostgreSQL major of the pinned PGlite; a directory of another major cannot be opened. */
export const embeddedMajor = '18'

const startParams = [
  '--single',
  '-O',
  '-j',
  ...[
    'search_path=public',
    'exit_on_error=false',
    'log_checkpoints=false',
    'max_worker_processes=0',
    'max_parallel_workers=0',
    'max_parallel_workers_per_gather=0',
    'max_parallel_maintenance_workers=0',
    'io_method=sync',
    // Ours. 16 MB of buffers bring the warm process from 290 MB to 163 MB of memory.
    'shared_buffers=16MB',
    'jit=off',
    'timezone=UTC',
    'min_wal_size=32MB',
    'max_wal_size=64MB',
  ].flatMap((setting) => ['-c', setting]),
]

/** `fdatasync` is a stub in this build, so the method must be `fsync`. */
const durableParams = ['-c', 'fsync=on', '-c', 'wal_sync_method=fsync']

/** Opens PGlite with our parameters. `durable` needs a file system that implements fsync. */
export async function openEngine(options: PGliteOptions & { durable: boolean }): Promise<PGlite> {
  const { durable, extensions, ...rest } = options
  return PGlite.create({
    ...rest,
    extensions: { btree_gin, ...extensions },
    startParams: [...startParams, ...(durable ? durableParams : ['-F'])],
  })
}

/**
 * A `pg.Pool` of exactly one client over PGlite.
 *
 * All clients share PGlite's one session, so a client that replaces a discarded one must find what a new
 * connection to a server would: the predecessor's last messages done, its transaction ended, its settings,
 * prepared statements, temporary tables and locks gone. (The adapter's own configuration shares one
 * connection object between clients; there the successor dies of the predecessor's end.)
 *
 * The pool does not own the engine: end the pool first, then close the engine.
 */
export function createEnginePool(
  engine: ProtocolEngine & Partial<Pick<RecoveringEngine, 'recover'>>,
  options: Pick<PoolConfig, 'connectionTimeoutMillis'> = {},
): Pool {
  let current: PglitePgConnection | undefined
  let predecessor: PglitePgConnection | undefined
  class EngineClient extends Client {
    constructor(config?: ClientConfig) {
      const { connection } = createPgConfig(engine as PGlite)
      const withConnection: ClientConfig & { connection: unknown } = { ...config, connection }
      super(withConnection)
      // An engine that stopped ends its client, and not everybody who has one checked out listens.
      this.on('error', () => undefined)
      predecessor = current
      current = connection
    }
  }
  const config: Omit<PoolConfig, 'onConnect'> & { onConnect: (client: ClientBase) => Promise<void> } = {
    ...options,
    Client: EngineClient,
    user: 'postgres',
    database: 'postgres',
    max: 1,
    idleTimeoutMillis: 0,
    async onConnect(client) {
      if (predecessor === undefined) return
      await drained(predecessor)
      await engine.recover?.()
      await client.query('rollback')
      await client.query('discard all')
    },
  }
  return new Pool(config)
}

/** Ending a connection of the adapter again is harmless, and it reports the end when all is answered. */
function drained(connection: PglitePgConnection): Promise<void> {
  return new Promise((resolve) => {
    connection.end() // first: it removes all listeners
    connection.once('end', resolve)
  })
}
