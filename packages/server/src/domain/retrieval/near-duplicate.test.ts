import { describe, expect, it } from 'vitest'
import { findPossibleConflicts, isNearDuplicate, jaccard } from './near-duplicate.ts'

const set = (text: string) => new Set(text.split(' '))

describe('near-duplicates', () => {
  it('compares sets of lexemes', () => {
    expect(jaccard(set('a b c'), set('b c d'))).toBe(0.5)
    expect(jaccard(new Set(), new Set())).toBe(0)
    expect(isNearDuplicate(set('a b c d'), set('a b c d e'))).toBe(true)
    expect(isNearDuplicate(set('a b c'), set('a b d'))).toBe(false)
  })
})

describe('findPossibleConflicts', () => {
  const existing = [
    { id: 'db', text: 'Use PostgreSQL for the session store.' },
    { id: 'retry', text: 'Webhook deliveries are retried 5 times with backoff.' },
    { id: 'log', text: 'Log every request body in the audit log.' },
    { id: 'css', text: 'Buttons have rounded corners.' },
  ]
  const found = (text: string) => findPossibleConflicts(text, existing).map(({ id, hints }) => [id, ...hints])

  it.each([
    ['another choice for the same thing', 'Use Redis for the session store.', ['db', 'alternative']],
    ['another number', 'Webhook deliveries are retried 8 times with backoff.', ['retry', 'number']],
    ['a negation', 'Never log the request body in the audit log.', ['log', 'negation']],
    ['a repetition', 'Buttons have rounded corners!', ['css', 'duplicate']],
  ])('hints at %s', (_, text, expected) => {
    expect(found(text)).toEqual([expected])
  })

  it('is silent about other subjects', () => {
    expect(found('Deploy with blue-green releases.')).toEqual([])
  })

  it('scores between 0 and 1', () => {
    for (const { score } of findPossibleConflicts('Use Redis for the session store.', existing))
      expect(score).toSatisfy((value: number) => value > 0 && value <= 1)
  })
})
