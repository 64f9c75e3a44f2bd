/**
 * The Snowball English stemmer ("Porter2"), as its published description defines it
 * (https://snowballstem.org/algorithms/english/stemmer.html), so that the words of a query meet the words of
 * a memory in the same form that PostgreSQL's `english_stem` would give them.
 *
 * Written here because the stemmer package at hand is the older Porter algorithm with the `t` of `-tion`
 * lost ("adoption" gives "adop" while "adopt" stays "adopt"), and builds its expressions on every call.
 */
const irregular = new Map([
  ['skis', 'ski'],
  ['skies', 'sky'],
  ['dying', 'die'],
  ['lying', 'lie'],
  ['tying', 'tie'],
  ['idly', 'idl'],
  ['gently', 'gentl'],
  ['ugly', 'ugli'],
  ['early', 'earli'],
  ['only', 'onli'],
  ['singly', 'singl'],
  ...['sky', 'news', 'howe', 'atlas', 'cosmos', 'bias', 'andes'].map((word) => [word, word] as const),
])

const invariantAfterStep1a = new Set([
  'inning',
  'outing',
  'canning',
  'herring',
  'earring',
  'proceed',
  'exceed',
  'succeed',
])

/** Suffix, and what replaces it; the longest suffix that matches is the only one considered. */
type Rule = readonly [suffix: string, replacement: string]

const bySuffixLength = (rules: Rule[]): Rule[] => rules.toSorted((a, b) => b[0].length - a[0].length)

const step2Rules = bySuffixLength([
  ['tional', 'tion'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['abli', 'able'],
  ['entli', 'ent'],
  ['izer', 'ize'],
  ['ization', 'ize'],
  ['ational', 'ate'],
  ['ation', 'ate'],
  ['ator', 'ate'],
  ['alism', 'al'],
  ['aliti', 'al'],
  ['alli', 'al'],
  ['fulness', 'ful'],
  ['ousli', 'ous'],
  ['ousness', 'ous'],
  ['iveness', 'ive'],
  ['iviti', 'ive'],
  ['biliti', 'ble'],
  ['bli', 'ble'],
  ['ogi', 'og'],
  ['fulli', 'ful'],
  ['lessli', 'less'],
  ['li', ''],
])

const step3Rules = bySuffixLength([
  ['tional', 'tion'],
  ['ational', 'ate'],
  ['alize', 'al'],
  ['icate', 'ic'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ful', ''],
  ['ness', ''],
  ['ative', ''],
])

const step4Rules = bySuffixLength(
  'al ance ence er ic able ible ant ement ment ent ism ate iti ous ive ize ion'
    .split(' ')
    .map((suffix) => [suffix, ''] as const),
)

const hasVowel = /[aeiouy]/
const regionAfterFirstSyllable = /^[^aeiouy]*[aeiouy]+[^aeiouy]/
const shortSyllableAtEnd = /(?:^[aeiouy][^aeiouy]|[^aeiouy][aeiouy][^aeiouywxY])$/

const endsInShortSyllable = (word: string) => shortSyllableAtEnd.test(word)

const regionLength = (word: string): number => regionAfterFirstSyllable.exec(word)?.[0].length ?? word.length

/** Offset of R1, the region after the first vowel that is followed by a non-vowel. */
const startOfR1 = (word: string): number => {
  if (word.startsWith('gener') || word.startsWith('arsen')) return 5
  return word.startsWith('commun') ? 6 : regionLength(word)
}

const step1a = (word: string): string => {
  if (word.endsWith('sses')) return word.slice(0, -2)
  if (word.endsWith('ied') || word.endsWith('ies')) return word.slice(0, word.length > 4 ? -2 : -1)
  if (!word.endsWith('s') || word.endsWith('us') || word.endsWith('ss')) return word
  return hasVowel.test(word.slice(0, -2)) ? word.slice(0, -1) : word
}

const step1b = (word: string, r1: number): string => {
  const eed = /eed(?:ly)?$/.exec(word)
  if (eed) return eed.index >= r1 ? `${word.slice(0, eed.index)}ee` : word
  const ending = /(?:ed|ing)(?:ly)?$/.exec(word)
  if (!ending) return word
  const stem = word.slice(0, ending.index)
  if (!hasVowel.test(stem)) return word
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`
  if (/(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/.test(stem)) return stem.slice(0, -1)
  return stem.length <= r1 && endsInShortSyllable(stem) ? `${stem}e` : stem
}

const step1c = (word: string): string =>
  word.length > 2 && /[^aeiouy][yY]$/.test(word) ? `${word.slice(0, -1)}i` : word

const longestSuffix = (word: string, rules: readonly Rule[]): Rule | undefined =>
  rules.find(([suffix]) => word.endsWith(suffix))

const step2 = (word: string, r1: number): string => {
  const rule = longestSuffix(word, step2Rules)
  if (!rule || word.length - rule[0].length < r1) return word
  const stem = word.slice(0, -rule[0].length)
  if (rule[0] === 'ogi' && !stem.endsWith('l')) return word
  if (rule[0] === 'li' && !/[cdeghkmnrt]$/.test(stem)) return word
  return stem + rule[1]
}

const step3 = (word: string, r1: number, r2: number): string => {
  const rule = longestSuffix(word, step3Rules)
  if (!rule) return word
  const at = word.length - rule[0].length
  return at < (rule[0] === 'ative' ? r2 : r1) ? word : word.slice(0, at) + rule[1]
}

const step4 = (word: string, r2: number): string => {
  const rule = longestSuffix(word, step4Rules)
  if (!rule) return word
  const stem = word.slice(0, -rule[0].length)
  return stem.length < r2 || (rule[0] === 'ion' && !/[st]$/.test(stem)) ? word : stem
}

const step5 = (word: string, r1: number, r2: number): string => {
  const at = word.length - 1
  const stem = word.slice(0, -1)
  if (word.endsWith('e')) return at >= r2 || (at >= r1 && !endsInShortSyllable(stem)) ? stem : word
  return word.endsWith('ll') && at >= r2 ? stem : word
}

/**
 * Stem of one lower-case ASCII word without apostrophes. Other words are the caller's to keep as they are.
 */
export const stemEnglish = (word: string): string => {
  if (word.length <= 2) return word
  const known = irregular.get(word)
  if (known !== undefined) return known
  const marked = word.includes('y') ? word.replaceAll(/^y|([aeiouy])y/g, '$1Y') : word
  const r1 = startOfR1(marked)
  const r2 = r1 + regionLength(marked.slice(r1))
  const singular = step1a(marked)
  if (invariantAfterStep1a.has(singular)) return singular
  let stem = step1c(step1b(singular, r1))
  stem = step3(step2(stem, r1), r1, r2)
  stem = step5(step4(stem, r2), r1, r2)
  return stem.includes('Y') ? stem.replaceAll('Y', 'y') : stem
}
