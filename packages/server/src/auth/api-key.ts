/**
 * API key format: `smk_live_<22 base62: id>_<43 base62: secret><6 base62: CRC-32>`.
 * The id is the primary key of the key's row, so a lookup is one index read; the secret is 256 random
 * bits, so a fast keyed hash is enough at rest and no slow derivation is needed; the checksum lets a typing
 * error, a truncated paste or a secret scanner be judged without a database. A CRC detects every burst of up
 * to 32 bits, which covers each single-character error.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { v7 as uuidv7 } from 'uuid'

/** Published for secret scanners. Matches the shape only; `parseApiKey` also verifies the checksum. */
export const apiKeyPattern = /smk_(live|test)_[0-9A-Za-z]{22}_[0-9A-Za-z]{49}/

const anchoredPattern = new RegExp(`^${apiKeyPattern.source}$`)
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const idLength = 22
const secretLength = 43
const checksumLength = 6
const idBits = 128n
const secretBits = 256n

export interface NewApiKey {
  /** Primary key of the row to store (UUIDv7). */
  readonly id: string
  /** The whole key. Shown once, never stored and never logged. */
  readonly key: string
  /** Last four characters of the secret, stored so that an owner can tell keys apart. */
  readonly hint: string
  /** What to store: hex HMAC-SHA-256 of the secret under the pepper. */
  secretHash(pepper: string): string
}

/** Makes a key. `live: false` gives the `smk_test_` prefix, for keys that must never open production data. */
export function createApiKey(options: { live?: boolean } = {}): NewApiKey {
  const id = uuidv7()
  const secret = encodeBase62(BigInt(`0x${randomBytes(32).toString('hex')}`), secretLength)
  const prefix = options.live === false ? 'smk_test_' : 'smk_live_'
  const body = `${prefix}${encodeBase62(uuidToBigInt(id), idLength)}_${secret}`
  return {
    id,
    key: body + checksumOf(body),
    hint: secret.slice(-4),
    secretHash: (pepper) => hashSecret(secret, pepper),
  }
}

/**
 * Reads a key offline: shape, checksum and canonical numbers. `undefined` means that it is not a key of ours,
 * so no lookup is worth making. A parsed key is not yet a valid one: compare the secret with `verifySecret`.
 */
export function parseApiKey(text: string): { id: string; secret: string; live: boolean } | undefined {
  if (!anchoredPattern.test(text)) return undefined
  const body = text.slice(0, -checksumLength)
  if (checksumOf(body) !== text.slice(-checksumLength)) return undefined
  const idStart = 'smk_live_'.length
  const secret = body.slice(idStart + idLength + 1)
  const id = decodeBase62(body.slice(idStart, idStart + idLength))
  if (id >> idBits !== 0n || decodeBase62(secret) >> secretBits !== 0n) return undefined
  return { id: bigIntToUuid(id), secret, live: body.startsWith('smk_live_') }
}

/** Hex HMAC-SHA-256 of the secret; the pepper lives outside the database. */
export function hashSecret(secret: string, pepper: string): string {
  return createHmac('sha256', pepper).update(secret).digest('hex')
}

/**
 * Constant-time comparison of a presented secret with the stored hash. Pass `undefined` for an unknown id:
 * the same work is done and the answer is false, so time does not tell which ids exist.
 */
export function verifySecret(secret: string, storedHash: string | undefined, pepper: string): boolean {
  const presented = Buffer.from(hashSecret(secret, pepper), 'hex')
  const stored = Buffer.from(storedHash ?? '', 'hex')
  const comparable = stored.length === presented.length
  const equal = timingSafeEqual(presented, comparable ? stored : Buffer.alloc(presented.length))
  return equal && comparable
}

function checksumOf(body: string): string {
  return encodeBase62(BigInt(crc32(body)), checksumLength)
}

function encodeBase62(value: bigint, length: number): string {
  let rest = value
  let text = ''
  while (text.length < length) {
    text = alphabet.charAt(Number(rest % 62n)) + text
    rest /= 62n
  }
  return text
}

function decodeBase62(text: string): bigint {
  let value = 0n
  for (const character of text) value = value * 62n + BigInt(alphabet.indexOf(character))
  return value
}

function uuidToBigInt(id: string): bigint {
  return BigInt(`0x${id.replaceAll('-', '')}`)
}

function bigIntToUuid(value: bigint): string {
  const hex = value.toString(16).padStart(32, '0')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
