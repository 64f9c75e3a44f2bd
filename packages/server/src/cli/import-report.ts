/** The report of an import: what was read, what became of it, and what was left out and why. */
import type { CleanReport } from '../domain/clean.ts'
import type { ImportedSessionResult } from '../domain/ingest/import-session.ts'
import { noStatements, type StatementCounts } from '../domain/ingest/import-statements.ts'
import type { ImportedTasks } from '../domain/ingest/import-tasks.ts'
import { newSourceReport, type SourceReport } from '../import/source.ts'
import { counted } from './counted.ts'
import { safeLine } from './terminal-text.ts'

export interface MemoryReport extends SourceReport {
  /** Takes it back: "stackmemory import undo <id>". Null in a dry run. */
  importId: string | null
  source: string
  project: string | null
  dryRun: boolean
  /** False when it was stopped before the end. */
  finished: boolean
  statements: StatementCounts
  sessions: { new: number; grown: number; unchanged: number; forgotten: number }
  events: { added: number; alreadyThere: number; empty: number }
  tasks: { added: number; unchanged: number; empty: number }
  redacted: Record<string, number>
  injectedRemoved: number
  truncatedBytes: number
  durationMs: number
}

export const newMemoryReport = (source: string, dryRun: boolean): MemoryReport => ({
  importId: null,
  source,
  project: null,
  dryRun,
  finished: true,
  ...newSourceReport(),
  statements: noStatements(),
  sessions: { new: 0, grown: 0, unchanged: 0, forgotten: 0 },
  events: { added: 0, alreadyThere: 0, empty: 0 },
  tasks: { added: 0, unchanged: 0, empty: 0 },
  redacted: {},
  injectedRemoved: 0,
  truncatedBytes: 0,
  durationMs: 0,
})

export const addCleaned = (report: MemoryReport, cleaned: CleanReport) => {
  for (const [kind, count] of Object.entries(cleaned.redacted))
    report.redacted[kind] = (report.redacted[kind] ?? 0) + count
  report.injectedRemoved += cleaned.injectedRemoved
  report.truncatedBytes += cleaned.truncatedBytes
}

const add = <T extends object>(total: T, part: T) => {
  const sums = total as Record<string, number>
  for (const [name, count] of Object.entries(part)) sums[name] = (sums[name] ?? 0) + Number(count)
}

export const addStatements = (report: MemoryReport, counts: StatementCounts) => add(report.statements, counts)

export const addTasks = (report: MemoryReport, { cleaned, ...counts }: ImportedTasks) => {
  add(report.tasks, counts)
  addCleaned(report, cleaned)
}

export const addSession = (report: MemoryReport, result: ImportedSessionResult) => {
  if (result.status !== 'stopped') report.sessions[result.status] += 1
  add(report.events, {
    added: result.eventsAdded,
    alreadyThere: result.eventsKnown,
    empty: result.eventsEmpty,
  })
  addStatements(report, result.statements)
  addCleaned(report, result.cleaned)
}

/** What is kept with the import: counts and no words. */
export const countsOf = (report: MemoryReport): Record<string, number> =>
  Object.fromEntries(
    Object.entries({
      statementsAdded: report.statements.added,
      statementsChanged: report.statements.changed,
      statementsRetracted: report.statements.retracted,
      statementsUnchanged: report.statements.unchanged,
      sessionsNew: report.sessions.new,
      sessionsGrown: report.sessions.grown,
      eventsAdded: report.events.added,
      tasksAdded: report.tasks.added,
      problems: report.problems.count,
    }).filter(([, count]) => count > 0),
  )

const list = (counts: Record<string, number>) =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .toSorted((a, b) => b[1] - a[1])
    .map(([name, count]) => counted(count, safeLine(name)))
    .join(', ')

const problemsShownMax = 20

export const renderMemoryReport = (report: MemoryReport): string => {
  const { statements, sessions, events, tasks, problems } = report
  const line = (title: string, text: string) => (text ? `  ${title.padEnd(11)}${text}` : '')
  return [
    report.dryRun
      ? `Would import from ${report.source}${report.project ? ` into ${report.project}` : ''} (nothing was written):`
      : `Imported from ${report.source} into ${report.project ?? ''} in ${(report.durationMs / 1_000).toFixed(1)} s:`,
    line('Read', list(report.read) || 'nothing'),
    line(
      'Statements',
      list({
        added: statements.added,
        changed: statements.changed,
        retracted: statements.retracted,
        unchanged: statements.unchanged,
        'already known': statements.known,
        'left as people changed them here': statements.leftAlone,
        empty: statements.empty,
      }),
    ),
    line('Sessions', list(sessions)),
    line('Events', list({ added: events.added, 'already there': events.alreadyThere, empty: events.empty })),
    line('Tasks', list(tasks)),
    line('Redacted', list(report.redacted) || 'nothing'),
    line(
      'Cut',
      report.truncatedBytes > 0 ? `${report.truncatedBytes} bytes of texts that were too long` : '',
    ),
    line('Left out', list(report.skipped) || 'nothing'),
    ...problems.list
      .slice(0, problemsShownMax)
      .map(({ where, reason }) => `  Not understood: ${safeLine(where)}: ${safeLine(reason)}`),
    problems.count > problemsShownMax ? `  … and ${problems.count - problemsShownMax} more` : '',
    report.importId
      ? `  Import     ${report.importId} (take it back with "stackmemory import undo ${report.importId}")`
      : '',
  ]
    .filter(Boolean)
    .join('\n')
}
