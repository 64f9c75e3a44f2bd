/** `stackmemory import claude-code`: sessions of Claude Code become frames with their events and digests. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { beginImport, finishImport } from '../domain/ingest/import-run.ts'
import { importSession, type ImportedSessionResult } from '../domain/ingest/import-session.ts'
import { isDomainError } from '../domain/errors.ts'
import { findTranscripts, type SourceFile } from '../import/claude-code/find-transcripts.ts'
import { readTranscript, splitLines } from '../import/claude-code/read-transcript.ts'
import { resolvePath } from '../import/source.ts'
import { toImportedSession } from '../import/claude-code/to-imported-session.ts'
import type { TranscriptFile } from '../import/claude-code/transcript.ts'
import { chooseProject, withLocal, type Local } from './local.ts'
import { CommandFailure, dataError, exitCodes, print, printJson, warn, type Io } from './io.ts'
import { formatBar } from './progress.ts'
import { counted } from './counted.ts'
import { safeLine } from './terminal-text.ts'

export interface ImportClaudeCodeOptions {
  project?: string
  dryRun?: boolean
  json?: boolean
}

export interface ImportReport {
  /** Takes it back: "stackmemory import undo <id>". Null in a dry run. */
  importId: string | null
  project: string | null
  dryRun: boolean
  /** False when it was stopped before the last file. */
  finished: boolean
  files: { found: number; read: number; unreadable: { file: string; reason: string }[] }
  sessions: { new: number; grown: number; unchanged: number; forgotten: number }
  events: { added: number; alreadyThere: number; empty: number }
  redacted: Record<string, number>
  injectedRemoved: number
  skipped: Record<string, number>
  malformed: { count: number; lines: { file: string; line: number; reason: string }[] }
  durationMs: number
}

const malformedShownMax = 20
const malformedKeptMax = 1_000

const newReport = (dryRun: boolean): ImportReport => ({
  importId: null,
  project: null,
  dryRun,
  finished: true,
  files: { found: 0, read: 0, unreadable: [] },
  sessions: { new: 0, grown: 0, unchanged: 0, forgotten: 0 },
  events: { added: 0, alreadyThere: 0, empty: 0 },
  redacted: {},
  injectedRemoved: 0,
  skipped: {},
  malformed: { count: 0, lines: [] },
  durationMs: 0,
})

/** The file itself, or the transcripts below the folder. */
const findFiles = async (
  path: string,
  cwd: string,
  leftOut: Record<string, number>,
): Promise<SourceFile[]> => {
  const given = resolvePath(cwd, path)
  const stats = await stat(given).catch(() => undefined)
  if (!stats)
    throw dataError(`There is nothing at ${path}. Claude Code keeps its transcripts in ~/.claude/projects.`)
  if (stats.isFile()) return [{ path: given, bytes: stats.size }]
  const found = await findTranscripts(given, leftOut)
  if (found.length === 0)
    throw dataError(`There is no .jsonl file in ${path}, so there is nothing to import.`)
  return found
}

const lineCharsMax = 4_000

/** Titles that Claude Code keeps at the head of other files, by the last message of the session they name. */
const readSummaries = async (files: readonly SourceFile[]): Promise<Map<string, string>> => {
  const summaries = new Map<string, string>()
  for (const { path } of files) {
    try {
      const chunks = createReadStream(path, { highWaterMark: 16_384 }) as AsyncIterable<Uint8Array>
      for await (const line of splitLines(chunks, lineCharsMax)) {
        if (!line.startsWith('{"type":"summary"')) break
        const { summary, leafUuid } = JSON.parse(line) as { summary?: unknown; leafUuid?: unknown }
        if (typeof summary === 'string' && typeof leafUuid === 'string') summaries.set(leafUuid, summary)
      }
    } catch {
      // An unreadable file or line is reported when the file is imported.
    }
  }
  return summaries
}

const addFile = (report: ImportReport, file: TranscriptFile, name: string) => {
  report.files.read += 1
  for (const { reason, count } of file.skipped) report.skipped[reason] = (report.skipped[reason] ?? 0) + count
  for (const { kind, count } of file.redacted) report.redacted[kind] = (report.redacted[kind] ?? 0) + count
  report.injectedRemoved += file.injectedRemoved
  report.malformed.count += file.malformedCount
  for (const each of file.malformed)
    if (report.malformed.lines.length < malformedKeptMax) report.malformed.lines.push({ file: name, ...each })
}

const addSession = (report: ImportReport, result: ImportedSessionResult) => {
  if (result.status !== 'stopped') report.sessions[result.status] += 1
  report.events.added += result.eventsAdded
  report.events.alreadyThere += result.eventsKnown
  report.events.empty += result.eventsEmpty
  for (const [kind, count] of Object.entries(result.cleaned.redacted))
    report.redacted[kind] = (report.redacted[kind] ?? 0) + count
}

const runImport = async (
  report: ImportReport,
  files: readonly SourceFile[],
  show: { file: (text: string) => void; detail: (text: string) => void },
  isStopped: () => boolean,
  importOne: (
    session: ReturnType<typeof toImportedSession>,
    onBatch: (events: number) => void,
  ) => Promise<void>,
) => {
  const summaries = await readSummaries(files)
  const bytesTotal = files.reduce((sum, file) => sum + file.bytes, 0)
  let bytesDone = 0
  // While the database writes one file, the next is parsed; never more than two are in memory.
  let coming = readAhead(files[0])
  for (const [index, file] of files.entries()) {
    if (isStopped()) break
    const name = basename(file.path)
    const where = `${safeLine(name)} (${index + 1} of ${files.length})`
    show.file(`Importing ${where}`)
    const parsed = await coming
    coming = readAhead(files[index + 1])
    if (parsed instanceof Error) report.files.unreadable.push({ file: name, reason: parsed.code })
    else if (parsed) {
      addFile(report, parsed, name)
      for (const session of parsed.sessions) {
        if (isStopped()) break
        await importOne(toImportedSession(session, summaries), () =>
          show.detail(`${formatBar(bytesDone, bytesTotal)} ${where}, ${report.events.added} events`),
        )
      }
    }
    bytesDone += file.bytes
    show.detail(`${formatBar(bytesDone, bytesTotal)} ${where}, ${report.events.added} events`)
  }
  report.finished = !isStopped()
}

/** A file that cannot be read is a value, so that nobody has to be waiting when it fails. */
const readAhead = (file: SourceFile | undefined): Promise<TranscriptFile | FileError | undefined> => {
  const reading = (async () => {
    try {
      return file && (await readTranscript(file.path))
    } catch (error) {
      if (isFileError(error)) return error
      throw error
    }
  })()
  reading.catch(() => {}) // reported when it is awaited
  return reading
}

type FileError = Error & { code: string }

const isFileError = (error: unknown): error is FileError =>
  !isDomainError(error) && error instanceof Error && 'syscall' in error && 'code' in error

const importInto = async (
  local: Local,
  report: ImportReport,
  files: readonly SourceFile[],
  { project: name, label }: { project: string | undefined; label: string },
  isStopped: () => boolean,
) => {
  const project = await chooseProject(local, name)
  report.project = `${project.organizationSlug}/${project.slug}`
  const show = { file: local.progress.step, detail: local.progress.detail }
  const { importId } = await beginImport(local.context(project), local.memory, {
    source: 'claude-code',
    label,
  })
  report.importId = importId
  const context = () => ({ ...local.context(project), importId })
  const end = async (status: 'finished' | 'stopped') =>
    finishImport(context(), local.memory, { status, report: countsOf(report), at: new Date() })
  try {
    await runImport(report, files, show, isStopped, async (session, onBatch) =>
      addSession(report, await importSession(context(), local.memory, session, { isStopped, onBatch })),
    )
  } catch (error) {
    await end('stopped').catch(() => {}) // what failed is what the caller hears
    throw error
  }
  await end(report.finished ? 'finished' : 'stopped')
}

const countsOf = ({ sessions, events }: ImportReport) =>
  Object.fromEntries(
    Object.entries({
      sessionsNew: sessions.new,
      sessionsGrown: sessions.grown,
      eventsAdded: events.added,
    }).filter(([, count]) => count > 0),
  )

const dryRun = async (report: ImportReport, files: readonly SourceFile[], isStopped: () => boolean) =>
  runImport(report, files, { file: () => {}, detail: () => {} }, isStopped, async (session) => {
    report.sessions.new += 1
    report.events.added += [session, ...session.subagents].reduce(
      (sum, frame) => sum + frame.events.length,
      0,
    )
  })

export const importClaudeCode = async (
  io: Io,
  path: string,
  options: ImportClaudeCodeOptions,
): Promise<void> => {
  const startedAt = performance.now()
  let stopped = false
  void io.stopped.then(() => (stopped = true))
  const leftOut: Record<string, number> = {}
  const report = newReport(options.dryRun === true)
  const files = await findFiles(path, io.cwd, leftOut)
  report.files.found = files.length
  if (options.dryRun) await dryRun(report, files, () => stopped)
  else
    await withLocal(io, { purpose: 'to import', stopsItself: true }, async (local) =>
      importInto(local, report, files, { project: options.project, label: path }, () => stopped),
    )
  report.durationMs = Math.round(performance.now() - startedAt)
  const isNothing = report.files.read === 0 || isNothingUnderstood(report)
  report.skipped = { ...report.skipped, ...leftOut }
  if (options.json) printJson(io, report)
  else print(io, renderReport(report))
  if (!report.finished)
    throw new CommandFailure(
      exitCodes.interrupted,
      'Stopped. What was imported is complete; run the same command again for the rest.',
    )
  if (isNothing)
    throw dataError('Nothing could be read. Check that the path holds transcripts of Claude Code.')
  if (report.malformed.count > 0 && !options.json)
    warn(
      io,
      `${report.malformed.count === 1 ? '1 line was' : `${report.malformed.count} lines were`} not understood; everything else was read.`,
    )
}

const isNothingUnderstood = (report: ImportReport) =>
  report.malformed.count > 0 &&
  Object.values(report.sessions).every((count) => count === 0) &&
  Object.keys(report.skipped).length === 0

const list = (counts: Record<string, number>) =>
  Object.entries(counts)
    .toSorted((a, b) => b[1] - a[1])
    .map(([name, count]) => counted(count, safeLine(name)))
    .join(', ')

export const renderReport = (report: ImportReport): string => {
  const { sessions, events, files, malformed } = report
  const sessionCounts = list(Object.fromEntries(Object.entries(sessions).filter(([, count]) => count > 0)))
  return [
    report.dryRun
      ? 'Would import (nothing was written):'
      : `Imported into ${report.project ?? ''} in ${(report.durationMs / 1_000).toFixed(1)} s:`,
    `  Files      ${files.read} of ${files.found} read`,
    `  Sessions   ${sessionCounts || 'none'}`,
    report.dryRun
      ? `  Events     ${events.added}`
      : `  Events     ${events.added} added, ${events.alreadyThere} already there${events.empty ? `, ${events.empty} empty` : ''}`,
    `  Redacted   ${list(report.redacted) || 'nothing'}`,
    `  Left out   ${list(report.skipped) || 'nothing'}`,
    ...files.unreadable.map(({ file, reason }) => `  Not readable: ${safeLine(file)} (${safeLine(reason)})`),
    ...malformed.lines
      .slice(0, malformedShownMax)
      .map(
        ({ file, line, reason }) => `  Not understood: ${safeLine(file)} line ${line}: ${safeLine(reason)}`,
      ),
    malformed.count > malformedShownMax ? `  … and ${malformed.count - malformedShownMax} more lines` : '',
    report.importId
      ? `  Import     ${report.importId} (take it back with "stackmemory import undo ${report.importId}")`
      : '',
  ]
    .filter(Boolean)
    .join('\n')
}
