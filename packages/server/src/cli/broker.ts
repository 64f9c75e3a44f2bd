/**
 * `stackmemory broker`: serves a data directory to the programs of its user on the private address, and ends when the
 * last one has gone. Clients start it when they find no owner; a person has no need to.
 *
 * What it imports at once is little: of several that are started together only the one that gets the lock goes on to
 * load the database.
 */
import { isDomainError } from '../domain/errors.ts'
import { loadEnv, type Env } from '../env.ts'
import { prepareOwner } from '../first-start.ts'
import { localAddress } from '../local/address.ts'
import { brokerLogPath } from '../local/connect-local.ts'
import { createLog } from '../log.ts'
import { claimDirectory, type DirectoryClaim } from '../postgres/embedded/claim-directory.ts'
import { createPresence } from '../presence.ts'
import { version } from '../version.ts'
import { createBoundedFile } from './broker-log.ts'
import { dataError, exitCodes, usageError, type Io } from './io.ts'

/** Whoever started it is waiting; if it was killed meanwhile, this is how long nobody is waited for. */
const firstClientMs = 15_000

export const broker = async (io: Io): Promise<void> => {
  const env = loadEnv(io.env)
  if (env.DATABASE_URL !== undefined)
    throw usageError('A broker serves the embedded memory. Use "stackmemory serve" with DATABASE_URL.')
  const log = createLog(env.LOG_LEVEL ?? 'warn', createBoundedFile(brokerLogPath(env.DATA_DIR)))
  try {
    const claim = await claimDirectory({ dataDir: env.DATA_DIR, log, ownerInfo: { kind: 'broker', version } })
    await serve(io, env, log, claim)
  } catch (error) {
    // Another process is the owner: whoever started this one finds it.
    if (isDomainError(error) && error.code === 'conflict' && error.details?.['pid'] !== undefined)
      return io.setExitCode(exitCodes.conflict)
    const reason = isDomainError(error) ? error.publicMessage : 'Something unexpected happened.'
    log.error({ err: error, reason }, 'the broker could not go on')
    // This exit code means that there is another owner, and nothing else.
    throw isDomainError(error) && error.code === 'conflict' ? dataError(error.publicMessage, error) : error
  }
}

const serve = async (io: Io, env: Env, log: ReturnType<typeof createLog>, claim: DirectoryClaim) => {
  // The engine is compiled by other threads for a quarter of a second, in which this one loads the rest.
  const opening = import('../open-database.ts').then(async ({ openDatabase }) =>
    openDatabase(env, log, () => {}, { claim, snapshotAtClose: false }),
  )
  const [database, { createBrokerApp }, { createClientRuns }] = await Promise.all([
    opening,
    import('../app.ts'),
    import('./run-for-client.ts'),
  ])
  let close = async () => database.close()
  let tidy = async () => {}
  try {
    const presence = createPresence({
      lingerMs: env.STACKMEMORY_BROKER_LINGER_MS,
      firstMs: firstClientMs,
      beforeEnd: async () =>
        tidy().catch((error: unknown) => log.warn({ err: error }, 'tidying up failed; it is tried again')),
    })
    const address = localAddress(claim.dataDir, { env: io.env })
    const app = await createBrokerApp({
      env,
      log,
      database,
      local: { address, kind: 'broker', presence, runs: createClientRuns({ env, database, log }, io.env) },
    })
    close = async () => app.close()
    // It may live for minutes only, so what a server does every hour and day is done at its end.
    tidy = async () => {
      await app.removeExpired()
      await database.embedded?.snapshotWhenDue()
    }
    await prepareOwner(app.accounts, AbortSignal.timeout(60_000))
    await claim.lock.setInfo({ kind: 'broker', version, local: address })
    await Promise.race([io.stopped, presence.over, claim.lost])
  } finally {
    await close()
  }
}
