import { isPlaceholder } from './placeholder.ts'
import type { SecretName } from './secret-name.ts'

/**
 * Where a value stands decides how much it must look like a secret. A quoted literal or a line of a
 * configuration file is a value; a bare word after `=` in source code is more often a variable.
 */
export type ValuePlace = 'quoted' | 'config' | 'bare'

const secretWord = /pass|pwd|secret|token|key|credential|auth|name|field|input|label|value/i
/** `_RSAPrivateKey`, `ed25519.Ed25519PrivateKey`, `TokenSchema$1`. */
const typeName = /^[A-Za-z_][\w.]*(?:Key|Token|Secret|Password|Credentials?|Schema|String|Type)(?:\$\d)?$/
const dottedReference = /^[A-Za-z_$][\w$]*(?:(?:\?\.|\.|::|->)[A-Za-z_$][\w$]*)+$/
const resourceReference =
  /^(?:[a-z][a-z0-9+.-]{1,20}:\/\/|arn:|op:|vault:|projects\/|secrets?\/|env:|file:|ssm:|sha\d{1,3}[:-])/i

/** True when `value`, standing under a secret's name, is to be taken for the secret itself. */
export function isSecretValue(value: string, name: SecretName, place: ValuePlace): boolean {
  const candidate = value.replaceAll(/\[redacted:[a-z0-9_]+\]/g, '').trim()
  if (candidate.length < 4 || isPlaceholder(candidate)) return false
  if (/\s/.test(candidate)) return isSecretPhrase(candidate, name)
  if (resourceReference.test(candidate) || isPath(candidate) || isLabel(candidate)) return false
  if (place !== 'quoted' && isReference(candidate)) return false
  if (!name.strong && place === 'bare')
    return candidate.length >= 12 && /\d[^]*\d/.test(candidate) && isRandom(candidate)
  if (!name.strong) return candidate.length >= 8 && isRandom(candidate)
  return place === 'bare' ? isMixed(candidate) && !isIdentifier(candidate) : true
}

/** Prose under a secret's name is a label or an error message, unless it is a phrase by trade. */
function isSecretPhrase(value: string, name: SecretName): boolean {
  if (name.kind === 'seed_phrase') return value.split(/\s+/).length >= 12
  return name.strong && value.split(/\s+/).some((word) => word.length >= 12 && isRandom(word))
}

/** Letters and digits mixed, and more than words joined by separators with a number at the end. */
export function isRandom(value: string): boolean {
  const digits = value.match(/\d/g)?.length ?? 0
  const letters = value.match(/[A-Za-z]/g)?.length ?? 0
  if (isWordy(value)) return false
  if (digits >= 2 && letters >= 2) return true
  if (digits >= 20) return true
  return value.length >= 20 && /[a-z]/.test(value) && /[A-Z]/.test(value) && entropyBits(value) >= 3.6
}

function isMixed(value: string): boolean {
  return value.length >= 6 && /[A-Za-z]/.test(value) && /[^A-Za-z_.$/-]/.test(value)
}

function isWordy(value: string): boolean {
  return value
    .split(/[-_.:/]+/)
    .every((part) => /^(?:[A-Z]?[a-z]{0,20}|[A-Z]{1,20}|v?\d{1,2}|[a-z]+\d{1,3}|\d{4})$/.test(part))
}

/** `user.password`, `cfg::TOKEN`; a token with dots, such as one of three random parts, holds more digits. */
function isReference(value: string): boolean {
  return dottedReference.test(value) && (value.match(/\d/g)?.length ?? 0) < 3
}

/** A variable's name such as `password1` or `newSecret_2`. */
function isIdentifier(value: string): boolean {
  return /^[A-Za-z_$][A-Za-z_$]*\d{0,2}$/.test(value) && secretWord.test(value)
}

/** `Required`, `auth.password.label`, `db-password`: the name of a thing and not the thing. */
export function isLabel(value: string): boolean {
  if (/^[A-Z][a-z]{2,14}$/.test(value) || /^[A-Za-z]+(?:\.[A-Za-z]+)+$/.test(value)) return true
  if (typeName.test(value)) return true
  return /^[A-Za-z]+(?:[-_][A-Za-z]+)*$/.test(value) && secretWord.test(value)
}

function isPath(value: string): boolean {
  return (
    /^(?:(?:~|\.{1,2}|[A-Za-z]:)?[\\/])/.test(value) &&
    value.split(/[\\/]+/).every((part) => part === '' || isWordy(part) || /\.[a-z]{1,5}$/.test(part))
  )
}

/** Shannon entropy per character of at most 256 characters. */
function entropyBits(text: string): number {
  const counts = new Map<string, number>()
  const sample = text.slice(0, 256)
  for (const character of sample) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / sample.length) * Math.log2(count / sample.length)
  return bits
}
