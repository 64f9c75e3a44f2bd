/**
 * `stackmemory doctor`: looks at everything that has to be right for the server to run, changes nothing, and
 * says for each thing that is not right what to do. While a server has the embedded database open, it is asked
 * instead of the database.
 */
import { constants, existsSync } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { Pool } from 'pg'
import { isDomainError } from '../domain/errors.ts'
import { loadEnv, type Env } from '../env.ts'
import { assertOwnSocket } from '../local/address.ts'
import { createLocalFetch } from '../local/local-fetch.ts'
import { findOwner, type Owner } from '../postgres/embedded/directory-lock.ts'
import { openEmbedded } from '../postgres/embedded/open-embedded.ts'
import { readSnapshotHeader } from '../postgres/embedded/restore-snapshot.ts'
import { listSnapshots } from '../postgres/embedded/snapshot-folder.ts'
import { failed, ok, warning, type Check } from './check.ts'
import { checkDatabase } from './doctor-database.ts'
import { explainConnection } from './explain-connection.ts'
import { exitCodes, print, printJson, type Io } from './io.ts'
import { createCommandLog } from './local.ts'
import { createProgress } from './progress.ts'

const nodeMin = [20, 19] as const
const freeBytesMin = 150 * 2 ** 20
const freeBytesWarn = 2 ** 30
const healthTimeoutMs = 3_000

const checkNode = (version: string): Check => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1]))
    return ok('node', `Node.js ${version}`)
  return failed('node', `Node.js ${version} is too old. Install ${nodeMin.join('.')} or newer.`)
}

const checkDirectory = async (env: Env): Promise<Check> => {
  const name = 'data directory'
  const dir = env.DATA_DIR
  const stats = await stat(dir).catch(() => undefined)
  if (!stats) {
    let parent = dirname(dir)
    while (!existsSync(parent) && parent !== dirname(parent)) parent = dirname(parent)
    const writable = await access(parent, constants.W_OK).then(
      () => true,
      () => false,
    )
    return writable
      ? ok(name, `${dir} is not there yet; the first start makes it.`)
      : failed(
          name,
          `${dir} is not there and cannot be made. Set DATA_DIR to a directory that you may write.`,
        )
  }
  if (!stats.isDirectory()) return failed(name, `${dir} is a file. Set DATA_DIR to a directory.`)
  const isWritable = await access(dir, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  if (!isWritable)
    return failed(name, `${dir} may not be written by this user. Correct its owner, or set DATA_DIR.`)
  if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0)
    return warning(name, `Other users may look into ${dir}. Run: chmod 700 ${dir}`)
  return ok(name, dir)
}

const checkDisk = async (env: Env): Promise<Check> => {
  let dir = env.DATA_DIR
  while (!existsSync(dir) && dir !== dirname(dir)) dir = dirname(dir)
  const { bavail, bsize } = await statfs(dir)
  const free = bavail * bsize
  const text = `${(free / 2 ** 30).toFixed(1)} GB free`
  if (free < freeBytesMin) return failed('disk', `${text}. Free at least 150 MB, or writing fails.`)
  return free < freeBytesWarn ? warning('disk', `${text}. Free some space soon.`) : ok('disk', text)
}

const checkSnapshots = async (env: Env): Promise<Check> => {
  const snapshots = await listSnapshots(env.DATA_DIR)
  const newest = snapshots.at(-1)
  if (newest === undefined)
    return existsSync(join(env.DATA_DIR, 'pg'))
      ? warning('snapshots', 'There is none yet. The server writes one a day and when it stops.')
      : ok('snapshots', 'None, and nothing to take one of.')
  const header = await readSnapshotHeader(newest).catch(() => undefined)
  if (!header)
    return failed(
      'snapshots',
      `The newest, ${newest}, cannot be read. Stop the server once, so that it writes another.`,
    )
  // One is written a day while something changes, so an old one alone is no fault.
  return ok('snapshots', `${snapshots.length} kept, the newest of ${header.createdAt}`)
}

/** What answers at a URL: our report, something else, or nothing. */
const askHealth = async (url: string): Promise<'ready' | 'not ready' | 'another' | 'silent'> => {
  try {
    const response = await fetch(new URL('/ready', url), { signal: AbortSignal.timeout(healthTimeoutMs) })
    const body: unknown = await response.json().catch(() => undefined)
    if (typeof body !== 'object' || body === null || !('status' in body)) return 'another'
    return response.ok ? 'ready' : 'not ready'
  } catch (error) {
    return error instanceof TypeError || (error instanceof Error && error.name === 'TimeoutError')
      ? 'silent'
      : 'another'
  }
}

/** The broker of local clients listens on its private address only. */
const checkBroker = async (address: string, who: string): Promise<Check> => {
  try {
    assertOwnSocket(address)
    const response = await createLocalFetch(address)('/ready', {
      signal: AbortSignal.timeout(healthTimeoutMs),
    })
    if (response.ok) return ok('database', `Open in the broker of local clients (${who}), which answers.`)
  } catch (error) {
    if (isDomainError(error)) return failed('database', error.publicMessage)
  }
  return failed(
    'database',
    `Open in the broker of local clients (${who}), which does not answer. Look at broker.log in the data directory.`,
  )
}

const checkOwner = async (owner: Owner): Promise<Check> => {
  const { url, local, kind } = owner.info
  const who = `process ${owner.pid} on ${owner.hostname}`
  if (kind === 'broker' && local) return checkBroker(local, who)
  if (!url)
    return warning(
      'database',
      `Opened by ${who}, which does not listen yet, or never will. Wait for it to end, then try again.`,
    )
  const health = await askHealth(url)
  return health === 'ready'
    ? ok('database', `Open in the server at ${url} (${who}), which answers.`)
    : failed(
        'database',
        `Open in the server at ${url} (${who}), which does not answer. Look at its log, or restart it.`,
      )
}

const tryListen = (host: string, port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })

const checkPort = async (env: Env, owner: Owner | undefined): Promise<Check> => {
  const place = `${env.HOST}:${env.PORT}`
  const problem = await tryListen(env.HOST, env.PORT)
  if (problem === undefined) return ok('port', env.PORT === 0 ? 'A free one is chosen.' : `${place} is free.`)
  if (problem === 'EACCES')
    return failed('port', `This user may not listen on ${place}. Set PORT to 1024 or more.`)
  if (problem !== 'EADDRINUSE') return failed('port', `${place} cannot be listened on. Check HOST.`)
  const host = env.HOST.includes(':') ? `[${env.HOST}]` : env.HOST
  const health = await askHealth(`http://${host}:${env.PORT}`)
  const isOurs = health === 'ready' || health === 'not ready'
  if (isOurs && owner) return ok('port', `${place} is used by the running server.`)
  if (isOurs)
    return warning(
      'port',
      `${place} is used by a StackMemory server with other data. Set PORT to run a second one.`,
    )
  return failed('port', `${place} is used by another program. Set PORT to a free one.`)
}

const checkEmbedded = async (env: Env, io: Io, now: Date): Promise<Check[]> => {
  if (!existsSync(join(env.DATA_DIR, 'pg'))) return [ok('database', 'Not created yet; the first start does.')]
  try {
    const database = await openEmbedded({
      dataDir: env.DATA_DIR,
      log: createCommandLog(env),
      maintenanceIntervalMs: 0,
      snapshotIntervalMs: 0,
    })
    try {
      return await checkDatabase(database.pool, now)
    } finally {
      await database.close()
    }
  } catch (error) {
    if (isDomainError(error)) return [failed('database', error.publicMessage)]
    throw error
  }
}

const checkPostgres = async (url: string, now: Date): Promise<Check[]> => {
  const pool = new Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 10_000 })
  pool.on('error', () => {})
  try {
    return await checkDatabase(pool, now)
  } catch (error) {
    const explained = explainConnection(error)
    return [failed('database', isDomainError(explained) ? explained.publicMessage : 'It cannot be reached.')]
  } finally {
    await pool.end()
  }
}

const readEnv = (io: Io): Env | Check => {
  try {
    return loadEnv(io.env)
  } catch (error) {
    if (isDomainError(error)) return failed('configuration', error.publicMessage)
    throw error
  }
}

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || host.startsWith('127.')

const checkConfiguration = (env: Env): Check => {
  if (!isLoopback(env.HOST) && env.PUBLIC_URL === undefined)
    return warning(
      'configuration',
      `HOST ${env.HOST} is open to other machines. Set PUBLIC_URL to the https address that clients use.`,
    )
  if (env.DATABASE_URL !== undefined && env.SECRET_KEY === undefined)
    return warning(
      'configuration',
      'SECRET_KEY is not set, so it lies in DATA_DIR. Set it when more than one instance runs.',
    )
  return ok('configuration', env.DATABASE_URL === undefined ? 'Embedded database' : 'PostgreSQL')
}

const examine = async (io: Io): Promise<Check[]> => {
  const now = new Date()
  const checks = [checkNode(process.versions.node)]
  const env = readEnv(io)
  if ('status' in env) return [...checks, env]
  checks.push(checkConfiguration(env))
  if (env.DATABASE_URL !== undefined)
    return [
      ...checks,
      ...(await checkPostgres(env.DATABASE_URL_DIRECT ?? env.DATABASE_URL, now)),
      await checkPort(env, undefined),
    ]
  const owner = await findOwner(env.DATA_DIR)
  return [
    ...checks,
    await checkDirectory(env),
    await checkDisk(env),
    ...(owner ? [await checkOwner(owner)] : await checkEmbedded(env, io, now)),
    await checkSnapshots(env),
    await checkPort(env, owner),
  ]
}

const marks = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const

export const doctor = async (io: Io, options: { json?: boolean }): Promise<void> => {
  const progress = createProgress(io, 'Looking')
  try {
    const checks = await examine(io)
    progress.done()
    const isHealthy = checks.every((check) => check.status !== 'fail')
    if (options.json) printJson(io, { healthy: isHealthy, checks })
    else
      print(
        io,
        checks.map((each) => `${marks[each.status]}  ${each.name.padEnd(14)}  ${each.message}`).join('\n'),
      )
    if (!isHealthy) io.setExitCode(exitCodes.failure)
  } finally {
    progress.done()
  }
}
