import { describe, expect, it } from 'vitest'
import { createTimeFormat, formatAge, parseMoment } from './terminal-time.ts'

const now = new Date('2026-03-29T09:30:00Z')
const lisbon = { TZ: 'Europe/Lisbon' } // its clocks went forward this night, at 01:00 UTC
const parse = (text: string, env: NodeJS.ProcessEnv = lisbon) =>
  parseMoment(text, '--since', now, env).toISOString()

describe('moments', () => {
  it('are shown in the local time of the person, with the day [cli.times]', () => {
    expect(createTimeFormat(lisbon)(now)).toBe('Sun 2026-03-29 10:30')
    expect(createTimeFormat({ TZ: 'Asia/Tokyo' })(new Date('2026-03-01T15:00:00Z'))).toBe(
      'Mon 2026-03-02 00:00',
    )
    expect(createTimeFormat({ TZ: 'No/Where' })(now)).toMatch(/^\w{3} 2026-03-\d\d \d\d:\d\d$/)
  })

  it('have an age in whole units [cli.times]', () => {
    const ages = [
      -120_000,
      5_000,
      60_000,
      59 * 60_000,
      3_600_000,
      47 * 3_600_000,
      13 * 86_400_000,
      20 * 86_400_000,
      100 * 86_400_000,
      800 * 86_400_000,
    ]
    expect(ages.map((ms) => formatAge(new Date(now.getTime() - ms), now))).toEqual([
      'in the future',
      'just now',
      '1 minute ago',
      '59 minutes ago',
      '1 hour ago',
      '1 day ago',
      '13 days ago',
      '2 weeks ago',
      '3 months ago',
      '2 years ago',
    ])
  })

  it('are understood as people write them, also over a change of the clocks [cli.times]', () => {
    expect(parse('2026-03-28')).toBe('2026-03-28T00:00:00.000Z')
    expect(parse('2026-03-30')).toBe('2026-03-29T23:00:00.000Z')
    expect(parse('2026-03-29 10:15')).toBe('2026-03-29T09:15:00.000Z')
    expect(parse('2026-03-29T10:15:00Z')).toBe('2026-03-29T10:15:00.000Z')
    expect(parse('2026-03-29T10:15+02:00')).toBe('2026-03-29T08:15:00.000Z')
    expect(parse('today')).toBe('2026-03-29T00:00:00.000Z')
    expect(parse('yesterday', { TZ: 'Asia/Tokyo' })).toBe('2026-03-27T15:00:00.000Z')
    expect(parse('3d')).toBe('2026-03-26T09:30:00.000Z')
    expect(parse('2 weeks ago')).toBe('2026-03-15T09:30:00.000Z')
    expect(parse('90m')).toBe('2026-03-29T08:00:00.000Z')
    for (const text of ['', 'soon', '2026-02-30', '2026-13-01', '3 parsecs', '2026-03-01T25:00', '-3d'])
      expect(() => parse(text), text).toThrow(/--since takes a date such as/)
  })
})
