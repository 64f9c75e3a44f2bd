import { describe, expect, it } from 'vitest'
import { idf, rarestLexemes, scoreChunk, scoreItems, weighTerms } from './bm25.ts'

const statistics = {
  n: 100,
  avgLength: 10,
  df: new Map([
    ['pool', 5],
    ['size', 20],
    ['code', 100],
  ]),
}
const query = [
  { lexeme: 'pool', tf: 1 },
  { lexeme: 'size', tf: 2 },
  { lexeme: 'unknown', tf: 1 },
]

describe('bm25', () => {
  it('weighs rare terms more, counts repeats, and drops what the project does not know', () => {
    const terms = weighTerms(query, statistics)
    expect(terms.map(({ lexeme }) => lexeme)).toEqual(['size', 'pool'])
    expect(terms[0]?.weight).toBeCloseTo(2 * Math.log(1 + 80.5 / 20.5))
    expect(weighTerms(query, statistics, 1)).toHaveLength(1)
    expect(idf(100, 100)).toBeGreaterThan(0)
    expect(idf(3, 10)).toBeGreaterThanOrEqual(0)
  })

  it('is the published formula', () => {
    const score = scoreChunk({ len: 20, tf: [3] }, [{ lexeme: 'pool', df: 5, weight: 2 }], 10)
    expect(score).toBeCloseTo((2 * 3 * 2.2) / (3 + 1.2 * (0.25 + 0.75 * 2)))
  })

  it('scores an item by its best chunk', () => {
    const terms = weighTerms([{ lexeme: 'pool', tf: 1 }], statistics)
    const scores = scoreItems(
      [
        { itemId: 'a', ord: 0, len: 10, tf: [1] },
        { itemId: 'a', ord: 1, len: 10, tf: [4] },
        { itemId: 'b', ord: 0, len: 10, tf: [0] },
      ],
      terms,
      statistics.avgLength,
    )
    expect(scores.get('a')?.ord).toBe(1)
    expect(scores.get('b')?.score).toBe(0)
  })

  it('gates by the rarest lexemes that occur, ties by name', () => {
    const df = new Map([
      ['b', 2],
      ['a', 2],
      ['c', 1],
      ['z', 0],
    ])
    expect(rarestLexemes(['a', 'b', 'c', 'z', 'q', 'a'], df, 2)).toEqual(['c', 'a'])
  })
})
