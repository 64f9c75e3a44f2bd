import { expect, it } from 'vitest'
import { measureText } from './measure-text.ts'
import { tokenise } from './tokenise.ts'
import { countTokens } from './tokens.ts'

const expectMeasured = (text: string) =>
  expect(measureText(text)).toEqual({ tokens: countTokens(text), lexemes: new Set(tokenise(text, 512)) })

it('measures a text the same way the first time, again, and after more than it holds', () => {
  const texts = Array.from(
    { length: 400 },
    (_, n) => `Use pool${n} for reads. ${'Because it is there. '.repeat(n)}`,
  )
  for (const text of [...texts, ...texts]) expectMeasured(text)
})

it('holds a text once, and none that is long', () => {
  const text = 'Never retry a payment'
  expect(measureText(text)).toBe(measureText(['Never', 'retry', 'a', 'payment'].join(' ')))
  const long = 'word '.repeat(1_000)
  expect(measureText(long)).not.toBe(measureText(long))
  expectMeasured(long)
})
