/**
 * Connects to the owner of a data directory, and starts one when there is none: a broker, the same program, detached,
 * which ends by itself when its last client has gone. The lock of the directory decides who is owner, so any number
 * of clients may do this at once: one broker wins, the others end, and their clients find the winner.
 *
 * This file and what it imports are bundled into the bridge: no database, no schemas, no framework.
 */
import { spawn } from 'node:child_process'
import { closeSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join, resolve as resolvePath } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { unavailable } from '../domain/errors.ts'
import { assertOwnSocket } from './address.ts'
import { createLocalFetch, type LocalFetch, localOrigin } from './local-fetch.ts'
import { isAlive, type LockHolder, readLock } from './owner.ts'
import { createStartTicket } from './start-ticket.ts'

export interface ConnectLocalOptions {
  readonly dataDir: string
  /** Environment of the broker, without what belongs to a server (see `brokerEnv`). */
  readonly env: NodeJS.ProcessEnv
  /** Program and arguments that start a broker. Default: this program's `broker` command. */
  readonly command?: readonly string[]
  /** How long to try. A first start creates the database, which takes seconds. */
  readonly startTimeoutMs?: number
  readonly signal?: AbortSignal
}

export interface LocalConnection {
  /** The process that owns the directory, and what it says about itself. */
  readonly owner: LockHolder
  /** Takes a path such as `/mcp`, or a URL of which only path and query count. */
  readonly fetch: LocalFetch
  /** Resolves when the owner went away, or after `close`. Connect again then. */
  readonly closed: Promise<void>
  close(): void
}

const startTimeoutMsDefault = 60_000
const pollMs = 15
/** How long an owner may think before it answers that a client is attached; a query blocks it for a while. */
const attachTimeoutMs = 10_000
/** After a broker ended without having become the owner, before the next one is started. */
const restartMs = 150

/** Exit codes of a broker that mean: not now, somebody else is the owner. */
const exitQuiet: ReadonlySet<number> = new Set([0, 75])

/**
 * @throws DomainError `unavailable` when no owner answered in time, the broker could not start, or the socket may be
 *   somebody else's.
 */
export const connectLocal = async (options: ConnectLocalOptions): Promise<LocalConnection> => {
  const dataDir = resolvePath(options.dataDir)
  const startTimeoutMs = options.startTimeoutMs ?? startTimeoutMsDefault
  const deadlineMs = performance.now() + startTimeoutMs
  makeFolder(dataDir)
  const isOwned = rememberLiveness()
  const ticket = createStartTicket(dataDir)
  let broker: StartedBroker | undefined
  try {
    for (;;) {
      options.signal?.throwIfAborted()
      const holder = readLock(dataDir)
      const connection = holder && (await attach(holder, options.signal))
      if (connection) return connection
      if (broker?.failure) throw broker.failure
      const mayStart = broker === undefined || broker.mayRestart()
      if (isOwned(holder)) ticket.giveBack()
      else if (mayStart && ticket.take()) broker = startBroker(dataDir, options)
      if (performance.now() > deadlineMs) throw noAnswer(dataDir, holder, startTimeoutMs)
      await sleep(pollMs, undefined, { signal: options.signal })
    }
  } finally {
    ticket.giveBack()
  }
}

const livenessMs = 200

/** Whether the holder runs; asked a few times a second at most, because where there is no /proc it starts a program. */
const rememberLiveness = () => {
  let last = { id: '', atMs: -Infinity, isAlive: false }
  return (holder: LockHolder | undefined): boolean => {
    if (holder === undefined) return false
    const now = performance.now()
    if (last.id !== holder.id || now - last.atMs > livenessMs)
      last = { id: holder.id, atMs: now, isAlive: isAlive(holder) === true }
    return last.isAlive
  }
}

/** Undefined when nobody listens there, or not any more. */
const attach = async (holder: LockHolder, signal: AbortSignal | undefined) => {
  const address = holder.info['local']
  if (address === undefined) return undefined
  assertOwnSocket(address)
  return new Promise<LocalConnection | undefined>((resolve) => {
    const abort = () => void request.destroy()
    const done = (connection?: LocalConnection) => {
      signal?.removeEventListener('abort', abort)
      resolve(connection)
    }
    const request = httpRequest({
      socketPath: address,
      path: '/local/attach',
      headers: { host: new URL(localOrigin).host },
      agent: false,
      timeout: attachTimeoutMs,
    })
    request.once('timeout', () => request.destroy())
    request.on('error', () => done())
    request.once('response', (response) => {
      if (response.statusCode !== 200) {
        response.resume()
        return done()
      }
      request.setTimeout(0)
      response.on('error', () => undefined)
      const closed = new Promise<void>((end) => void response.once('close', () => end()))
      response.resume()
      done({ owner: holder, fetch: createLocalFetch(address), closed, close: () => void request.destroy() })
    })
    signal?.addEventListener('abort', abort)
    request.end()
  })
}

const makeFolder = (dataDir: string) => {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw unavailable(
      `${dataDir} cannot be made. Correct the owner of its parent, or set DATA_DIR to another directory.`,
      error,
    )
  }
}

interface StartedBroker {
  failure: Error | undefined
  mayRestart(): boolean
}

const startBroker = (dataDir: string, options: ConnectLocalOptions): StartedBroker => {
  const [program = process.execPath, ...args] = options.command ?? defaultCommand()
  const logBytes = sizeOf(brokerLogPath(dataDir))
  const broker = { failure: undefined as Error | undefined, endedAtMs: undefined as number | undefined }
  const child = spawn(program, args, {
    detached: true,
    stdio: 'ignore',
    cwd: dataDir,
    env: brokerEnv(options.env, dataDir),
    windowsHide: true,
  })
  child.unref()
  child.once('error', (error) => {
    broker.failure = unavailable(`The local memory could not be started: ${program} does not run.`, error)
  })
  child.once('exit', (code) => {
    broker.endedAtMs = performance.now()
    // Killed: the next one may succeed. Anything else it has written down.
    if (code !== null && !exitQuiet.has(code)) broker.failure = couldNotStart(dataDir, code, logBytes)
  })
  return {
    get failure() {
      return broker.failure
    },
    mayRestart: () => broker.endedAtMs !== undefined && performance.now() - broker.endedAtMs > restartMs,
  }
}

const defaultCommand = () => [
  process.execPath,
  fileURLToPath(new URL('../../bin/stackmemory.js', import.meta.url)),
  'broker',
]

/** A broker serves the embedded database on its private address only, whatever its first client was set up for. */
const notForBrokers = new Set([
  'DATABASE_URL',
  'DATABASE_URL_DIRECT',
  'DATABASE_URL_FILE',
  'DATABASE_URL_DIRECT_FILE',
  'PORT',
  'HOST',
  'PUBLIC_URL',
  'DATA_DIR_FILE',
  // A debugger of the client would hold the broker, and its port.
  'NODE_OPTIONS',
  'NODE_CHANNEL_FD',
  'STACKMEMORY_ENDPOINT',
])

/** Nor does it keep the keys of its first client, which may belong to anything; but it needs the memory's own. */
const isKeyOfClient = (name: string) =>
  /^RUNWAY_|(?:^|_)(?:API_?KEY|TOKEN)$|SECRET/i.test(name) && !/^SECRET_KEY(?:_FILE)?$/i.test(name)

export const brokerEnv = (env: NodeJS.ProcessEnv, dataDir: string): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(env).filter(([name]) => !notForBrokers.has(name) && !isKeyOfClient(name)),
  ),
  DATA_DIR: dataDir,
})

/** What the broker writes instead of speaking to a terminal. */
export const brokerLogPath = (dataDir: string): string => join(dataDir, 'broker.log')

const couldNotStart = (dataDir: string, code: number, logBytesBefore: number) => {
  const path = brokerLogPath(dataDir)
  const reason = lastReason(path, logBytesBefore)
  return unavailable(
    `The local memory could not be started: ${reason ?? `it ended with code ${code}.`} The log is ${path}.`,
  )
}

const reasonBytesMax = 16_384

/** The sentence that the broker wrote last, if it wrote anything since. */
const lastReason = (path: string, bytesBefore: number): string | undefined => {
  try {
    const file = openSync(path, 'r')
    try {
      const { size } = fstatSync(file)
      const from = Math.max(size < bytesBefore ? 0 : bytesBefore, size - reasonBytesMax)
      const buffer = Buffer.alloc(size - from)
      readSync(file, buffer, 0, buffer.length, from)
      const reasons = buffer.toString().split('\n').flatMap(reasonOf)
      return reasons.at(-1)
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

const reasonOf = (line: string): string[] => {
  try {
    const { reason } = JSON.parse(line) as { reason?: unknown }
    return typeof reason === 'string' ? [reason] : []
  } catch {
    return []
  }
}

const sizeOf = (path: string): number => {
  try {
    const file = openSync(path, 'r')
    try {
      return fstatSync(file).size
    } finally {
      closeSync(file)
    }
  } catch {
    return 0
  }
}

const noAnswer = (dataDir: string, holder: LockHolder | undefined, waitedMs: number) => {
  const seconds = Math.round(waitedMs / 1_000)
  if (holder === undefined)
    return unavailable(
      `The local memory in ${dataDir} did not start within ${seconds} s. The log is ${brokerLogPath(dataDir)}.`,
    )
  return unavailable(
    `Process ${holder.pid} on ${holder.hostname} has ${dataDir} open and did not answer within ${seconds} s. ` +
      'Wait until it is done, or stop it, then try again.',
  )
}
