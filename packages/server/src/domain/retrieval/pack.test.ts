import { describe, expect, it } from 'vitest'
import { instructionLaneShare, pack, type PackItem, packedItemTokensMax } from './pack.ts'
import { countTokens } from './tokens.ts'

const item = (id: string, over: Partial<PackItem> = {}): PackItem => ({
  id,
  text: `${id} text`,
  tokens: 10,
  score: 1,
  lexemes: new Set([id]),
  ...over,
})
const ids = (taken: readonly { id: string }[]) => taken.map(({ id }) => id)

describe('pack', () => {
  it('takes the best that fits and says what it left and why', () => {
    const packed = pack([item('a', { score: 3 }), item('b', { score: 2, tokens: 50 }), item('c')], 25)
    expect(ids(packed.taken)).toEqual(['a', 'c'])
    expect(packed.left).toEqual([{ id: 'b', reason: 'budget' }])
    expect(packed.tokens).toBe(20)
  })

  it('takes a short item before a slightly better long one', () => {
    expect(ids(pack([item('long', { score: 1.1, tokens: 150 }), item('short')], 500).taken)).toEqual([
      'short',
      'long',
    ])
  })

  it('enters a long item as its best chunk', () => {
    const excerpt = 'The pool has ten connections. '.repeat(50)
    const long = item('a', { text: `Preface. ${excerpt}`, tokens: 900, excerpt })
    const [taken] = pack([long], 1000).taken
    expect(taken?.excerpted).toBe(true)
    expect(taken?.text).toMatch(/^…The pool has .*…$/)
    expect(taken?.tokens).toBeLessThanOrEqual(packedItemTokensMax)
    expect(taken?.tokens).toBe(countTokens(taken?.text ?? ''))
  })

  it('keeps the newer of two that say the same', () => {
    const lexemes = new Set(['use', 'pool', 'ten', 'connection'])
    const packed = pack(
      [item('old', { score: 2, lexemes, createdAtMs: 1 }), item('new', { lexemes, createdAtMs: 2 })],
      100,
    )
    expect(ids(packed.taken)).toEqual(['new'])
    expect(packed.left).toEqual([{ id: 'old', reason: 'near_duplicate' }])
  })

  it('never takes a superseded item without its successor, nor before it [retrieval.supersession]', () => {
    const old = item('old', { score: 9, supersededBy: 'new' })
    expect(ids(pack([old, item('new', { tokens: 20 })], 100).taken)).toEqual(['new', 'old'])
    const tight = pack([old, item('new', { tokens: 20 })], 15)
    expect(tight.taken).toEqual([])
    expect(tight.left).toContainEqual({ id: 'old', reason: 'successor_left_out' })
  })

  it('gives instructions their lane first, and no more than their share [retrieval.instructions]', () => {
    const instructions = Array.from({ length: 10 }, (_, i) =>
      item(`rule${i}`, { lane: 'instruction', tokens: 50, score: 0.01 }),
    )
    const facts = Array.from({ length: 40 }, (_, i) => item(`fact${i}`, { tokens: 50 }))
    const packed = pack([...facts, ...instructions], 1000)
    const lane = packed.taken.filter((taken) => taken.lane === 'instruction')
    expect(packed.taken[0]?.lane).toBe('instruction')
    expect(lane.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(1000 * instructionLaneShare)
    expect(lane).toHaveLength(3)
    expect(packed.tokens).toBe(1000)
  })

  it('takes nothing for a budget of nothing', () => {
    expect(pack([item('a')], 0)).toEqual({ taken: [], left: [{ id: 'a', reason: 'budget' }], tokens: 0 })
    expect(pack([item('a')], -5).taken).toEqual([])
  })

  it('never exceeds the budget, accounts for every item, and orders supersession [retrieval.bounded]', () => {
    let seed = 7
    const random = (n: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
      return seed % n
    }
    const words = ['pool', 'Größe', '数据库', '😀', 'getUserById', 'src/a.ts', '=', '\n']
    for (let run = 0; run < 150; run++) {
      const items = Array.from({ length: random(25) }, (_, i): PackItem => {
        const text = Array.from({ length: random(400) }, () => words[random(words.length)]).join(' ')
        return {
          id: `i${i}`,
          text,
          tokens: countTokens(text),
          score: random(100) / 50 - 0.2,
          createdAtMs: random(5),
          lane: random(4) === 0 ? 'instruction' : undefined,
          supersededBy: i > 0 && random(3) === 0 ? `i${random(i)}` : undefined,
        }
      })
      const budget = random(1200)
      const overheadTokens = random(15)
      const packed = pack(items, budget, { overheadTokens })
      const measured = packed.taken.reduce((sum, { text }) => sum + countTokens(text) + overheadTokens, 0)
      expect(packed.tokens).toBeLessThanOrEqual(budget)
      expect(measured).toBeLessThanOrEqual(packed.tokens)
      expect(new Set([...ids(packed.taken), ...ids(packed.left)])).toEqual(new Set(ids(items)))
      expect(packed.taken.length + packed.left.length).toBe(items.length)
    }
  })

  it('gives the same result for the same items in any order [retrieval.deterministic]', () => {
    const items = Array.from({ length: 30 }, (_, i) => item(`i${i}`, { score: i % 3, tokens: 5 + (i % 4) }))
    expect(pack(items.toReversed(), 100).taken).toEqual(pack(items, 100).taken)
  })
})
