/**
 * The one tokeniser of the index: what is written and what is asked go through it, so neither the
 * text-search configuration nor the version of the database changes what is found.
 *
 * A run of letters, digits and the joiners of code (`_ - . / ::`) is kept whole as a marked lexeme
 * (`=src/auth.rs`, `=getuserbyid`) and split into its parts; parts and plain words are lower-cased, freed of
 * Latin accents, stemmed and checked against the stop list. Scripts written without spaces become bigrams.
 */
import { stemEnglish } from './stem-english.ts'
import { stopWords } from './stop-words.ts'

/** Characters (UTF-16 units) of one lexeme; longer plain words are cut, longer identifiers keep their parts. */
export const lexemeCharsMax = 80
/** Positions a PostgreSQL tsvector can tell apart, and so the lexemes taken from one text. */
export const lexemesMax = 16_383
/** PostgreSQL keeps fewer than 256 positions of one lexeme. */
const positionsPerLexemeMax = 255
/** First characters of a commit id or digest, as people write it. */
const hashPrefixChars = 7

const stemCacheMax = 50_000
const stemCache = new Map<string, string>()

const asciiWord = /^[a-z]+$/
// oxlint-disable-next-line no-control-regex
const ascii = /^[\x00-\x7f]*$/
const latinOnly = /^[\p{Script=Latin}\p{M}\p{N}]+$/u
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]+/gu
const hasUnspaced =
  /[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]|[\u{20000}-\u{3ffff}]/u
/** A run: word characters joined by single joiners, `::`, or an apostrophe. */
const run = /[\p{L}\p{M}\p{N}_]+(?:(?:[.\-/]|::|->|['’](?=\p{L}))+[\p{L}\p{M}\p{N}_]+)*/gu
const asciiRun = /[A-Za-z0-9_]+(?:(?:[.\-/]|::|->|'(?=[A-Za-z]))+[A-Za-z0-9_]+)*/g
const camelHump = /[a-z0-9][A-Z]|[A-Z][A-Z][a-z]/
const camelBoundary = /(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/
const joiners = /[.\-/_:>'’]+/
const identifierJoint = /[\p{L}\p{N}_](?:[.\-/]|::|->)+[\p{L}\p{N}_]|_/u
const versionOrNumber = /^v?\d+(?:\.\d+)+$/i
const measure = /^(\d+)([a-z]{1,3})$/
const ordinalSuffix = /^(?:st|nd|rd|th)$/
const hash = /^(?=[0-9a-f]*\d)(?=[0-9]*[a-f])[0-9a-f]{8,64}$/

/** Lexeme of one plain word; the stems of the most recent words are kept. */
const stem = (word: string): string => {
  if (!asciiWord.test(word)) return word
  const known = stemCache.get(word)
  if (known !== undefined) return known
  if (stemCache.size >= stemCacheMax) stemCache.clear()
  const stemmed = stemEnglish(word)
  stemCache.set(word, stemmed)
  return stemmed
}

const withoutLatinAccents = (word: string): string =>
  ascii.test(word) || !latinOnly.test(word)
    ? word
    : word
        .normalize('NFD')
        .replaceAll(/\p{Mn}/gu, '')
        .normalize('NFC')

/** At most `lexemeCharsMax` characters, never half a surrogate pair. */
const cut = (word: string): string =>
  word.length <= lexemeCharsMax ? word : word.slice(0, lexemeCharsMax).replace(/[\ud800-\udbff]$/, '')

const pushBigrams = (text: string, out: string[]): void => {
  const letters = Array.from(text)
  if (letters.length === 1) out.push(text)
  for (let i = 0; i + 1 < letters.length; i++) out.push(`${letters[i]}${letters[i + 1]}`)
}

const pushLatinLike = (word: string, out: string[]): void => {
  const plain = withoutLatinAccents(word)
  if (plain === '' || stopWords.has(plain)) return // nothing but marks leaves nothing
  const amount = measure.exec(plain)
  if (amount?.[1] && amount[2]) {
    out.push(amount[1])
    if (!ordinalSuffix.test(amount[2])) out.push(plain)
    return
  }
  out.push(cut(stem(cut(plain))))
  if (hash.test(plain)) out.push(plain.slice(0, hashPrefixChars))
}

/** One lower-case word that holds no joiner. */
const pushWord = (word: string, out: string[]): void => {
  if (!hasUnspaced.test(word)) return pushLatinLike(word, out)
  let from = 0
  for (const found of word.matchAll(unspaced)) {
    if (found.index > from) pushLatinLike(word.slice(from, found.index), out)
    pushBigrams(found[0], out)
    from = found.index + found[0].length
  }
  if (from < word.length) pushLatinLike(word.slice(from), out)
}

const pushCamel = (word: string, out: string[], whole: boolean): void => {
  const lower = word.toLowerCase()
  if (!camelHump.test(word)) return pushWord(lower, out)
  if (whole && word.length < lexemeCharsMax) out.push(`=${lower}`)
  pushWord(lower, out)
  for (const part of word.split(camelBoundary)) pushWord(part.toLowerCase(), out)
}

const pushWhole = (identifier: string, out: string[]): void => {
  const lower = identifier.toLowerCase()
  if (lower.length < lexemeCharsMax) out.push(`=${lower}`)
  const slash = lower.lastIndexOf('/')
  if (slash > 0 && lower.length - slash <= lexemeCharsMax && /[._-]/.test(lower.slice(slash)))
    out.push(`=${lower.slice(slash + 1)}`)
}

const pushRun = (text: string, out: string[]): void => {
  if (versionOrNumber.test(text)) {
    out.push(cut(text.replace(/^v/i, '')))
    return
  }
  const joined = identifierJoint.test(text)
  if (!joined && !joiners.test(text)) return pushCamel(text, out, true)
  const identifier = text.replace(/['’].*$/u, '').replaceAll(/\/{2,}/g, '/')
  if (joined && !/^[\d./-]+$/.test(identifier)) pushWhole(identifier, out)
  else if (joined && /^\d+(?:[-/]\d+)+$/.test(identifier)) out.push(cut(identifier))
  for (const part of text.split(joiners)) if (part !== '') pushCamel(part, out, false)
}

/** Backslashes: a Windows path becomes one with slashes, an escape of a quoted string becomes a space. */
const withoutBackslashes = (text: string): string =>
  text
    .replaceAll(/\b[A-Za-z]:(?:\\[^\s"'<>|\\]+|\\\\[^\s"'<>|\\]+)+/g, (path) => path.replaceAll(/\\+/g, '/'))
    .replaceAll(/\\(?:[nrtbf"'/]|u[0-9a-fA-F]{4})/g, ' ')

const normalise = (text: string): string => {
  const composed = ascii.test(text) ? text : text.normalize('NFKC')
  const slashed = composed.includes('\\') ? withoutBackslashes(composed) : composed
  return slashed.replaceAll(/(?<=\d),(?=\d{3}(?!\d))/g, '')
}

/** Lexemes of a text in order, repeats included; at most `max` of them. */
export const tokenise = (text: string, max: number = lexemesMax): string[] => {
  const out: string[] = []
  const normalised = normalise(text)
  const pattern = ascii.test(normalised) ? asciiRun : run
  for (const found of normalised.matchAll(pattern)) {
    pushRun(found[0], out)
    if (out.length >= max) break
  }
  return out.length > max ? out.slice(0, max) : out
}

/** Text in the form in which phrases are compared: composed, lower case, single spaces. */
export const normaliseForMatch = (text: string): string =>
  (ascii.test(text) ? text : text.normalize('NFKC')).toLowerCase().replaceAll(/\s+/gu, ' ').trim()

/** The server refuses zero bytes and very long lexemes, and half a surrogate pair cannot be encoded. */
const storable = (lexeme: string): string => cut(lexeme.replaceAll(/\0|\p{Surrogate}/gu, ''))

const quote = (lexeme: string): string => `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

/**
 * Literal of a PostgreSQL `tsvector` whose positions are the indexes of the lexemes, so that the number of
 * positions is the term frequency (datatype-textsearch: at most 16383 positions, fewer than 256 per lexeme).
 */
export const toTsvector = (lexemes: readonly string[]): string => {
  const positions = new Map<string, number[]>()
  for (let i = 0; i < lexemes.length && i < lexemesMax; i++) {
    const lexeme = storable(lexemes[i] ?? '')
    if (lexeme === '') continue
    const held = positions.get(lexeme)
    if (!held) positions.set(lexeme, [i + 1])
    else if (held.length < positionsPerLexemeMax) held.push(i + 1)
  }
  return [...positions].map(([lexeme, at]) => `${quote(lexeme)}:${at.join(',')}`).join(' ')
}

/** Literal of a `tsquery` that matches any of the lexemes; empty, which matches nothing, without any. */
export const toTsquery = (lexemes: readonly string[]): string =>
  [...new Set(lexemes.map(storable))]
    .filter((lexeme) => lexeme !== '')
    .map((lexeme) => quote(lexeme))
    .join(' | ')
