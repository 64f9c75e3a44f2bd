import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { apiKeyPattern, createApiKey, hashSecret, parseApiKey, verifySecret } from './api-key.ts'

const keyCharacters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_- '
const pepper = randomBytes(32).toString('hex')

function* singleCharacterErrors(key: string) {
  for (let position = 0; position < key.length; position++) {
    const before = key.slice(0, position)
    const after = key.slice(position + 1)
    yield before + after
    for (const character of keyCharacters) {
      yield before + character + key.slice(position)
      if (character !== key[position]) yield before + character + after
    }
  }
}

describe('API key format', () => {
  it('round-trips id and secret, for live and test keys [auth.key-format]', () => {
    for (const live of [true, false]) {
      const made = createApiKey({ live })
      expect(made.key).toMatch(new RegExp(`^${apiKeyPattern.source}$`))
      const parsed = parseApiKey(made.key)
      expect(parsed).toMatchObject({ id: made.id, live })
      expect(hashSecret(parsed?.secret ?? '', pepper)).toBe(made.secretHash(pepper))
      expect(parsed?.secret.endsWith(made.hint)).toBe(true)
    }
  })

  it('rejects every single-character substitution, insertion and deletion [auth.key-format]', () => {
    for (let round = 0; round < 5; round++) {
      const { key } = createApiKey()
      const accepted = [...singleCharacterErrors(key)].filter((wrong) => wrong !== key && parseApiKey(wrong))
      expect(accepted).toEqual([])
    }
  })

  it('rejects neighbours that were swapped and text that merely contains a key', () => {
    const { key } = createApiKey()
    for (let i = 0; i + 1 < key.length; i++) {
      const swapped = key.slice(0, i) + key.charAt(i + 1) + key.charAt(i) + key.slice(i + 2)
      if (swapped !== key) expect(parseApiKey(swapped)).toBeUndefined()
    }
    for (const text of ['', `${key}\n`, ` ${key}`, `Bearer ${key}`, key.repeat(2)]) {
      expect(parseApiKey(text)).toBeUndefined()
    }
  })

  it('accepts only the right secret, under the right pepper', () => {
    const made = createApiKey()
    const secret = parseApiKey(made.key)?.secret ?? ''
    const other = parseApiKey(createApiKey().key)?.secret ?? ''
    expect(verifySecret(secret, made.secretHash(pepper), pepper)).toBe(true)
    expect(verifySecret(other, made.secretHash(pepper), pepper)).toBe(false)
    expect(verifySecret(secret, made.secretHash('another pepper'), pepper)).toBe(false)
    expect(verifySecret(secret, undefined, pepper)).toBe(false)
    expect(verifySecret(secret, 'not hex', pepper)).toBe(false)
  })
})
