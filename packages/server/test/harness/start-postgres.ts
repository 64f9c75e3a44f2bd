import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs'
import { chown, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { findPostgresBinaries, serverUser } from './postgres-binaries.ts'

/** A PostgreSQL cluster of our own, in a temporary directory, on a free port of the loopback interface. */
export interface PostgresCluster {
  /** URL of the superuser on database `postgres`. */
  readonly url: string
  /** Process id of the running postmaster; changes with {@link PostgresCluster.restart}. */
  readonly pid: number
  readonly dataDir: string
  /** Shuts down and removes all files. */
  stop(): Promise<void>
  /** `kill -9` of the postmaster, and waits until it is gone. Files stay; `restart` recovers. */
  kill(): Promise<void>
  /** Starts again on the same port and files, after a fast shutdown when it was still running. */
  restart(): Promise<void>
}

/** Fast and forgetful: right for tests that do not crash the server. */
const forgetful = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']
const common = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'shared_buffers=128MB',
  'timezone=UTC',
  'log_timezone=UTC',
  'jit=off',
]
const prefix = 'stackmemory-pg-'
const startTimeoutMs = 60_000

/** Starts a cluster. With `fsync: true` it is as durable as production, for crash tests and benchmarks. */
export async function startPostgres(options: { fsync?: boolean } = {}): Promise<PostgresCluster> {
  await removeOrphans()
  const binaries = await findPostgresBinaries()
  const root = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`))
  const removeFiles = () => {
    for (const folder of [root, binaries.temporaryFolder]) {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    }
  }
  try {
    const password = randomBytes(16).toString('hex')
    const dataDir = await initialise(binaries.initdb, root, password)
    const port = await freePort()
    const settings = [...common, ...(options.fsync ? [] : forgetful), `port=${port}`]
    const url = `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`
    let server = await spawnServer(binaries.postgres, dataDir, settings, url)
    const killOnExit = () => {
      server.kill('SIGKILL')
      removeFiles()
    }
    process.once('exit', killOnExit)
    return {
      url,
      dataDir,
      get pid() {
        return server.pid ?? 0
      },
      async stop() {
        await shutDown(server)
        process.off('exit', killOnExit)
        removeFiles()
      },
      async kill() {
        await endWith(server, 'SIGKILL')
      },
      async restart() {
        await shutDown(server)
        server = await spawnServer(binaries.postgres, dataDir, settings, url)
      },
    }
  } catch (error) {
    removeFiles()
    throw error
  }
}

async function initialise(initdb: string, root: string, password: string): Promise<string> {
  const dataDir = join(root, 'data')
  const passwordFile = join(root, 'password')
  await mkdir(dataDir, { mode: 0o700 })
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (serverUser) {
    for (const path of [root, dataDir, passwordFile]) await chown(path, serverUser.uid, serverUser.gid)
  }
  // The same collation as the embedded engine: C order, Unicode character classes where the system has them.
  const ctype = process.platform === 'linux' ? ['--lc-ctype=C.UTF-8'] : []
  await promisify(execFile)(
    initdb,
    ['-D', dataDir, '-U', 'postgres', '-A', 'password', `--pwfile=${passwordFile}`, '--no-sync'].concat(
      ['--encoding=UTF8', '--locale=C', '--no-instructions'],
      ctype,
    ),
    { ...serverUser, cwd: root },
  )
  return dataDir
}

async function spawnServer(postgres: string, dataDir: string, settings: string[], url: string) {
  const deadline = performance.now() + startTimeoutMs
  for (;;) {
    const logFile = join(dataDir, '..', 'server.log')
    const log = openSync(logFile, 'a')
    const server = spawn(postgres, ['-D', dataDir, ...settings.flatMap((setting) => ['-c', setting])], {
      ...serverUser,
      cwd: dataDir,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    await once(server, 'spawn')
    if (await becomesReady(server, url, deadline)) return server
    // After a kill -9 the orphaned backends hold the shared memory for a moment longer.
    if (performance.now() > deadline || !readFileSync(logFile, 'utf8').includes('shared memory block')) {
      server.kill('SIGKILL')
      throw new Error(`PostgreSQL did not start:\n${readFileSync(logFile, 'utf8').slice(-4000)}`)
    }
    await sleep(100)
  }
}

async function becomesReady(server: ChildProcess, url: string, deadline: number): Promise<boolean> {
  while (performance.now() < deadline && server.exitCode === null && server.signalCode === null) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 1000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return true
    } catch {
      await sleep(25)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  return false
}

async function shutDown(server: ChildProcess): Promise<void> {
  const patience = setTimeout(() => server.kill('SIGKILL'), 20_000)
  await endWith(server, 'SIGINT')
  clearTimeout(patience)
}

async function endWith(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const exited = once(server, 'exit')
  server.kill(signal)
  await exited
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP port')
  await new Promise((resolve) => probe.close(resolve))
  return address.port
}

/** Clusters whose test run was killed before it could clean up. */
async function removeOrphans(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]
    if (owner === undefined || isAlive(Number(owner))) continue
    const root = join(tmpdir(), name)
    await stopOrphan(join(root, 'data'))
    await rm(root, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined)
  }
}

async function stopOrphan(dataDir: string): Promise<void> {
  const file = join(dataDir, 'postmaster.pid')
  if (!existsSync(file)) return
  const pid = Number((await readFile(file, 'utf8')).split('\n')[0])
  // A postmaster's working directory is its data directory: never signal a process that reused the number.
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  if (cwd !== dataDir) return
  process.kill(pid, 'SIGQUIT')
  for (let i = 0; i < 100 && isAlive(pid); i++) await sleep(50)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
