/** Runs a command line inside the process that has the data directory open, and shows here what it writes there. */
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { unavailable } from '../domain/errors.ts'
import { assertOwnSocket } from '../local/address.ts'
import { createLocalFetch, type LocalFetch } from '../local/local-fetch.ts'
import { decodeFrames } from '../local/run-frames.ts'
import type { Io } from './io.ts'

/** Thrown where a command would open a directory that a server or broker has open: it can run inside that. */
export class OwnedElsewhere extends Error {
  /** Undefined while the owner is starting. */
  readonly address: string | undefined

  constructor(address: string | undefined) {
    super('The data directory is open in another process')
    this.name = 'OwnedElsewhere'
    this.address = address
  }
}

/** What belongs to the person and their terminal; everything else is the owner's. */
export const terminalVariables: readonly string[] = [
  'NO_COLOR',
  'TERM',
  'HOME',
  'XDG_CONFIG_HOME',
  'GIT_DIR',
  'GIT_COMMON_DIR',
  'GIT_WORK_TREE',
  'GIT_CONFIG_GLOBAL',
]

/** Commands that are about a process or its files. They never ask for it; nobody else may run them there either. */
const localOnly = new Set(['serve', 'broker', 'migrate', 'doctor', 'snapshot', 'connect', 'hook'])

/** @param command the first name of the command, as it was understood and not as it was typed */
export const isLocalOnly = (command: string): boolean => localOnly.has(command)

const requestOf = (argv: readonly string[], io: Io) => ({
  argv,
  cwd: io.cwd,
  env: Object.fromEntries(
    terminalVariables.flatMap((name) => (io.env[name] === undefined ? [] : [[name, io.env[name]]])),
  ),
  terminal: {
    stdout: io.stdout.isTTY === true,
    stderr: io.stderr.isTTY === true,
    columns: io.stdout.columns,
    rows: io.stdout.rows,
  },
  canPage: io.page !== undefined,
})

/**
 * @param argv without program and script
 * @returns false when nobody listens there any more, and nothing was done
 * @throws DomainError `unavailable` when the owner went away before the command had ended
 */
export const runInOwner = async (address: string, argv: readonly string[], io: Io): Promise<boolean> => {
  assertOwnSocket(address)
  const fetch = createLocalFetch(address)
  const gone = new AbortController()
  const response = await fetch('/local/run', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(requestOf(argv, io)),
    signal: gone.signal,
  }).catch((error: unknown) => {
    if (isNobody(error)) return undefined
    throw brokenOff(error)
  })
  if (response === undefined || response.status === 503) return false
  if (!response.ok || response.body === null) throw await refused(response)
  const id = response.headers.get('x-run-id') ?? ''
  void io.stopped.then(async () => stop(fetch, id))
  // Whoever reads our output may leave before the end: then nobody needs the rest.
  for (const stream of [io.stdout, io.stderr]) stream.once('error', () => gone.abort())
  try {
    io.setExitCode(await show(response.body as AsyncIterable<Uint8Array>, io))
  } catch (error) {
    if (!gone.signal.aborted) throw brokenOff(error)
  }
  return true
}

/** The exit code of the command, when all that it wrote was shown. */
const show = async (body: AsyncIterable<Uint8Array>, io: Io): Promise<number> => {
  for await (const { channel, payload } of decodeFrames(body)) {
    switch (channel) {
      case 'stdout':
        await write(io.stdout, payload)
        break
      case 'stderr':
        await write(io.stderr, payload)
        break
      case 'page':
        if (!(await io.page?.(payload.toString()))) await write(io.stdout, payload)
        break
      case 'exit':
        return (JSON.parse(payload.toString()) as { code: number }).code
    }
  }
  throw new Error('the output ended without an exit code')
}

const write = async (stream: Writable, bytes: Buffer) => {
  if (!stream.write(bytes)) await once(stream, 'drain')
}

const stop = async (fetch: LocalFetch, id: string) =>
  fetch(`/local/run/${id}/stop`, { method: 'POST' }).catch(() => undefined)

/** The connection was not made, so the command was not begun. */
const isNobody = (error: unknown) => {
  const code = (error as { cause?: { code?: unknown } } | null)?.cause?.code
  return code === 'ENOENT' || code === 'ECONNREFUSED'
}

const brokenOff = (cause: unknown) =>
  unavailable(
    'The process that has the data directory open went away before the command had ended. What it had done by then is kept; run the command again.',
    cause,
  )

const refused = async (response: Response) => {
  const body: unknown = await response.json().catch(() => undefined)
  const detail = (body as { detail?: unknown } | undefined)?.detail
  return unavailable(
    typeof detail === 'string' ? detail : 'The process that has the data directory open refused the command.',
  )
}
