/** Keys of other people's entries and of ours are not for the screen: a terminal is recorded, shared, read by agents. */
import { redactSecrets } from '../domain/redaction/redact-secrets.ts'
import type { Json, Target } from './target.ts'

const isReference = (text: string) => /[$%{]/.test(text)
const isSecretName = (name: string) => /key|token|secret|password|authorization|credential/i.test(name)

/** The same value with what looks like a secret replaced by `***`. References to variables stay readable. */
export const maskSecrets = (value: Json | undefined, name = ''): Json | undefined => {
  if (Array.isArray(value)) return value.map((each) => maskSecrets(each, name) ?? null)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([field, each]) => [field, maskSecrets(each, field) ?? null]),
    )
  if (typeof value !== 'string') return value
  if (isSecretName(name) && !isReference(value) && !name.endsWith('_env_var')) return '***'
  return value.replaceAll(/smk_\w+/g, '***')
}

const anyKey = /smk_\w+/g

/** Text without keys of ours, whether asked to be written or there before. */
export const maskKey = (text: string, target: Target | undefined): string =>
  (target?.kind === 'remote' && target.key.kind === 'text'
    ? text.replaceAll(target.key.text, '***')
    : text
  ).replaceAll(anyKey, '***')

/** Every text in a value, names of fields included. */
const textsOf = (value: Json | undefined): string[] => {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]) => [name, ...textsOf(each)])
}

/** A literal with what makes it a name of JSON or TOML behind it, or a comment of JSON. */
const literalOrComment = /("(?:[^"\\]|\\.)*"|'[^']*')(\s*[:=])?|\/\/.*$|\/\*.*?(?:\*\/|$)/g

const isOneOf = (literal: string, texts: ReadonlySet<string>) => {
  if (literal.startsWith("'")) return texts.has(literal.slice(1, -1))
  try {
    return texts.has(JSON.parse(literal) as string)
  } catch {
    return false
  }
}

/**
 * The lines of a diff with only what is ours to read. A line that changes may hold other people's entries beside
 * ours, as in a file of one line: of those, names stay and every text and comment is `***`.
 */
export const maskDiff = (diff: string, own: readonly (Json | undefined)[]): string => {
  const texts = new Set(own.flatMap(textsOf))
  const mask = (line: string) =>
    line.replaceAll(literalOrComment, (found, literal?: string, name?: string) =>
      (literal !== undefined && isOneOf(literal, texts)) || name !== undefined ? found : '***',
    )
  const lines = diff.split('\n').map((line) => (/^(?:--- |\+\+\+ |@@ )/.test(line) ? line : mask(line)))
  return redactSecrets(lines.join('\n')).text.replaceAll(/\[redacted:\w+\]/g, '***')
}
