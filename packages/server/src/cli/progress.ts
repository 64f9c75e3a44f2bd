import ora from 'ora'
import type { Io } from './io.ts'

export interface Progress {
  /** What is being done now. On a terminal it replaces the last text. */
  readonly step: (text: string) => void
  /** The same, for what changes many times a second: shown on a terminal only. */
  readonly detail: (text: string) => void
  readonly done: () => void
}

/** Progress on stderr: a spinner for a person, one line per step for a log. */
export const createProgress = (io: Io, initial = 'Starting'): Progress => {
  if (!io.stderr.isTTY)
    return { step: (text) => void io.stderr.write(`${text}…\n`), detail: () => {}, done: () => {} }
  const color = io.env['NO_COLOR'] ? false : 'cyan'
  // Inside the owner of the memory the standard input is not the person's.
  const discardStdin = io.opened === undefined
  const spinner = ora({ stream: io.stderr, text: initial, color, discardStdin }).start()
  const show = (text: string) => void (spinner.text = text)
  return { step: show, detail: show, done: () => void spinner.stop() }
}

const barWidth = 24

/** `[======>       ] 48 %` */
export const formatBar = (done: number, total: number): string => {
  const share = total > 0 ? Math.min(1, done / total) : 0
  const filled = Math.round(share * barWidth)
  const bar = filled > 0 ? `${'='.repeat(filled - 1)}${filled < barWidth ? '>' : '='}` : ''
  return `[${bar.padEnd(barWidth)}] ${Math.floor(share * 100)} %`
}
