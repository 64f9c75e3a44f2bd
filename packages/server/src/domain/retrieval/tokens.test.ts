import { describe, expect, it } from 'vitest'
import { countTokens, truncateToTokens } from './tokens.ts'

describe('countTokens', () => {
  it('counts as the vocabulary does', () => {
    expect(countTokens('')).toBe(0)
    expect(countTokens('hello world')).toBe(2)
    expect(countTokens('hello world. '.repeat(1000))).toBe(3001)
  })

  it('reads what looks like a special token as ordinary text', () => {
    expect(countTokens('<|endoftext|>')).toBeGreaterThan(3)
    expect(() => countTokens('<|im_start|> <|endofprompt|>')).not.toThrow()
  })

  it('takes bounded time for a million of one character', () => {
    const startedAt = performance.now()
    for (const unit of ['a', ' ', '=', '中', '1', '😀', '\n'])
      expect(countTokens(unit.repeat(1e6))).toBeGreaterThan(1)
    expect(performance.now() - startedAt).toBeLessThan(15_000)
  })

  it('estimates a very long text from its ends within a few per cent', () => {
    expect(countTokens('hello world. '.repeat(100_000)) / 300_001).toBeCloseTo(1, 1)
  })
})

describe('truncateToTokens', () => {
  it('gives a prefix with at most that many tokens', () => {
    const text = 'The quick brown fox jumps over the lazy dog. 日本語のテキスト 😀😀😀 naïve '.repeat(20)
    for (const max of [1, 2, 7, 13, 50, 200]) {
      const prefix = truncateToTokens(text, max)
      expect(text.startsWith(prefix)).toBe(true)
      expect(countTokens(prefix)).toBeLessThanOrEqual(max)
      expect(countTokens(prefix)).toBeGreaterThan(max - 4)
    }
  })

  it('leaves a short text alone and never ends inside a character', () => {
    expect(truncateToTokens('short', 10)).toBe('short')
    expect(truncateToTokens('short', 0)).toBe('')
    for (let max = 1; max < 12; max++)
      expect(truncateToTokens('🧑‍🚀🧑‍🚀🧑‍🚀', max)).not.toMatch(/\ufffd|[\ud800-\udbff]$/)
  })
})
