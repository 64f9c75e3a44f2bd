import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../test/harness/random.ts'
import { countTokens, truncateToTokens } from './tokens.ts'

const random = createRandom(7)
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
const parts = [
  ..."the getUserById HTTPServer don't I'LL we'Ve x'S 1234567 3.14 v2 foo_bar __init__ // */ ... \"quoted\" (call) [0] {a:1}".split(
    ' ',
  ),
  ' ',
  '  ',
  '    ',
  '\n',
  '\n\n',
  ' \n ',
  '\t',
  '\r\n',
  '\t\n  ',
  '\v',
  '\f',
  '\0',
  '\x7f',
  '/',
  '\n/',
  '!\n',
  "'",
  "''s",
  ' .',
  '. ',
  '…',
  ' …',
  '— ',
  '“quoted”',
  '→',
  '├──',
  ' ’s',
]
const samples = Array.from({ length: 3_000 }, () =>
  Array.from({ length: 1 + Math.floor(random() * 30) }, () => pick(parts)).join(pick(['', '', ' '])),
)
const reference = (text: string) => encode(text, { disallowedSpecial: new Set() }).length

describe('counting plain text by hand', () => {
  it('counts what the vocabulary counts', () => {
    for (const text of samples) expect([text, countTokens(text)]).toEqual([text, reference(text)])
  })

  it('cuts where the vocabulary cuts', () => {
    for (const text of samples.slice(0, 500))
      for (const max of [1, 3, 10, 30]) {
        const prefix = truncateToTokens(text, max)
        expect(text.startsWith(prefix)).toBe(true)
        expect(reference(prefix)).toBeLessThanOrEqual(max)
        if (prefix !== text) expect(reference(text.slice(0, prefix.length + 80))).toBeGreaterThan(max)
      }
  })
})
