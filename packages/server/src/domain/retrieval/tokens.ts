/**
 * Model tokens, counted with the o200k_base vocabulary. Loading it takes about 0.3 s and 30 MB, so it happens
 * at the first count, not at import. Text that looks like a special token is counted as ordinary text.
 *
 * The merge is quadratic in the length of one run of letters, spaces or signs (100,000 times 'a' takes 12 s),
 * so longer runs are cut first; that can only raise the count, and by under two per cent of such a run.
 */
import { createRequire } from 'node:module'

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

/** The text itself, or, when a run in it is too long, pieces whose runs are not. */
const bounded = (text: string): string[] => {
  if (text.length <= runCharsMax || !longRun.test(text)) return [text]
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

const countExactly = (text: string): number => {
  let count = 0
  for (const piece of bounded(text)) if (piece !== '') count += encoding().countTokens(piece, asOrdinaryText)
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

/** The longest prefix found that has at most `max` tokens; never ends inside a character. */
export const truncateToTokens = (text: string, max: number): string => {
  if (max <= 0) return ''
  const head = text.slice(0, max * 16)
  if (head.length === text.length && countExactly(head) <= max) return text
  const tokens = bounded(head).flatMap((piece) =>
    piece === '' ? [] : encoding().encode(piece, asOrdinaryText),
  )
  for (let kept = Math.min(max, tokens.length); kept > 0; kept--) {
    const length = encoding()
      .decode(tokens.slice(0, kept))
      .replace(/\ufffd+$/, '').length
    const prefix = text.slice(0, length).replace(/[\ud800-\udbff]$/, '')
    if (countExactly(prefix) <= max) return prefix
  }
  return ''
}
