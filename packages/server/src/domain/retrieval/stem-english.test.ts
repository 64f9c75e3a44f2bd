import { describe, expect, it } from 'vitest'
import { stemEnglish } from './stem-english.ts'

/** Expected values are those of PostgreSQL's english_stem, which differs from the older Porter stemmer here. */
describe('stemEnglish', () => {
  it.each([
    ['running', 'run'],
    ['generously', 'generous'],
    ['general', 'general'],
    ['communism', 'communism'],
    ['arsenal', 'arsenal'],
    ['skies', 'sky'],
    ['dying', 'die'],
    ['news', 'news'],
    ['inning', 'inning'],
    ['proceeded', 'proceed'],
    ['gas', 'gas'],
    ['kiwis', 'kiwi'],
    ['ties', 'tie'],
    ['cries', 'cri'],
    ['say', 'say'],
    ['by', 'by'],
    ['happily', 'happili'],
    ['youthful', 'youth'],
    ['adoption', 'adopt'],
    ['adopt', 'adopt'],
    ['hopping', 'hop'],
    ['hoping', 'hope'],
    ['agreed', 'agre'],
    ['relational', 'relat'],
    ['hopefulness', 'hope'],
    ['controlling', 'control'],
    ['eyyy', 'eyyy'],
  ])('%s becomes %s', (word, stem) => {
    expect(stemEnglish(word)).toBe(stem)
  })

  it('brings the forms of a word together', () => {
    const stems = ['authenticate', 'authenticated', 'authenticates', 'authenticating', 'authentication']
    expect(new Set(stems.map(stemEnglish)).size).toBe(1)
  })
})
