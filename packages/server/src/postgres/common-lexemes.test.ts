import { expect, it } from 'vitest'
import { commonMin, createCommonLexemes } from './common-lexemes.ts'

it('holds what is common in a project, for a while, and never what is rare', () => {
  let now = 0
  const common = createCommonLexemes(() => now)
  common.hold('a', 'function', commonMin)
  common.hold('a', 'ostrich', commonMin - 1)
  common.hold('a', 'absent', 0)
  expect(common.get('a', 'function')).toBe(commonMin)
  expect(common.get('b', 'function')).toBeUndefined()
  expect(common.get('a', 'ostrich')).toBeUndefined()
  expect(common.get('a', 'absent')).toBeUndefined()
  now = 3_600_000
  expect(common.get('a', 'function')).toBeUndefined()
})
