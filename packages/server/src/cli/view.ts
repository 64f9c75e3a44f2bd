/**
 * How a command shows what it found. On a terminal: at its width, with colours, through the pager when it is longer
 * than the screen. In a pipe: whole lines, nothing cut, no colours.
 */
import { print, type Io } from './io.ts'
import { displayWidth, fitText, safeLine, wrapText } from './terminal-text.ts'
import { createTimeFormat, formatAge } from './terminal-time.ts'

type Paint = (text: string) => string

export interface Style {
  bold: Paint
  dim: Paint
  red: Paint
  green: Paint
  yellow: Paint
  cyan: Paint
}

export interface View {
  isTTY: boolean
  /** Columns; without end in a pipe. */
  width: number
  style: Style
  now: Date
  time(at: Date | string): string
  age(at: Date | string): string
  /** Text for the person, not for a program: on a terminal only. */
  hint(text: string): string[]
}

const widthDefault = 80
const widthMin = 20

/** NO_COLOR: https://no-color.org, any value that is not empty. */
const createStyle = (io: Io): Style => {
  const isOn = io.stdout.isTTY === true && !io.env['NO_COLOR'] && io.env['TERM'] !== 'dumb'
  const paint =
    (start: number, end: number): Paint =>
    (text) =>
      isOn && text !== '' ? `\u001B[${start}m${text}\u001B[${end}m` : text
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  }
}

export const createView = (io: Io, now: Date): View => {
  const isTTY = io.stdout.isTTY === true
  const style = createStyle(io)
  const format = createTimeFormat(io.env)
  const width = isTTY ? Math.max(widthMin, io.stdout.columns ?? widthDefault) : Number.POSITIVE_INFINITY
  return {
    isTTY,
    width,
    style,
    now,
    time: (at) => format(new Date(at)),
    age: (at) => formatAge(new Date(at), now),
    hint: (text) => (isTTY ? ['', ...wrapText(text, width).map(style.dim)] : []),
  }
}

/** Prints lines, through the pager when they are more than the screen has. */
export const show = async (io: Io, lines: readonly string[]): Promise<void> => {
  const text = lines.join('\n')
  const rows = io.stdout.rows ?? 24
  const isLong = io.stdout.isTTY === true && lines.length >= rows
  if (isLong && io.page && (await io.page(`${text}\n`))) return
  print(io, text)
}

export interface Column {
  title: string
  paint?: Paint
  /** Takes what the others leave; one column at most. */
  isFlexible?: boolean
}

const gap = '  '
const flexibleMin = 12

/** Without the columns that hold nothing, and without the last ones while there is no room. */
const chooseColumns = (view: View, heads: readonly Column[], cells: readonly (readonly string[])[]) => {
  const widths = heads.map(({ title }, index) =>
    Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[index] ?? ''))),
  )
  let chosen = heads.map((_, index) => index).filter((index) => cells.some((row) => row[index] !== ''))
  const room = () =>
    view.width -
    gap.length * (chosen.length - 1) -
    chosen.reduce((sum, index) => sum + (heads[index]?.isFlexible ? 0 : (widths[index] ?? 0)), 0)
  while (room() < flexibleMin) {
    const last = chosen.findLast((index) => index > 0 && !heads[index]?.isFlexible)
    if (last === undefined) break
    chosen = chosen.filter((index) => index !== last)
  }
  const flexible = Math.max(flexibleMin, room())
  return chosen.map((index) => {
    const head = heads[index] ?? { title: '' }
    const width = widths[index] ?? 0
    return {
      index,
      title: head.title,
      paint: head.paint,
      width: head.isFlexible ? Math.min(width, flexible) : width,
    }
  })
}

/** Columns of text that fit the width: the flexible one is cut, and what has no room is left out. */
export const columns = (
  view: View,
  heads: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] => {
  const cells = rows.map((row) => row.map(safeLine))
  const chosen = chooseColumns(view, heads, cells)
  const line = (textOf: (column: (typeof chosen)[number]) => string, isHead: boolean) =>
    chosen
      .map((column, place) => {
        const text = fitText(textOf(column), column.width)
        const padding = place === chosen.length - 1 ? '' : ' '.repeat(column.width - displayWidth(text))
        const paint = isHead ? view.style.dim : column.paint
        return (paint ? paint(text) : text) + padding
      })
      .join(gap)
      .trimEnd()
  return [
    ...(view.isTTY ? [line(({ title }) => title, true)] : []),
    ...cells.map((row) => line(({ index }) => row[index] ?? '', false)),
  ]
}
