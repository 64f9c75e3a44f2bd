/** Moments as a person reads them, and as a person writes them. */
import { usageError } from './io.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

const count = (number: number, unit: string) => `${number} ${unit}${number === 1 ? '' : 's'}`

/** "just now", "5 minutes ago", "3 days ago"; two units of the same size never stand side by side. */
export const formatAge = (at: Date, now: Date): string => {
  const ms = now.getTime() - at.getTime()
  if (ms < -minuteMs) return 'in the future'
  if (ms < minuteMs) return 'just now'
  if (ms < hourMs) return `${count(Math.floor(ms / minuteMs), 'minute')} ago`
  if (ms < dayMs) return `${count(Math.floor(ms / hourMs), 'hour')} ago`
  if (ms < 14 * dayMs) return `${count(Math.floor(ms / dayMs), 'day')} ago`
  if (ms < 60 * dayMs) return `${count(Math.floor(ms / (7 * dayMs)), 'week')} ago`
  if (ms < 730 * dayMs) return `${count(Math.floor(ms / (30 * dayMs)), 'month')} ago`
  return `${count(Math.floor(ms / (365 * dayMs)), 'year')} ago`
}

/** The zone of the person's environment, which is not that of the process when another one runs the command. */
const zoneOf = (env: NodeJS.ProcessEnv): string | undefined => {
  const zone = env['TZ']?.replace(/^:/, '') || undefined
  try {
    return zone && new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}

/** `Mon 2026-03-02 10:15` in local time. */
export const createTimeFormat = (env: NodeJS.ProcessEnv): ((at: Date) => string) => {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zoneOf(env),
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  return (at) => {
    const part = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]))
    const get = (name: Intl.DateTimeFormatPartTypes) => part.get(name) ?? ''
    return `${get('weekday')} ${get('year')}-${get('month')}-${get('day')} ${get('hour')}:${get('minute')}`
  }
}

const unitMs: Record<string, number> = {
  m: minuteMs,
  h: hourMs,
  d: dayMs,
  w: 7 * dayMs,
  minute: minuteMs,
  hour: hourMs,
  day: dayMs,
  week: 7 * dayMs,
  month: 30 * dayMs,
  year: 365 * dayMs,
}

/** How far the zone of `env` is ahead of UTC at a moment. */
const offsetMs = (at: number, env: NodeJS.ProcessEnv): number => {
  const [, year, month, day, hour, minute] =
    /(\d+)-(\d+)-(\d+) (\d+):(\d+)/.exec(createTimeFormat(env)(new Date(at)))?.map(Number) ?? []
  const local = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute)
  return local - Math.floor(at / minuteMs) * minuteMs
}

/** Local time as a moment. In the hour that the clock skips, the moment after it. */
const fromLocal = (utc: number, env: NodeJS.ProcessEnv): Date => {
  const guess = utc - offsetMs(utc, env)
  return new Date(utc - offsetMs(guess, env))
}

const localDay = (now: Date, env: NodeJS.ProcessEnv, daysBack: number): Date => {
  const local = now.getTime() + offsetMs(now.getTime(), env)
  return fromLocal((Math.floor(local / dayMs) - daysBack) * dayMs, env)
}

const isoMoment =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/

const parseIso = (text: string, env: NodeJS.ProcessEnv): Date | undefined => {
  const found = isoMoment.exec(text)
  if (!found) return undefined
  const [, year = '', month = '', day = '', hour = '00', minute = '00', second = '00', zone] = found
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone ?? 'Z'}`)
  // Date.parse takes 2026-02-30 for 2 March.
  const isReal = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
  if (Number.isNaN(at) || !isReal) return undefined
  return zone === undefined ? fromLocal(at, env) : new Date(at)
}

/**
 * `2026-03-02`, `2026-03-02 10:15` (local time), `2026-03-02T10:15:00Z`, `3d`, `2 weeks ago`, `yesterday`, `today`.
 * @throws CommandFailure that names the option.
 */
export const parseMoment = (text: string, option: string, now: Date, env: NodeJS.ProcessEnv): Date => {
  const given = text.trim().toLowerCase()
  if (given === 'today') return localDay(now, env, 0)
  if (given === 'yesterday') return localDay(now, env, 1)
  const ago = /^(\d{1,4}) ?(?:(m|h|d|w)|(minute|hour|day|week|month|year)s?)(?: ago)?$/.exec(given)
  const unit = unitMs[ago?.[2] ?? ago?.[3] ?? '']
  if (ago && unit !== undefined) return new Date(now.getTime() - Number(ago[1]) * unit)
  const moment = parseIso(text.trim(), env)
  if (moment) return moment
  throw usageError(
    `${option} takes a date such as 2026-03-02, or a time ago such as 3d, "2 weeks ago" or yesterday.`,
  )
}
