/**
 * Splits a text into the pieces that are indexed: long answers and logs are found by their best piece, which
 * is also what a context bundle shows of them. The size is the one that carried over between short turns
 * and long answers; the cut prefers a blank line, then a line end, then the end of a sentence.
 */
export const chunkWordsMax = 180
export const chunkOverlapWords = 20
/** Chunks of one item. What lies between the first 48 and the last 16 of a longer text is not indexed. */
export const chunksPerItemMax = 64
const tailChunks = 16
/** A run of this many characters without a space counts as a word, so that minified code is bounded too. */
const wordCharsMax = 48
/** Characters in which the tail of a too long text is looked for: generous for `tailChunks` of prose. */
const tailCharsMax = tailChunks * chunkWordsMax * 12

export interface Chunk {
  readonly ord: number
  /** Offsets into the original text in UTF-16 units, `start` inclusive, `end` exclusive. */
  readonly start: number
  readonly end: number
  readonly text: string
}

interface Span {
  readonly start: number
  readonly end: number
}

const unspaced =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}'
const wordPattern = new RegExp(`[${unspaced}]{1,2}|[^\\s${unspaced}]{1,${wordCharsMax}}`, 'gu')

/** How good a place to cut the gap after a word is: 3 blank line, 2 line end, 1 sentence end, 0 none. */
const cutQuality = (text: string, word: Span, next: Span): number => {
  const gap = text.slice(word.end, next.start)
  const line = gap.indexOf('\n')
  if (line !== -1) return gap.includes('\n', line + 1) ? 3 : 2
  return /[.!?。！？]["')\]]?$/u.test(text.slice(Math.max(0, word.end - 2), word.end)) ? 1 : 0
}

/** Index after the last word of the chunk: the best cut in the last third of the window, the latest of equals. */
const chooseCut = (text: string, window: readonly Span[]): number => {
  let best = window.length
  let bestQuality = 0
  for (let i = window.length - 1; i > (window.length * 2) / 3; i--) {
    const word = window[i - 1]
    const next = window[i]
    const quality = word && next ? cutQuality(text, word, next) : 0
    if (quality > bestQuality) [best, bestQuality] = [i, quality]
  }
  return best
}

const toSpan = (match: RegExpExecArray): Span => ({ start: match.index, end: match.index + match[0].length })

/** Chunk spans of `text` from `from` on, at most `max`; `done` when they reach the end. */
const spansFrom = (text: string, from: number, max: number): { spans: Span[]; done: boolean } => {
  const pattern = new RegExp(wordPattern)
  pattern.lastIndex = from
  const spans: Span[] = []
  let window: Span[] = []
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    window.push(toSpan(match))
    // One word more than a chunk holds: only then is it known that another chunk follows.
    if (window.length <= chunkWordsMax) continue
    if (spans.length === max) return { spans, done: false }
    const cut = chooseCut(text, window.slice(0, chunkWordsMax + 1))
    const end = Math.min(cut, chunkWordsMax)
    spans.push({ start: window[0]?.start ?? from, end: window[end - 1]?.end ?? from })
    window = window.slice(Math.max(1, end - chunkOverlapWords))
  }
  const [first, last] = [window[0], window.at(-1)]
  if (!first || !last) return { spans, done: true }
  if (spans.length === max) return { spans, done: false }
  spans.push({ start: first.start, end: last.end })
  return { spans, done: true }
}

const tailFrom = (text: string, from: number): Span[] => {
  const start = Math.max(from, text.length - tailCharsMax)
  return spansFrom(text, start, Number.POSITIVE_INFINITY).spans.slice(-tailChunks)
}

/** The chunks of a text, in order; none for a text without words. */
export const chunkText = (text: string): Chunk[] => {
  const { spans, done } = spansFrom(text, 0, chunksPerItemMax)
  const kept = done
    ? spans
    : [
        ...spans.slice(0, chunksPerItemMax - tailChunks),
        ...tailFrom(text, spans[chunksPerItemMax - tailChunks - 1]?.end ?? 0),
      ]
  return kept.map(({ start, end }, ord) => ({ ord, start, end, text: text.slice(start, end) }))
}
