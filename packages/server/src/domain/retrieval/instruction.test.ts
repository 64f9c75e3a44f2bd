import { describe, expect, it } from 'vitest'
import { isStandingInstruction } from './instruction.ts'

describe('isStandingInstruction', () => {
  it.each([
    'Always run the linter before you commit.',
    'Please always include version numbers when I ask about libraries.',
    'Never push to main.',
    'From now on, answer in German.',
    'I prefer pnpm over npm.',
    "I'd rather use plain SQL than an ORM.",
    'Thanks! Please use tabs for indentation.',
    'Please avoid adding new dependencies.',
    'Make sure to update the changelog.',
    'Use vitest instead of jest.',
    'Looks good.\n- never edit generated files',
    'Do not touch the migrations folder.',
    'Can you always explain the trade-offs?',
    'I prefer small functions, so can you split this one?',
    'Run the tests and make sure to keep the coverage.',
    'You should never log tokens.',
  ])('knows "%s" [retrieval.instructions]', (text) => {
    expect(isStandingInstruction(text)).toBe(true)
  })

  it.each([
    'Do we always run the linter?',
    'Why does this never terminate?',
    'I always get an error when the pool is empty.',
    'The test never passes on my machine.',
    'It always fails with ECONNRESET.',
    'The build is green now.',
    'What do you prefer?',
    "Thanks! I'll make sure to follow the plan.",
    'I want to make sure I am doing it right.',
    '```js\n// always use strict mode\nconst x = 1\n```',
    'if (never) { always(run()) }',
    'Fixed the bug in src/auth.ts.',
    '',
  ])('does not take "%s" for one [retrieval.instructions]', (text) => {
    expect(isStandingInstruction(text)).toBe(false)
  })

  it('reads a giant message in bounded time', () => {
    const startedAt = performance.now()
    for (const unit of ['always ', 'please ', 'i prefer', 'use x ', 'a, ', '`'])
      isStandingInstruction(unit.repeat(200_000))
    expect(performance.now() - startedAt).toBeLessThan(3_000)
  })
})
