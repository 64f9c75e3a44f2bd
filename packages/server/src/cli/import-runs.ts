/** `stackmemory import list` and `stackmemory import undo`. */
import { listImports } from '../domain/ingest/import-run.ts'
import { undoImport, type UndoneImport } from '../domain/ingest/undo-import.ts'
import type { ImportRun } from '../domain/memory.ts'
import { isUuid } from '../domain/refs.ts'
import { print, printJson, usageError, type Io } from './io.ts'
import { chooseProject, withLocal } from './local.ts'
import { counted } from './counted.ts'
import { table } from './table.ts'
import { safeLine } from './terminal-text.ts'

const columns = [
  ['statementsAdded', 'statements'],
  ['statementsChanged', 'changed'],
  ['statementsRetracted', 'retracted'],
  ['sessionsNew', 'sessions'],
  ['eventsAdded', 'events'],
  ['tasksAdded', 'tasks'],
] as const

const whatIt = ({ report }: ImportRun) =>
  columns.flatMap(([name, word]) => (report[name] ? [counted(report[name], word)] : [])).join(', ') ||
  'nothing new'

export const showImports = async (io: Io, options: { project?: string; json?: boolean }): Promise<void> =>
  withLocal(io, { purpose: 'to list its imports', mustExist: true }, async (local) => {
    const project = await chooseProject(local, options.project)
    const runs = await listImports(local.context(project), local.memory)
    local.progress.done()
    if (options.json) return printJson(io, { imports: runs })
    const rows = runs.map((run) => [
      run.id,
      run.createdAt.toISOString().slice(0, 16).replace('T', ' '),
      safeLine(run.source),
      run.status,
      whatIt(run),
      safeLine(run.label),
    ])
    print(
      io,
      rows.length > 0
        ? table(['Id', 'When (UTC)', 'Source', 'State', 'Added', 'From'], rows)
        : 'Nothing was imported into this project yet.',
    )
  })

export const takeBackImport = async (
  io: Io,
  id: string,
  options: { project?: string; dryRun?: boolean; json?: boolean },
): Promise<void> => {
  if (!isUuid(id)) throw usageError('The id of an import is a UUID; "stackmemory import list" shows it.')
  await withLocal(io, { purpose: 'to take the import back', mustExist: true }, async (local) => {
    const project = await chooseProject(local, options.project)
    const undone = await undoImport(local.context(project), local.memory, id, { isDryRun: options.dryRun })
    local.progress.done()
    if (options.json) printJson(io, undone)
    else print(io, renderUndone(undone))
  })
}

const keptShownMax = 20

export const renderUndone = (undone: UndoneImport): string => {
  const source = safeLine(undone.source)
  const label = safeLine(undone.label)
  const { statements, tasks, frames, events } = undone.forgotten
  if (undone.wasUndone) return `The import of ${source} was taken back before. Nothing was changed.`
  const counts = [
    [statements, 'statements forgotten'],
    [undone.restored, 'statements in force again'],
    [frames, frames === 1 ? 'session or frame forgotten' : 'sessions and frames forgotten'],
    [events, 'events forgotten'],
    [tasks, 'tasks forgotten'],
  ] as const
  const parts = counts.flatMap(([count, what]) => (count > 0 ? [`  ${counted(count, what)}`] : []))
  return [
    undone.isDryRun
      ? `Would take back the import of ${source} from ${label} (nothing was written):`
      : `Took back the import of ${source} from ${label}:`,
    ...(parts.length > 0 ? parts : ['  nothing of it was left']),
    ...undone.kept.slice(0, keptShownMax).map(({ ref, reason }) => `  ${ref} is kept: ${safeLine(reason)}`),
    undone.kept.length > keptShownMax ? `  … and ${undone.kept.length - keptShownMax} more are kept` : '',
  ]
    .filter(Boolean)
    .join('\n')
}
