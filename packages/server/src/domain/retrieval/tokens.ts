/**
 * Model tokens, counted with the o200k_base vocabulary. Loading it takes about 0.3 s and 30 MB, so it happens
 * at the first count, not at import. Text that looks like a special token is counted as ordinary text.
 *
 * The merge is quadratic in the length of one run of letters, spaces or signs (100,000 times 'a' takes 12 s),
 * so longer runs are cut first; that can only raise the count, and by under two per cent of such a run.
 */
import { createRequire } from 'node:module'
import { pieceEnd } from './split-plain.ts'

const runCharsMax = 64
const longRun = /[\p{L}\p{M}]{65}|\s{65}|[^\s\p{L}\p{N}]{65}/u
const pieces = /[\p{L}\p{M}]{1,64}|\s{1,64}|\p{N}{1,63}|[^\s\p{L}\p{M}\p{N}]{1,64}/gu
/** Texts above this are estimated from their first and last halves of it. */
const exactCharsMax = 262_144

interface Encoding {
  encode(text: string, options: EncodeOptions): number[]
  decode(tokens: readonly number[]): string
  countTokens(text: string, options: EncodeOptions): number
}
interface EncodeOptions {
  readonly disallowedSpecial: ReadonlySet<string>
}

const asOrdinaryText: EncodeOptions = { disallowedSpecial: new Set<string>() }
let loaded: Encoding | undefined

const encoding = (): Encoding => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- require() cannot know the type
  loaded ??= createRequire(import.meta.url)('gpt-tokenizer/encoding/o200k_base') as Encoding
  return loaded
}

/** Loads the vocabulary now, so that the first who needs it does not wait. Blocks for about 0.3 s. */
export const loadVocabulary = (): void => void encoding()

/**
 * Whether `longRun` can match at all: some 65 characters without a space, or of nothing but spaces. Characters
 * beyond ASCII count as both. Testing the pattern itself took as long as counting the tokens.
 */
const mayHoldLongRun = (text: string): boolean => {
  let word = 0
  let space = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) {
      word++
      space++
    } else if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) {
      word = 0
      space++
    } else {
      word++
      space = 0
    }
    if (word > runCharsMax || space > runCharsMax) return true
  }
  return false
}

/** The text itself, or, when a run in it is too long, pieces whose runs are not. */
const bounded = (text: string): string[] => {
  if (!mayHoldLongRun(text) || !longRun.test(text)) return [text]
  const out: string[] = []
  let held = ''
  for (const [piece] of text.matchAll(pieces)) {
    if (piece.length >= runCharsMax) {
      out.push(held, piece)
      held = ''
    } else held += piece
  }
  out.push(held)
  return out
}

/** ASCII, and the signs that typography and our own ellipses add: punctuation, arrows, boxes. */
// oxlint-disable-next-line no-control-regex
const plain = /^[\x00-\x7f\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2500-\u259f]*$/
/** Tokens of the pieces of text seen so far, mostly words: a text is made of the same ones again and again. */
const pieceCounts = new Map<string, number>()
const piecesHeldMax = 50_000

const countPiece = (piece: string): number => {
  const held = pieceCounts.get(piece)
  if (held !== undefined) return held
  if (pieceCounts.size >= piecesHeldMax) pieceCounts.clear()
  const count = encoding().countTokens(piece, asOrdinaryText)
  // A copy: a long enough slice would keep the whole text in memory.
  pieceCounts.set(Buffer.from(piece).toString(), count)
  return count
}

const countPlain = (text: string): number => {
  let count = 0
  for (let at = 0; at < text.length;) {
    const end = pieceEnd(text, at)
    count += countPiece(text.slice(at, end))
    at = end
  }
  return count
}

const countExactly = (text: string): number => {
  let count = 0
  for (const piece of bounded(text))
    if (piece !== '')
      count += plain.test(piece) ? countPlain(piece) : encoding().countTokens(piece, asOrdinaryText)
  return count
}

/** Tokens of a text; an estimate above 262,144 characters. */
export const countTokens = (text: string): number => {
  if (text === '') return 0
  if (text.length <= exactCharsMax) return countExactly(text)
  const half = exactCharsMax / 2
  const sample = countExactly(text.slice(0, half)) + countExactly(text.slice(-half))
  return Math.ceil((sample * text.length) / exactCharsMax)
}

/** `truncateToTokens` for plain text without long runs; undefined when cutting changed how its end is split. */
const truncatePlain = (head: string, max: number): string | undefined => {
  let count = 0
  for (let at = 0; at < head.length;) {
    const end = pieceEnd(head, at)
    const piece = head.slice(at, end)
    count += countPiece(piece)
    if (count > max) {
      const room = max - (count - countPiece(piece))
      const rest = encoding().decode(encoding().encode(piece, asOrdinaryText).slice(0, room))
      const prefix = head.slice(0, at + rest.length)
      return countPlain(prefix) <= max ? prefix : undefined
    }
    at = end
  }
  return head
}

/** The longest prefix found that has at most `max` tokens; never ends inside a character. */
export const truncateToTokens = (text: string, max: number): string => {
  if (max <= 0) return ''
  const head = text.slice(0, max * 16)
  if (plain.test(head) && !mayHoldLongRun(head)) {
    const prefix = truncatePlain(head, max)
    if (prefix !== undefined) return prefix
  }
  const tokens = bounded(head).flatMap((piece) =>
    piece === '' ? [] : encoding().encode(piece, asOrdinaryText),
  )
  if (head.length === text.length && tokens.length <= max) return text
  for (let kept = Math.min(max, tokens.length); kept > 0; kept--) {
    const length = encoding()
      .decode(tokens.slice(0, kept))
      .replace(/\ufffd+$/, '').length
    const prefix = text.slice(0, length).replace(/[\ud800-\udbff]$/, '')
    if (countExactly(prefix) <= max) return prefix
  }
  return ''
}
