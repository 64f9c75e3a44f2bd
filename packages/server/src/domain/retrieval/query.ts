/** Reads a question the way the ranking needs it: words, phrases, identifiers, dates, people. */
import { findDates } from './dates.ts'
import { escapePattern } from './escape-pattern.ts'
import { normaliseForMatch, tokenise } from './tokenise.ts'
import type { ParsedQuery, QueryLexeme } from './types.ts'

/** Characters of a question that are read; the rest of a pasted log adds noise, not meaning. */
export const queryCharsMax = 8_000
/** Different lexemes of a question. */
export const queryLexemesMax = 128
const phrasesMax = 8
const identifiersMax = 32

const quoted = /"([^"\n]{2,200})"|“([^”\n]{2,200})”|`([^`\n]{2,200})`/g
const fileLike =
  /(?:[A-Za-z]:)?[\w@.~+-]*(?:[/\\][\w@.+-]+)+|\b[\w-]+(?:\.[\w-]+)*\.[A-Za-z][A-Za-z0-9]{0,7}\b/g
const knownExtension =
  /\.(?:[cm]?[jt]sx?|json[cl5]?|md|mdx|py|pyi|ipynb|rs|go|java|kt|kts|scala|rb|php|cs|fs|swift|m|mm|c|h|cc|cpp|hpp|sql|sh|bash|zsh|ps1|ya?ml|toml|ini|cfg|conf|env|lock|html?|css|s[ac]ss|less|vue|svelte|xml|proto|graphql|tf|txt|log|csv|rst|tex|r|jl|lua|ex|exs|erl|hs|clj|dart|zig|gradle|make|cmake|dockerfile)$/i
const whenQuestion =
  /\b(?:when|how (?:long|soon|recently|many (?:seconds|minutes|hours|days|weeks|months|years|sprints))|what (?:date|day|month|year|time)|which (?:date|day|month|year|week)|since when|until when|by when|deadline|due date|how (?:much time|old))\b/i

const countLexemes = (lexemes: readonly string[]): QueryLexeme[] => {
  const counts = new Map<string, number>()
  for (const lexeme of lexemes) counts.set(lexeme, (counts.get(lexeme) ?? 0) + 1)
  return [...counts].slice(0, queryLexemesMax).map(([lexeme, tf]) => ({ lexeme, tf }))
}

const findPhrases = (text: string): string[] =>
  [...text.matchAll(quoted)]
    .map((match) => normaliseForMatch(match[1] ?? match[2] ?? match[3] ?? ''))
    .filter((phrase) => phrase !== '')
    .slice(0, phrasesMax)

const findFiles = (text: string): string[] => {
  const found = [...text.matchAll(fileLike)]
    .map(([path]) => path.replaceAll('\\', '/').replace(/^\.\//, '').replace(/[.]+$/, ''))
    .filter((path) => knownExtension.test(path) || /[^/]\/[^/]+\/[^/]/.test(path))
  return [...new Set(found)].slice(0, identifiersMax)
}

const names = (text: string, actor: string): boolean => {
  const name = normaliseForMatch(actor)
  if (name === '') return false
  return new RegExp(String.raw`(?<![\p{L}\p{N}_])${escapePattern(name)}(?![\p{L}\p{N}_])`, 'u').test(text)
}

export interface ParseQueryOptions {
  /** Moment that "last week" is relative to. */
  readonly now: Date
  /** Names of those who write in the project; leave out when there is only one human. */
  readonly knownActors?: readonly string[] | undefined
}

export const parseQuery = (text: string, options: ParseQueryOptions): ParsedQuery => {
  const read = text.slice(0, queryCharsMax)
  const lexemes = tokenise(read)
  const lower = normaliseForMatch(read)
  return {
    text: read,
    lexemes: countLexemes(lexemes),
    phrases: findPhrases(read),
    identifiers: [...new Set(lexemes.filter((lexeme) => lexeme.startsWith('=')))]
      .map((lexeme) => lexeme.slice(1))
      .slice(0, identifiersMax),
    files: findFiles(read),
    dates: findDates(read, options.now),
    asksWhen: whenQuestion.test(read),
    actors: (options.knownActors ?? []).filter((actor) => names(lower, actor)),
  }
}
