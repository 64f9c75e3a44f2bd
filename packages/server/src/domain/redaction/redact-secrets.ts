import { redactAssignments } from './assignments.ts'
import { redactConnectionStrings, redactHeaders } from './carriers.ts'
import { isPlaceholderToken } from './placeholder.ts'
import { redactPrivateKeys } from './private-keys.ts'
import { jsonWebToken, secretPatterns, type SecretPattern } from './secret-patterns.ts'

/**
 * Takes secrets out of a text before it is stored.
 *
 * Two sources of evidence: the shape of the value (a vendor's prefix, a PEM block) and the name in front of
 * it (`password=`, `Authorization:`). A random string with neither stays, because git hashes, digests and
 * ids are what a memory about code is made of. The order matters: the more specific finder goes first and
 * its placeholder is recognised by those that follow, which also makes the whole thing idempotent.
 *
 * Own patterns and no library: the detectors on offer want a newer Node than our floor, answer
 * asynchronously and look for whole files' leaks rather than for assignments in prose, JSON and shell.
 */
export interface Redaction {
  readonly kind: string
  readonly count: number
}

/** Collects what was found and renders the placeholder that stays in the text. */
export type Mark = (kind: string) => string

export function redactSecrets(text: string): { text: string; found: Redaction[] } {
  const counts = new Map<string, number>()
  const mark: Mark = (kind) => {
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
    return `[redacted:${kind}]`
  }
  let clean = redactPrivateKeys(text, mark)
  for (const pattern of secretPatterns) clean = redactShape(clean, pattern, mark)
  clean = redactShape(clean, jsonWebToken, mark)
  clean = redactConnectionStrings(clean, mark)
  clean = redactHeaders(clean, mark)
  clean = redactAssignments(clean, mark)
  return { text: clean, found: [...counts].map(([kind, count]) => ({ kind, count })) }
}

function redactShape(text: string, { kind, hints, pattern }: SecretPattern, mark: Mark): string {
  if (!hints.some((hint) => text.includes(hint))) return text
  return text.replaceAll(pattern, (token) => (isPlaceholderToken(token) ? token : mark(kind)))
}
