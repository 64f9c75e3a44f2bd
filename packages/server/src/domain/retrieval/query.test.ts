import { describe, expect, it } from 'vitest'
import { findDates } from './dates.ts'
import { parseQuery } from './query.ts'

/** A Tuesday. */
const now = new Date('2026-03-10T12:00:00Z')
const dates = (text: string) =>
  findDates(text, now).map(
    ({ from, to }) => `${from.toISOString().slice(0, 10)}..${to.toISOString().slice(0, 10)}`,
  )

describe('parseQuery', () => {
  it('counts lexemes and finds phrases, identifiers, files and people', () => {
    const query = parseQuery(
      'Why did ana change "pool size" in src/db/pool.ts, and why does getUserById pool?',
      {
        now,
        knownActors: ['Ana', 'Ann'],
      },
    )
    expect(query.lexemes).toContainEqual({ lexeme: 'pool', tf: 3 })
    expect(query.phrases).toEqual(['pool size'])
    expect(query.identifiers).toEqual(['src/db/pool.ts', 'pool.ts', 'getuserbyid'])
    expect(query.files).toEqual(['src/db/pool.ts'])
    expect(query.actors).toEqual(['Ana'])
    expect(query.asksWhen).toBe(false)
  })

  it.each([
    'When did we ship?',
    'How long did the migration take?',
    'how many days between both',
    'What is the deadline?',
  ])('knows that "%s" asks for a time', (text) => {
    expect(parseQuery(text, { now }).asksWhen).toBe(true)
  })

  it('bounds what it reads', () => {
    const query = parseQuery(Array.from({ length: 50_000 }, (_, i) => `word${i}`).join(' '), { now })
    expect(query.lexemes.length).toBeLessThanOrEqual(128)
    expect(parseQuery('', { now }).lexemes).toEqual([])
  })

  it('reads names with signs in them as text', () => {
    expect(parseQuery('what did c++ (bot) do', { now, knownActors: ['C++ (bot)', '.*', ''] }).actors).toEqual(
      ['C++ (bot)'],
    )
  })
})

describe('findDates', () => {
  it.each([
    ['on 2024-03-15', ['2024-03-15..2024-03-16']],
    ['7 May 2023', ['2023-05-07..2023-05-08']],
    ['May 7th, 2023', ['2023-05-07..2023-05-08']],
    ['in May 2023', ['2023-05-01..2023-06-01']],
    ['March-15-2024', ['2024-03-15..2024-03-16']],
    ['2023-05', ['2023-05-01..2023-06-01']],
    ['in 2023', ['2023-01-01..2024-01-01']],
    ['in April', ['2025-04-01..2025-05-01']],
    ['on February 3', ['2026-02-03..2026-02-04']],
    ['on December 3', ['2025-12-03..2025-12-04']],
    ['yesterday', ['2026-03-09..2026-03-10']],
    ['last week', ['2026-03-02..2026-03-09']],
    ['this month', ['2026-03-01..2026-04-01']],
    ['two weeks ago', ['2026-02-23..2026-03-02']],
    ['last month', ['2026-02-01..2026-03-01']],
    ['in the past 3 days', ['2026-03-07..2026-03-11']],
    ['last Friday', ['2026-03-06..2026-03-07']],
    ['between 2026-01-02 and 2026-01-05', ['2026-01-02..2026-01-03', '2026-01-05..2026-01-06']],
    ['2026-02-31 is no day', []],
    ['may we march on?', []],
  ])('%s', (text, expected) => {
    expect(dates(text)).toEqual(expected)
  })
})
