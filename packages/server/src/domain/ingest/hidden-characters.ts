/**
 * Characters that a reader does not see but a model or a parser does: they hide instructions, split secrets
 * so that no pattern finds them, or break a terminal.
 *
 * Sources: Unicode Standard Annex 9 (bidirectional controls), Annex 31 section 2.3 (default ignorable
 * characters), the Tags block U+E0000 with the variation selectors supplement; ECMA-48 for escape sequences.
 */
const controls = characters(
  ['0000', '0008'], // C0 without tab and line feed
  ['000B', '001F'],
  ['007F', '009F'], // delete and C1
)
const invisible = characters(
  ['00AD'], // soft hyphen
  ['034F'], // combining grapheme joiner
  ['061C'], // Arabic letter mark
  ['115F', '1160'], // Hangul fillers
  ['17B4', '17B5'], // Khmer inherent vowels
  ['180B', '180F'], // Mongolian selectors
  ['200B'], // zero width space
  ['200E', '200F'], // left-to-right and right-to-left marks
  ['202A', '202E'], // bidirectional embeddings and overrides
  ['2060', '206F'], // word joiner, invisible operators, isolates
  ['3164'], // Hangul filler
  ['FEFF'], // byte order mark
  ['FFA0'], // halfwidth Hangul filler
  ['FFF9', 'FFFB'], // interlinear annotation
  ['1BCA0', '1BCA3'], // shorthand format controls
  ['1D173', '1D17A'], // musical format controls
  ['E0000', 'E0FFF'], // tags, variation selectors supplement
)
const joiner = String.raw`[\u{200C}\u{200D}]`
const visibleForeign = String.raw`[^\p{ASCII}\u{200C}\u{200D}]`
/** Joiners belong to emoji and to several scripts; beside ASCII or in a row they only hide. */
const strayJoiner = new RegExp(`(?<!${visibleForeign})${joiner}|${joiner}(?!${visibleForeign})`, 'gu')
const selector = String.raw`[\u{FE00}-\u{FE0F}]`
/** One selector chooses a glyph, after a digit a keycap; a run of them carries hidden bytes. */
const straySelector = new RegExp(
  String.raw`(?<=${selector})${selector}+|(?<=^|(?![\d#*])\p{ASCII})${selector}+`,
  'gu',
)
const escapeSequence = new RegExp(
  String.raw`\u{1B}(?:\[[0-?]{0,32}[ -\/]{0,8}[@-~]|\][^\u{7}\u{1B}]{0,512}(?:\u{7}|\u{1B}\\)|[()#][0-9A-Za-z]|[=>78cDEHMNOZ])`,
  'gu',
)
const lineEnd = /\r\n?|[\u0085\u2028\u2029]/g
const loneSurrogate = /\p{Surrogate}/gu
const plain = /^[\n\t\u0020-\u007E]*$/

/** Removes them; line ends become `\n`, and halves of surrogate pairs the replacement character U+FFFD. */
export function removeHiddenCharacters(text: string): { text: string; removed: number } {
  if (plain.test(text)) return { text, removed: 0 }
  let removed = 0
  const replaceBy = (replacement: string) => (match: string) => {
    removed += match.length
    return replacement
  }
  const drop = replaceBy('')
  const clean = text
    .replaceAll(loneSurrogate, replaceBy('\uFFFD'))
    .replaceAll(escapeSequence, drop)
    .replaceAll(invisible, drop)
    .replaceAll(strayJoiner, drop)
    .replaceAll(straySelector, drop)
    .replaceAll(lineEnd, '\n')
    .replaceAll(controls, drop)
  return { text: clean, removed }
}

function characters(...ranges: [from: string, to?: string][]): RegExp {
  return new RegExp(
    `[${ranges.map(([from, to]) => String.raw`\u{${from}}-\u{${to ?? from}}`).join('')}]`,
    'gu',
  )
}
