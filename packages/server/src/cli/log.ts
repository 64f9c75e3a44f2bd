/** `stackmemory log`: what happened, newest first. */
import { listActivity, listActivityInput, type Activity } from '../domain/activity/list-activity.ts'
import { answer, parseInput, type PersonOptions } from './ask.ts'
import type { Io } from './io.ts'
import { headLines, paintStatus, textLines } from './item-lines.ts'
import { displayWidth, fitText, safeLine } from './terminal-text.ts'
import { parseMoment } from './terminal-time.ts'
import type { View } from './view.ts'

export interface LogOptions extends PersonOptions {
  since?: string
  until?: string
  author?: string
  kind?: string[]
  limit?: number
  oneline?: boolean
  frame?: string
}

const textLinesMax = 20

const oneLine = (view: View, entry: Activity, refWidth: number): string => {
  const status = entry.kind === 'error' || entry.status === 'recorded' ? '' : ` (${entry.status})`
  const head = `${entry.ref.padEnd(refWidth)} ${view.time(entry.at).slice(0, 14)} ${entry.kind}${status}: `
  const room = view.width - displayWidth(head)
  const title = safeLine(entry.title)
  if (room < 10) return fitText(head + title, view.width)
  const painted = `${view.style.yellow(entry.ref.padEnd(refWidth))} ${view.style.dim(view.time(entry.at).slice(0, 14))} ${view.style.cyan(entry.kind)}${status === '' ? '' : ` (${paintStatus(view, entry.status)})`}: `
  return painted + fitText(title, room)
}

const whole = (view: View, entry: Activity): string[] => [
  ...headLines(view, entry),
  '',
  ...textLines(view, entry.text, view.isTTY ? textLinesMax : undefined),
  '',
]

export const log = async (io: Io, options: LogOptions): Promise<void> => {
  const now = new Date()
  const input = parseInput(listActivityInput, {
    kind: options.kind,
    since: options.since === undefined ? undefined : parseMoment(options.since, '--since', now, io.env),
    until: options.until === undefined ? undefined : parseMoment(options.until, '--until', now, io.env),
    author: options.author,
    frame: options.frame,
    limit: options.limit,
  })
  const isFiltered = [input.kind, input.since, input.until, input.author, input.frame].some(Boolean)
  await answer(io, options, {
    purpose: 'to read what happened',
    ask: async (ctx, memory) => ({ entries: await listActivity(ctx, memory, input) }),
    empty: ({ entries }) => {
      if (entries.length > 0) return undefined
      return isFiltered
        ? 'Nothing happened that fits. Leave filters out to see more.'
        : 'Nothing is recorded here yet. Connect an agent, or bring memory in with "stackmemory import".'
    },
    render: (view, { entries }) => {
      const refWidth = Math.max(...entries.map(({ ref }) => ref.length))
      return options.oneline
        ? entries.map((entry) => oneLine(view, entry, refWidth))
        : entries.flatMap((entry) => whole(view, entry)).slice(0, -1)
    },
  })
}
