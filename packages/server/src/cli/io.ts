/** What a command may touch of the process. `main.ts` supplies the real one; tests supply their own. */
import type { Writable } from 'node:stream'

export interface Io {
  env: NodeJS.ProcessEnv
  stdout: Writable & { isTTY?: boolean }
  stderr: Writable & { isTTY?: boolean }
  /** Resolves when the process is asked to stop (SIGINT, SIGTERM). */
  stopped: Promise<NodeJS.Signals>
  /** Sets the exit code of the process. */
  setExitCode(code: number): void
}

/** Exit codes, as `sysexits.h` and other tools use them. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  unavailable: 69,
  conflict: 75,
  configuration: 78,
} as const

export const print = (io: Io, text: string) => void io.stdout.write(`${text}\n`)
export const printJson = (io: Io, value: unknown) => print(io, JSON.stringify(value, null, 2))
export const warn = (io: Io, text: string) => void io.stderr.write(`${text}\n`)
