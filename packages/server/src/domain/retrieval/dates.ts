/**
 * Dates that a question mentions, as ranges in UTC: "2024-03-15", "15 March 2024", "May 2023", "last week".
 * A month or day without a year is its most recent occurrence that does not lie after `now`.
 */
import type { DateRange } from './types.ts'

const datesMax = 8
const dayMs = 86_400_000
const monthNames = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
const month = String.raw`(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?`
const weekdayNames = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']

const utc = (year: number, monthIndex: number, day: number): Date => new Date(Date.UTC(year, monthIndex, day))
const monthIndexOf = (name: string): number => monthNames.indexOf(name.slice(0, 3).toLowerCase())
const addDays = (date: Date, days: number): Date => new Date(date.getTime() + days * dayMs)
const startOfDay = (date: Date): Date => utc(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate())
const startOfWeek = (date: Date): Date => addDays(startOfDay(date), -((date.getUTCDay() + 6) % 7))

const dayRange = (from: Date): DateRange => ({ from, to: addDays(from, 1) })
const monthRange = (year: number, index: number): DateRange => ({
  from: utc(year, index, 1),
  to: utc(year, index + 1, 1),
})
const yearRange = (year: number): DateRange => ({ from: utc(year, 0, 1), to: utc(year + 1, 0, 1) })

const exactDay = (year: number, index: number, day: number): DateRange | undefined => {
  const from = utc(year, index, day)
  return from.getUTCMonth() === index && from.getUTCDate() === day ? dayRange(from) : undefined
}

/** The same day or month in the last year that has it before `now`. */
const mostRecent = (make: (year: number) => DateRange | undefined, now: Date): DateRange | undefined => {
  const thisYear = make(now.getUTCFullYear())
  return thisYear && thisYear.from <= now ? thisYear : make(now.getUTCFullYear() - 1)
}

const dayOf = (name: string, day: string, year: string | undefined, now: Date): DateRange | undefined => {
  const make = (inYear: number) => exactDay(inYear, monthIndexOf(name), Number(day))
  return year ? make(Number(year)) : mostRecent(make, now)
}

const shiftUnit = (unit: string, count: number, now: Date): DateRange => {
  if (unit === 'day') return dayRange(addDays(startOfDay(now), -count))
  if (unit === 'week') {
    const from = addDays(startOfWeek(now), -7 * count)
    return { from, to: addDays(from, 7) }
  }
  if (unit === 'month') return monthRange(now.getUTCFullYear(), now.getUTCMonth() - count)
  return yearRange(now.getUTCFullYear() - count)
}

/** "past 3 days": from then until now, today included. */
const reachingBack = (unit: string, count: number, now: Date): DateRange => ({
  from: unit === 'day' ? addDays(startOfDay(now), -count) : shiftUnit(unit, count, now).from,
  to: addDays(startOfDay(now), 1),
})

const numberWords = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']
const amount = String.raw`(\d{1,3}|an?|${numberWords.slice(1).join('|')})`
const countOf = (text: string): number => {
  const lower = text.toLowerCase()
  if (lower === 'a' || lower === 'an') return 1
  return numberWords.includes(lower) ? numberWords.indexOf(lower) : Number(text)
}

const lastWeekday = (name: string, now: Date): DateRange => {
  const back = (now.getUTCDay() - weekdayNames.indexOf(name) + 7) % 7 || 7
  return dayRange(addDays(startOfDay(now), -back))
}

type Reader = readonly [pattern: RegExp, read: (match: RegExpExecArray, now: Date) => DateRange | undefined]

/** Tried in order at every place; a reading consumes its text, so the longer forms come first. */
const readers: readonly Reader[] = [
  [/\b(\d{4})-(\d{2})-(\d{2})(?!\d)/g, (m) => exactDay(Number(m[1]), Number(m[2]) - 1, Number(m[3]))],
  [
    new RegExp(String.raw`\b(\d{1,2})(?:st|nd|rd|th)?(?: of)?[ -]+${month},?(?:[ -]+(\d{4}))?\b`, 'gi'),
    (m, now) => dayOf(m[2] ?? '', m[1] ?? '', m[3], now),
  ],
  [
    new RegExp(String.raw`\b${month}[ -]+(\d{1,2})(?:st|nd|rd|th)?(?!\d)(?:,?[ -]+(\d{4}))?\b`, 'gi'),
    (m, now) => dayOf(m[1] ?? '', m[2] ?? '', m[3], now),
  ],
  [
    new RegExp(String.raw`\b${month},?(?: of)? +(\d{4})\b`, 'gi'),
    (m) => monthRange(Number(m[2]), monthIndexOf(m[1] ?? '')),
  ],
  [/\b(\d{4})-(0[1-9]|1[0-2])(?![\d-])/g, (m) => monthRange(Number(m[1]), Number(m[2]) - 1)],
  [
    new RegExp(String.raw`\b(?:in|during|since|last|of|around|by|early|late|mid)[ -]+${month}(?![\w])`, 'gi'),
    (m, now) => mostRecent((year) => monthRange(year, monthIndexOf(m[1] ?? '')), now),
  ],
  [/\b(?:in|during|of|since|year) ((?:19|20)\d{2})\b/gi, (m) => yearRange(Number(m[1]))],
  [/\btoday\b/gi, (_, now) => dayRange(startOfDay(now))],
  [/\bday before yesterday\b/gi, (_, now) => shiftUnit('day', 2, now)],
  [/\byesterday\b/gi, (_, now) => shiftUnit('day', 1, now)],
  [
    new RegExp(String.raw`\b${amount} (day|week|month|year)s? ago\b`, 'gi'),
    (m, now) => shiftUnit((m[2] ?? '').toLowerCase(), countOf(m[1] ?? ''), now),
  ],
  [
    new RegExp(String.raw`\b(?:past|last|previous) ${amount} (day|week|month|year)s?\b`, 'gi'),
    (m, now) => reachingBack((m[2] ?? '').toLowerCase(), countOf(m[1] ?? ''), now),
  ],
  [
    /\b(?:last|past|previous) (week|month|year)\b/gi,
    (m, now) => shiftUnit((m[1] ?? '').toLowerCase(), 1, now),
  ],
  [/\bthis (week|month|year)\b/gi, (m, now) => shiftUnit((m[1] ?? '').toLowerCase(), 0, now)],
  [
    new RegExp(String.raw`\b(?:last|on|this|past) (${weekdayNames.join('|')})\b`, 'gi'),
    (m, now) => lastWeekday((m[1] ?? '').toLowerCase(), now),
  ],
]

/** The ranges in the order of the text, at most eight. */
export const findDates = (text: string, now: Date): DateRange[] => {
  let rest = text
  const found: { at: number; range: DateRange }[] = []
  for (const [pattern, read] of readers)
    for (const match of rest.matchAll(pattern)) {
      const range = read(match, now)
      if (!range) continue
      found.push({ at: match.index, range })
      const end = match.index + match[0].length
      rest = rest.slice(0, match.index) + ' '.repeat(match[0].length) + rest.slice(end)
    }
  return found
    .toSorted((a, b) => a.at - b.at)
    .slice(0, datesMax)
    .map(({ range }) => range)
}
