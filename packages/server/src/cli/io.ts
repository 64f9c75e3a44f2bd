/** What a command may touch of the process. `main.ts` supplies the real one; tests supply their own. */
import type { Writable } from 'node:stream'
import type { OpenedMemory } from './opened-memory.ts'

export interface Io {
  env: NodeJS.ProcessEnv
  /** Directory that the person is in. */
  cwd: string
  /** On a terminal with its size in characters. */
  stdout: Writable & { isTTY?: boolean; columns?: number; rows?: number }
  stderr: Writable & { isTTY?: boolean }
  /** Resolves when the process is asked to stop (SIGINT, SIGTERM). */
  stopped: Promise<NodeJS.Signals>
  /** Shows a text in the person's pager until they leave it; false when none can be started. */
  page?(text: string): Promise<boolean>
  /** The memory that this process has open already, when a command runs inside its owner. */
  opened?: OpenedMemory
  /** In a checkout, the bridge that was built there: clients start it in place of the published package. */
  bridge?: string
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

/** What JSON leaves as it is and a terminal obeys or hides: C1 controls, bidirectional and invisible characters. */
const unsafeInJson =
  /[\u007F-\u009F\u00AD\u061C\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]|[\u{E0000}-\u{E0FFF}]/gu

/** JSON in which such characters are escaped, so that it says the same and is safe to look at. */
export const toSafeJson = (value: unknown, indent = 2) =>
  JSON.stringify(value, null, indent).replace(unsafeInJson, escapeUnits)

const escapeUnits = (found: string) =>
  [...Array(found.length).keys()]
    .map((index) => `\\u${found.charCodeAt(index).toString(16).padStart(4, '0')}`)
    .join('')

/** Somebody else's text with what a terminal obeys or hides escaped as in JSON. Line ends and tabs stay. */
export const escapeControls = (text: string) =>
  text.replace(/[^\P{Cc}\n\t]/gu, escapeUnits).replace(unsafeInJson, escapeUnits)

export const print = (io: Io, text: string) => void io.stdout.write(`${text}\n`)
export const printJson = (io: Io, value: unknown) => print(io, toSafeJson(value))
export const warn = (io: Io, text: string) => void io.stderr.write(`${text}\n`)
