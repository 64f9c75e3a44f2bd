import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** Names one process, also after its number was given to another one. */
export interface ProcessIdentity {
  readonly pid: number
  /** Start time in the system's own notation; empty where it cannot be had. */
  readonly startedAt: string
  readonly hostname: string
  /** Changes with every boot; empty where it cannot be had. */
  readonly bootId: string
  /** Process numbers mean something only inside one namespace (container); empty where there are none. */
  readonly pidNamespace: string
}

export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    startedAt: startTime(process.pid) ?? '',
    hostname: hostname(),
    bootId: readOrEmpty('/proc/sys/kernel/random/boot_id'),
    pidNamespace: linkOrEmpty('/proc/self/ns/pid'),
  }
}

/**
 * Whether the process still runs. `unknown` when it belongs to another machine or container, whose process
 * numbers cannot be looked up from here.
 */
export function isRunning(other: ProcessIdentity): boolean | 'unknown' {
  const own = ownIdentity()
  if (other.hostname === own.hostname && other.bootId !== own.bootId) return false
  if (other.hostname !== own.hostname || other.pidNamespace !== own.pidNamespace) return 'unknown'
  const startedAt = startTime(other.pid)
  return startedAt !== undefined && (other.startedAt === '' || startedAt === other.startedAt)
}

/** Start time of a running process; undefined when there is none, or only its zombie. */
function startTime(pid: number): string | undefined {
  if (!isSignalable(pid)) return undefined
  if (process.platform === 'linux') {
    // The second field is the name in parentheses and may hold spaces. proc(5): 3 is the state, 22 the start.
    const fields = readOrEmpty(`/proc/${pid}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : (fields[19] ?? '')
  }
  if (process.platform === 'win32') return ''
  try {
    const options = { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } } as const
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], options).trim()
  } catch {
    return ''
  }
}

function isSignalable(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

function linkOrEmpty(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
