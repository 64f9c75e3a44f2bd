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
  data: 65,
  unavailable: 69,
  conflict: 75,
  configuration: 78,
  interrupted: 130,
} as const

/** A command cannot go on: one sentence for a person, and the exit code that says what kind of failure it is. */
export class CommandFailure extends Error {
  readonly exitCode: number

  constructor(exitCode: number, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'CommandFailure'
    this.exitCode = exitCode
  }
}

export const usageError = (message: string) => new CommandFailure(exitCodes.usage, message)
export const dataError = (message: string, cause?: unknown) =>
  new CommandFailure(exitCodes.data, message, { cause })

export const print = (io: Io, text: string) => void io.stdout.write(`${text}\n`)
export const printJson = (io: Io, value: unknown) => print(io, JSON.stringify(value, null, 2))
export const warn = (io: Io, text: string) => void io.stderr.write(`${text}\n`)
