/** Zod pieces for text that comes from outside: bounded, trimmed, free of what cannot be stored. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { describeInvalidText } from './ingest/clean-for-storage.ts'
import { limits } from './limits.ts'

/** Text that must say something, of at most `charsMax` characters. */
export const text = (charsMax: number) =>
  z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(charsMax, `must have at most ${charsMax} characters`)
    .superRefine((value, context) => {
      const reason = describeInvalidText(value)
      if (reason) context.addIssue(reason)
    })

export const optionalText = (charsMax: number) => text(charsMax).optional()

export const ref = z.string().min(1).max(80)
export const textList = (itemsMax: number = limits.listItems, charsMax: number = limits.listItemChars) =>
  z.array(text(charsMax)).max(itemsMax, `must have at most ${itemsMax} entries`)
export const fileList = textList(limits.filesPerItem, limits.pathChars)
export const idempotencyKey = text(limits.idempotencyKeyChars).optional()

/** Paths as we compare them: forward slashes, no leading `./`. */
export const normalizePath = (path: string) =>
  path
    .trim()
    .replaceAll('\\', '/')
    .replace(/^(?:\.\/)+/, '')
export const normalizePaths = (paths: readonly string[]) => [...new Set(paths.map(normalizePath))]

/** Identity of a statement: equal after folding case and white space. */
export const contentHash = (...parts: readonly string[]) =>
  createHash('sha256')
    .update(parts.map((part) => part.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()).join('\0'))
    .digest('hex')

/** First line, or as much of it as a title has room for. */
export const titleOf = (value: string, charsMax = 100) => {
  const line = value.trim().split('\n', 1)[0] ?? ''
  if (line.length <= charsMax) return line
  return `${line
    .slice(0, charsMax - 1)
    .replace(/\s+\S*$/u, '')
    .replace(/[\uD800-\uDBFF]$/u, '')}…`
}
