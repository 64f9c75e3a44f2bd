/** What every source of an import gives: parts, one after another, and a report of what it read and left out. */
import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import type { ImportedSession } from '../domain/ingest/import-session.ts'
import type { ImportedUnit } from '../domain/ingest/import-statements.ts'
import type { ImportedTask } from '../domain/ingest/import-tasks.ts'
import { importLimits } from './import-limits.ts'

export type ImportedPart =
  | { kind: 'unit'; unit: ImportedUnit }
  | { kind: 'session'; session: ImportedSession }
  | { kind: 'task'; task: ImportedTask }

export interface SourceReport {
  /** What was read, counted by what it is called in the source. */
  read: Record<string, number>
  /** Understood and left out on purpose, by reason. */
  skipped: Record<string, number>
  /** Not understood; everything else was read. At most `importLimits.problemsKept` are named. */
  problems: { count: number; list: { where: string; reason: string }[] }
}

export const newSourceReport = (): SourceReport => ({
  read: {},
  skipped: {},
  problems: { count: 0, list: [] },
})

export const count = (counts: Record<string, number>, name: string, by = 1) => {
  if (by > 0) counts[name] = (counts[name] ?? 0) + by
}

export const addProblem = ({ problems }: SourceReport, where: string, reason: string) => {
  problems.count += 1
  if (problems.list.length < importLimits.problemsKept) problems.list.push({ where, reason })
}

/** The path that a person named, from where they are; `~` is their home. */
export const resolvePath = (cwd: string, path: string) =>
  resolve(cwd, path === '~' || path.startsWith('~/') ? `${homedir()}${path.slice(1)}` : path)

export const findKind = async (path: string): Promise<'file' | 'folder' | undefined> => {
  const stats = await stat(path).catch(() => undefined)
  if (stats?.isFile()) return 'file'
  return stats?.isDirectory() ? 'folder' : undefined
}

/** A time of the source: ISO text, or a number of seconds or milliseconds since 1970; undefined when it is neither. */
export const parseTime = (value: unknown): Date | undefined => {
  const isNumber = typeof value === 'number' || typeof value === 'bigint'
  // 100,000,000,000 seconds are the year 5138, as many milliseconds 1973.
  const number = isNumber ? Number(value) : Number.NaN
  const date = isNumber
    ? new Date(number < 1e11 ? number * 1_000 : number)
    : typeof value === 'string' && value.trim() !== ''
      ? new Date(withZone(value.trim()))
      : new Date(Number.NaN)
  const time = date.getTime()
  return time >= 0 && time < Date.UTC(2200, 0) ? date : undefined
}

/** SQLite writes UTC without saying so. */
const withZone = (text: string) =>
  /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/.test(text) ? `${text.replace(' ', 'T')}Z` : text
