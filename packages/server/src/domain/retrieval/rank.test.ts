import { describe, expect, it } from 'vitest'
import { parseQuery } from './query.ts'
import { rankItems, type RankInput } from './rank.ts'
import type { RetrievalItem } from './types.ts'

const now = new Date('2026-03-10T12:00:00Z')
const query = (text: string) => parseQuery(text, { now, knownActors: ['Ana', 'Ben'] })

const item = (id: string, over: Partial<RetrievalItem> = {}): RetrievalItem => ({
  id,
  itemKind: 'event',
  kind: 'message',
  role: 'assistant',
  createdAt: new Date('2026-01-01T00:00:00Z'),
  text: 'some words',
  tokens: 64,
  files: [],
  status: 'active',
  lexical: 0,
  ...over,
})

const ids = (items: RetrievalItem[], over: Partial<RankInput> = {}) =>
  rankItems({ query: query('pool size'), items, ...over }).map((ranked) => ranked.item.id)

const shuffled = <T>(values: readonly T[], random: () => number): T[] =>
  values
    .map((value) => ({ value, key: random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ value }) => value)

/** Mulberry32: the same numbers on every run. */
const randomFrom = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

describe('rankItems', () => {
  it('lifts what was said beside a match, in the same frame only', () => {
    const items = [
      item('match', { frameId: 'f', seq: 5, lexical: 10 }),
      item('next', { frameId: 'f', seq: 6 }),
      item('second', { frameId: 'f', seq: 7 }),
      item('far', { frameId: 'f', seq: 9 }),
      item('elsewhere', { frameId: 'g', seq: 6 }),
    ]
    expect(ids(items)).toEqual(['match', 'next', 'second', 'far', 'elsewhere'])
  })

  it('prefers the frame with more matches', () => {
    const items = [
      item('alone', { frameId: 'f', seq: 1, lexical: 10 }),
      item('a', { frameId: 'g', seq: 1, lexical: 9.5 }),
      item('b', { frameId: 'g', seq: 10, lexical: 9 }),
      item('c', { frameId: 'g', seq: 20, lexical: 9 }),
    ]
    expect(ids(items)[0]).toBe('a')
  })

  it('has a gentle prior for kinds that words overrule', () => {
    const decision = item('decision', { itemKind: 'anchor', kind: 'decision', lexical: 5 })
    const result = item('result', { kind: 'tool_result', role: 'tool', lexical: 5 })
    expect(ids([result, decision])).toEqual(['decision', 'result'])
    expect(ids([{ ...result, lexical: 20 }, decision])).toEqual(['result', 'decision'])
  })

  it.each([
    ['the actor asked for', 'What did Ben say?', { actor: 'Ben' }],
    ['the day asked about', 'What failed on 2026-02-03?', { createdAt: new Date('2026-02-03T10:00:00Z') }],
    ['a time, when asked when', 'When do we ship?', { text: 'We ship next Friday' }],
    ['a quoted phrase', 'Where is "pool exhausted" thrown?', { text: 'Error: Pool  exhausted!' }],
    ['a phrase with signs', 'Where is "(a+b) [x] /y-z" used?', { text: 'so (a+b) [x] /y-z it is' }],
    ['a whole identifier', 'What does getUserById do?', { text: 'call getUserById(4)' }],
    [
      'a file named in the question',
      'Why did src/db/pool.ts change?',
      { files: ['packages/a/src/db/pool.ts'] },
    ],
  ])('gains from %s', (_, text, over) => {
    const items = [item('other', { createdAt: now }), item('wanted', over)]
    expect(rankItems({ query: query(text), items })[0]?.item.id).toBe('wanted')
  })

  it('gains from the files and the call stack of the caller, the innermost frame most', () => {
    const items = [item('none'), item('outer', { frameId: 'o' }), item('inner', { frameId: 'i' })]
    expect(ids(items, { callStack: ['i', 'o'] })).toEqual(['inner', 'outer', 'none'])
    const files = [
      item('none'),
      item('beside', { files: ['src/b.ts'] }),
      item('same', { files: ['src/a.ts'] }),
    ]
    expect(ids(files, { files: ['src/a.ts'] })).toEqual(['same', 'beside', 'none'])
  })

  it('gains from being pinned and from priority', () => {
    const items = [
      item('low', { priority: 1 }),
      item('plain'),
      item('high', { priority: 9 }),
      item('pin', { pinned: true }),
    ]
    expect(ids(items)).toEqual(['pin', 'high', 'plain', 'low'])
  })

  it('names the parts that the score is the sum of', () => {
    const [best] = rankItems({
      query: query('pool size'),
      items: [
        item('a', { itemKind: 'anchor', kind: 'decision', lexical: 3, status: 'retracted', pinned: true }),
      ],
    })
    const sum = Object.values(best?.parts ?? {}).reduce((total, part) => total + part, 0)
    expect(best?.parts).toMatchObject({ lexical: 1, kind: 0.4, pinned: 0.2, length: 0.2 })
    expect(best?.parts.status).toBeLessThan(0)
    expect(best?.score).toBeCloseTo(sum)
  })

  it('gives the same order for the same items in any order [retrieval.deterministic]', () => {
    const random = randomFrom(1)
    const items = Array.from({ length: 60 }, (_, i) =>
      item(`i${i}`, {
        lexical: i % 4,
        frameId: `f${i % 5}`,
        seq: i % 7,
        status: i % 9 ? 'active' : 'superseded',
      }),
    )
    const expected = ids(items)
    for (let run = 0; run < 20; run++) expect(ids(shuffled(items, random))).toEqual(expected)
  })

  it('ranks six hundred candidates in a few milliseconds', () => {
    const text = 'When did getUserById in src/auth.ts report "pool exhausted" to Ana? '.repeat(20)
    const items = Array.from({ length: 1000 }, (_, i) =>
      item(`i${i}`, {
        lexical: i % 50,
        frameId: `f${i % 40}`,
        seq: i,
        text,
        files: ['src/auth.ts', 'src/b.ts'],
      }),
    )
    const startedAt = performance.now()
    for (let run = 0; run < 5; run++) ids(items, { query: query(text.slice(0, 70)), files: ['src/auth.ts'] })
    expect((performance.now() - startedAt) / 5).toBeLessThan(250)
  })
})

describe('supersession', () => {
  const old = item('old', { status: 'superseded', supersededBy: 'new', lexical: 100 })

  it('never ranks a superseded memory above its successor [retrieval.supersession]', () => {
    const items = [
      old,
      item('new', { lexical: 0, kind: 'tool_result', role: 'tool' }),
      item('noise', { lexical: 30 }),
    ]
    expect(ids(items)).toEqual(['new', 'old', 'noise'])
  })

  it('keeps a superseded memory whose successor is not there, demoted', () => {
    expect(ids([old, item('other', { lexical: 60 })])).toEqual(['other', 'old'])
  })

  it('orders chains, also through a memory that is not there [retrieval.supersession]', () => {
    const first = item('first', { status: 'superseded', supersededBy: 'gone', lexical: 100 })
    const last = item('last')
    expect(ids([first, last], { supersessions: new Map([['gone', 'last']]) })).toEqual(['last', 'first'])
  })

  it('stays behind a successor that is itself retracted', () => {
    expect(ids([old, item('new', { status: 'retracted' })])).toEqual(['new', 'old'])
  })

  it('ends on a cycle, which the store forbids', () => {
    const a = item('a', { status: 'superseded', supersededBy: 'b', lexical: 2 })
    const b = item('b', { status: 'superseded', supersededBy: 'a', lexical: 1 })
    expect(ids([a, b]).toSorted()).toEqual(['a', 'b'])
  })

  it('holds for random chains, scores and statuses [retrieval.supersession]', () => {
    const random = randomFrom(42)
    for (let run = 0; run < 300; run++) {
      const size = 2 + Math.floor(random() * 20)
      const items = Array.from({ length: size }, (_, i) => {
        const superseded = i > 0 && random() < 0.7
        return item(`i${i}`, {
          lexical: random() < 0.3 ? 0 : Math.round(random() * 5),
          frameId: `f${Math.floor(random() * 3)}`,
          seq: i,
          pinned: random() < 0.2,
          priority: 1 + Math.floor(random() * 10),
          status: superseded
            ? 'superseded'
            : (['active', 'retracted', 'expired'][Math.floor(random() * 3)] ?? 'active'),
          supersededBy: superseded ? `i${Math.floor(random() * i)}` : undefined,
        })
      })
      const order = ids(shuffled(items, random))
      for (const { id, supersededBy } of items)
        if (supersededBy) expect(order.indexOf(supersededBy)).toBeLessThan(order.indexOf(id))
    }
  })
})
