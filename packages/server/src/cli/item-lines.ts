/** Heads and texts of memories, as `log` and `show` write them. */
import { safeLine, safeText, wrapText } from './terminal-text.ts'
import type { View } from './view.ts'

const goodStatus = new Set(['active', 'done'])
const badStatus = new Set(['superseded', 'retracted', 'expired', 'quarantined', 'abandoned', 'cancelled'])

/** Colour says what the word says, never more. */
export const paintStatus = (view: View, status: string) => {
  if (goodStatus.has(status)) return view.style.green(status)
  return badStatus.has(status) ? view.style.red(status) : status
}

export interface ItemHead {
  ref: string
  kind: string
  title: string
  status: string
  supersededBy: string | null
  at: string
  author: string
  frame: string | null
  frameName?: string | null
}

const textIndent = '    '

/**
 *     D9  decision, active
 *     Mon 2026-03-02 10:15 (3 days ago), Ana via editor, in F4 Keep sessions
 */
export const headLines = (view: View, item: ItemHead): string[] => {
  const { style } = view
  const title = item.kind === 'frame' ? `  ${safeLine(item.title)}` : ''
  const status = `${paintStatus(view, item.status)}${item.supersededBy ? ` by ${item.supersededBy}` : ''}`
  const frame = item.frame === null ? '' : `, in ${item.frame} ${item.frameName ?? ''}`
  const about = `${view.time(item.at)} (${view.age(item.at)}), ${item.author}${frame}`
  const isError = item.kind === 'error'
  return [
    `${style.yellow(item.ref)}  ${(isError ? style.red : style.cyan)(item.kind)}${item.status === 'recorded' ? '' : `, ${status}`}`,
    ...(title === '' ? [] : wrapText(title.trim(), view.width).map(style.bold)),
    ...wrapText(safeLine(about), view.width).map(style.dim),
  ]
}

/** At most `linesMax` lines of a text, indented; the last says how many are missing. */
export const textLines = (view: View, text: string, linesMax = Number.POSITIVE_INFINITY): string[] => {
  const lines = wrapText(safeText(text).trim(), view.width - textIndent.length)
  const shown = lines.length > linesMax ? lines.slice(0, linesMax - 1) : lines
  const left = lines.length - shown.length
  return [
    ...shown.map((line) => (line === '' ? '' : textIndent + line)),
    ...(left > 0 ? [view.style.dim(`${textIndent}… ${left} more lines`)] : []),
  ]
}
