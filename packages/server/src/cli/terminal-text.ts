/** Stored text as a terminal may show it, and its measure in columns. */
import { removeHiddenCharacters } from '../domain/ingest/hidden-characters.ts'

/** Nothing in it moves the cursor, changes a colour or turns the direction of reading. Line ends stay. */
export const safeText = (text: string) => removeHiddenCharacters(text).text.replaceAll('\t', '  ')
export const safeLine = (text: string) =>
  safeText(text)
    .replace(/\s*\n\s*/g, ' ')
    .trim()

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
const wide =
  /^(?:\p{Emoji_Presentation}|\p{Emoji}\u{FE0F}|[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\u9FFF\uA000-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|[\u{20000}-\u{3FFFD}])/u
const narrow = /^[\u0020-\u007E]*$/

const cellWidth = (grapheme: string) => {
  if (wide.test(grapheme)) return 2
  return /^\p{Mark}+$/u.test(grapheme) ? 0 : 1
}

/** Columns that a line without colours takes (Unicode Standard Annex 11: wide characters take two). */
export const displayWidth = (text: string): number => {
  if (narrow.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += cellWidth(segment)
  return width
}

/** The beginning of a line that fits, with a mark when something is missing. */
export const fitText = (text: string, widthMax: number): string => {
  if (displayWidth(text) <= widthMax) return text
  let kept = ''
  let width = 0
  for (const { segment } of graphemes.segment(text)) {
    width += cellWidth(segment)
    if (width > widthMax - 1) break
    kept += segment
  }
  return `${kept.trimEnd()}…`
}

/** A word that is too long for a line, in pieces. */
const splitWord = (word: string, widthMax: number): string[] => {
  if (displayWidth(word) <= widthMax) return [word]
  const pieces = ['']
  for (const { segment } of graphemes.segment(word)) {
    const last = pieces.at(-1) ?? ''
    if (displayWidth(last) + cellWidth(segment) > widthMax) pieces.push(segment)
    else pieces[pieces.length - 1] = last + segment
  }
  return pieces
}

const wrapLine = (line: string, widthMax: number): string[] => {
  const lead = /^\s*(?:[-*] )?/.exec(line)?.[0] ?? ''
  const hang = ' '.repeat(Math.min(lead.length, Math.floor(widthMax / 2)))
  const lines: string[] = []
  let current = hang.length === lead.length ? lead : hang
  let isFresh = true
  for (const word of line
    .slice(lead.length)
    .split(/ +/)
    .flatMap((each) => splitWord(each, widthMax - hang.length))) {
    if (!isFresh && displayWidth(current) + 1 + displayWidth(word) > widthMax) {
      lines.push(current)
      current = hang + word
    } else current += isFresh ? word : ` ${word}`
    isFresh = false
  }
  return [...lines, current]
}

/** Lines of at most `widthMax` columns, broken at spaces; what was indented, or was a list entry, stays so. */
export const wrapText = (text: string, widthMax: number): string[] =>
  text
    .split('\n')
    .flatMap((line) => (displayWidth(line) <= widthMax ? [line] : wrapLine(line, Math.max(10, widthMax))))
