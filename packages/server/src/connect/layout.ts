/** How a file is laid out, so that what is added looks as if its owner had written it. */

export const byteOrderMark = '\uFEFF'

/** The line end that the file uses; the first one decides. */
export const lineEndOf = (text: string): string => {
  const at = text.indexOf('\n')
  return at > 0 && text[at - 1] === '\r' ? '\r\n' : '\n'
}

/** White space at the start of the line on which this offset is. */
export const indentAt = (text: string, offset: number): string => {
  const start = Math.max(text.lastIndexOf('\n', offset - 1), text.lastIndexOf('\r', offset - 1)) + 1
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? ''
}

/** Line and column, both from 1, as editors count them. A byte order mark takes no column. */
export const positionAt = (text: string, offset: number): { line: number; column: number } => {
  const before = text
    .slice(0, offset)
    .replace(byteOrderMark, '')
    .split(/\r\n|\r|\n/)
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}

/** One piece of text that was put into a file: what is needed to take it out again. */
export interface Insertion {
  at: number
  length: number
}

export const insertAt = (text: string, at: number, piece: string) => ({
  text: text.slice(0, at) + piece + text.slice(at),
  insertion: { at, length: piece.length } satisfies Insertion,
})

export const takeOut = (text: string, { at, length }: Insertion): string =>
  text.slice(0, at) + text.slice(at + length)
