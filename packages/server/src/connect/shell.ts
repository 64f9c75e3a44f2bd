/** Command lines for a POSIX shell, to be pasted. */
import type { Start } from './target.ts'

const quote = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

/** What is before the words is ours and stands as it is. */
export const shell = (before: string, ...words: string[]): string => [before, ...words.map(quote)].join(' ')

export const startWords = ({ command, args }: Start): string[] => [command, ...args]

export const environmentWords = ({ env }: Start, flag: string): string[] =>
  Object.entries(env).flatMap(([name, value]) => [flag, `${name}=${value}`])
