/** Runs an import of any source: parts come from a reader, go into memory in batches, and are counted. */
import { createCleaner } from '../domain/clean.ts'
import type { Context } from '../domain/context.ts'
import { beginImport, finishImport } from '../domain/ingest/import-run.ts'
import { importSession, previewSession, type ImportedSession } from '../domain/ingest/import-session.ts'
import { importStatements, noStatements, type ImportedUnit } from '../domain/ingest/import-statements.ts'
import { importTasks, type ImportedTask } from '../domain/ingest/import-tasks.ts'
import type { Memory } from '../domain/ports.ts'
import type { ImportedPart, SourceReport } from '../import/source.ts'
import {
  addCleaned,
  addSession,
  addStatements,
  addTasks,
  countsOf,
  newMemoryReport,
  renderMemoryReport,
  type MemoryReport,
} from './import-report.ts'
import { CommandFailure, dataError, exitCodes, print, printJson, warn, type Io } from './io.ts'
import { chooseProject, hasMemory, withLocal } from './local.ts'

export interface ImportMemoryOptions {
  project?: string
  dryRun?: boolean
  json?: boolean
}

export interface ImportSource {
  /** As the command is called. */
  name: string
  /** What is read, as it was named. */
  label: string
  read(report: SourceReport): AsyncIterable<ImportedPart>
}

/** Where the parts go. */
interface Sink {
  units(units: readonly ImportedUnit[]): Promise<void>
  tasks(tasks: readonly ImportedTask[]): Promise<void>
  session(session: ImportedSession, onBatch: () => void): Promise<void>
}

const batchStatements = 100

const memorySink = (
  ctx: () => Context,
  memory: Memory,
  report: MemoryReport,
  isStopped: () => boolean,
): Sink => {
  const isDryRun = report.dryRun
  const dryRun = isDryRun ? new Set<string>() : undefined
  return {
    async units(units) {
      const { counts, cleaned } = await importStatements(ctx(), memory, units, { dryRun })
      addStatements(report, counts)
      addCleaned(report, cleaned)
    },
    tasks: async (tasks) => addTasks(report, await importTasks(ctx(), memory, tasks, { isDryRun })),
    async session(session, onBatch) {
      addSession(
        report,
        dryRun
          ? await previewSession(ctx(), memory, session, dryRun)
          : await importSession(ctx(), memory, session, { isStopped, onBatch }),
      )
    },
  }
}

/** A dry run where there is no memory yet: everything is new. */
const blindSink = (report: MemoryReport): Sink => {
  const countUnits = (units: readonly ImportedUnit[]) => {
    const { clean, report: cleaned } = createCleaner()
    const texts = units.flatMap(({ statements }) =>
      statements.map(({ type, content }) => `${type} ${clean(content)}`),
    )
    addStatements(report, { ...noStatements(), added: new Set(texts).size })
    addCleaned(report, cleaned)
  }
  return {
    units: async (units) => countUnits(units),
    tasks: async (tasks) => void (report.tasks.added += tasks.length),
    async session(session) {
      const { clean, report: cleaned } = createCleaner()
      report.sessions.new += 1
      for (const frame of [session, ...session.subagents]) {
        for (const event of frame.events) clean(event.content)
        report.events.added += frame.events.length
        countUnits(frame.statements ?? [])
      }
      addCleaned(report, cleaned)
    },
  }
}

const runParts = async (
  parts: AsyncIterable<ImportedPart>,
  sink: Sink,
  report: MemoryReport,
  show: (text: string) => void,
  isStopped: () => boolean,
) => {
  let units: ImportedUnit[] = []
  let tasks: ImportedTask[] = []
  const progress = () =>
    show(
      `Importing from ${report.source}: ${report.statements.added + report.statements.unchanged} statements, ${report.events.added + report.events.alreadyThere} events`,
    )
  const flush = async () => {
    const [ready, todo] = [units, tasks]
    units = []
    tasks = []
    if (ready.length > 0) await sink.units(ready)
    if (todo.length > 0) await sink.tasks(todo)
    progress()
  }
  for await (const part of parts) {
    if (isStopped()) break
    if (part.kind === 'unit') units.push(part.unit)
    else if (part.kind === 'task') tasks.push(part.task)
    else await sink.session(part.session, progress)
    const waiting = units.reduce((sum, unit) => sum + unit.statements.length, 0) + tasks.length
    if (waiting >= batchStatements || units.length >= batchStatements) await flush()
  }
  if (!isStopped()) await flush()
  report.finished = !isStopped()
}

export interface ImportTarget {
  /** A context for each call, in the project. */
  context(): Context
  memory: Memory
}

/** Runs an import into an open memory; the report is filled while it goes. */
export const runImport = async (
  target: ImportTarget,
  source: ImportSource,
  report: MemoryReport,
  {
    show = () => {},
    isStopped = () => false,
  }: { show?: (text: string) => void; isStopped?: () => boolean } = {},
): Promise<void> => {
  const { memory } = target
  const run = async (context: () => Context) =>
    runParts(source.read(report), memorySink(context, memory, report, isStopped), report, show, isStopped)
  if (report.dryRun) return run(() => target.context())
  const { importId } = await beginImport(target.context(), memory, {
    source: source.name,
    label: source.label,
  })
  report.importId = importId
  const context = () => ({ ...target.context(), importId })
  const end = async () =>
    finishImport(context(), memory, {
      status: report.finished ? 'finished' : 'stopped',
      report: countsOf(report),
      at: context().now,
    })
  try {
    await run(context)
  } catch (error) {
    report.finished = false
    // What failed is what the caller hears; what was stored until then can be taken back by its id.
    await end().catch(() => {})
    throw error
  }
  await end()
}

export const importMemory = async (
  io: Io,
  source: ImportSource,
  options: ImportMemoryOptions,
): Promise<void> => {
  const startedAt = performance.now()
  let stopped = false
  void io.stopped.then(() => (stopped = true))
  const isStopped = () => stopped
  const report = newMemoryReport(source.name, options.dryRun === true)
  if (report.dryRun && !hasMemory(io.env))
    await runParts(source.read(report), blindSink(report), report, () => {}, isStopped)
  else
    await withLocal(io, { purpose: 'to import', stopsItself: true }, async (local) => {
      const project = await chooseProject(local, options.project)
      report.project = `${project.organizationSlug}/${project.slug}`
      local.progress.step(`Importing from ${source.name}`)
      const target = { context: () => local.context(project), memory: local.memory }
      await runImport(target, source, report, { show: local.progress.detail, isStopped })
    })
  report.durationMs = Math.round(performance.now() - startedAt)
  if (options.json) printJson(io, report)
  else print(io, renderMemoryReport(report))
  if (!report.finished)
    throw new CommandFailure(
      exitCodes.interrupted,
      'Stopped. What was imported is complete; run the same command again for the rest.',
    )
  if (Object.keys(report.read).length === 0)
    throw dataError(`Nothing of ${source.name} was found in ${source.label}.`)
  if (report.problems.count > 0 && !options.json)
    warn(
      io,
      `${report.problems.count === 1 ? '1 part was' : `${report.problems.count} parts were`} not understood; everything else was read.`,
    )
}
