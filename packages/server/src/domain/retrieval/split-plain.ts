/**
 * The pre-tokeniser of the o200k_base vocabulary for plain text, by hand: its pattern, made of Unicode classes,
 * takes most of the time of a count. In the pattern's order (`L` a letter, `N` a digit, `S` neither nor space):
 *
 *   any one character but a letter, digit or line end, then upper-case letters, lower-case letters and a
 *   contraction ('s 'd 'm 't 'll 've 're) | N{1,3} | a space, S+, line ends and slashes | white space to its
 *   last line end | white space but for the last one before a word | white space
 */

const other = 0
const upper = 1
const lower = 2
const digit = 3
const blank = 4
const lineEnd = 5

const classes = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (/[A-Z]/.test(character)) return upper
  if (/[a-z]/.test(character)) return lower
  if (/\d/.test(character)) return digit
  if (character === '\n' || character === '\r') return lineEnd
  return /\s/.test(character) ? blank : other
})

const slash = 0x2f
const space = 0x20
const apostrophe = 0x27
const shortContraction = /[sdmt]/i
const longContraction = /ll|ve|re/i

const classAt = (text: string, at: number): number =>
  at < text.length ? (classes[text.charCodeAt(at)] ?? other) : -1

const isLetter = (kind: number): boolean => kind === upper || kind === lower
const isSpace = (kind: number): boolean => kind === blank || kind === lineEnd

const skip = (text: string, at: number, wanted: number, max: number = Infinity): number => {
  let end = at
  while (end - at < max && classAt(text, end) === wanted) end++
  return end
}

const afterContraction = (text: string, at: number): number => {
  if (text.charCodeAt(at) !== apostrophe) return at
  if (shortContraction.test(text.charAt(at + 1))) return at + 2
  return longContraction.test(text.slice(at + 1, at + 3)) ? at + 3 : at
}

const afterWord = (text: string, at: number): number =>
  afterContraction(text, skip(text, skip(text, at, upper), lower))

const afterSigns = (text: string, at: number): number => {
  let end = skip(text, at, other)
  while (classAt(text, end) === lineEnd || text.charCodeAt(end) === slash) end++
  return end
}

const afterSpace = (text: string, at: number): number => {
  let end = at
  let afterLineEnd = 0
  for (let kind = classAt(text, end); isSpace(kind); kind = classAt(text, end)) {
    end++
    if (kind === lineEnd) afterLineEnd = end
  }
  if (afterLineEnd > 0) return afterLineEnd
  return end === text.length || end - at === 1 ? end : end - 1
}

/** End of the piece that starts at `at`, for text whose characters beyond ASCII are all signs. */
export const pieceEnd = (text: string, at: number): number => {
  const kind = classAt(text, at)
  if (isLetter(kind)) return afterWord(text, at)
  if (kind === digit) return skip(text, at, digit, 3)
  const next = classAt(text, at + 1)
  if (kind !== lineEnd && isLetter(next)) return afterWord(text, at + 1)
  if (kind === other) return afterSigns(text, at)
  if (text.charCodeAt(at) === space && next === other) return afterSigns(text, at + 1)
  return afterSpace(text, at)
}
