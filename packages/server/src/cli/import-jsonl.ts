/** `stackmemory import jsonl`: an export into an empty project, or the same export once more. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { importProject, type ImportedProject } from '../domain/transfer/import-project.ts'
import { splitLines } from '../import/claude-code/read-transcript.ts'
import { createTransfer } from '../postgres/transfer.ts'
import { dataError, print, printJson, type Io } from './io.ts'
import { chooseProject, withLocal } from './local.ts'
import { formatBar } from './progress.ts'

export interface ImportJsonlOptions {
  project?: string
  json?: boolean
}

const lineCharsMax = 16_000_000

export const importJsonl = async (io: Io, given: string, options: ImportJsonlOptions): Promise<void> => {
  const path = resolve(io.cwd, given)
  const stats = await stat(path).catch(() => undefined)
  if (!stats?.isFile())
    throw dataError(`There is no file at ${given}. Name a file that "stackmemory export" wrote.`)
  await withLocal(io, { purpose: 'to import' }, async (local) => {
    const project = await chooseProject(local, options.project)
    const name = `${project.organizationSlug}/${project.slug}`
    local.progress.step(`Verifying ${given}`)
    const openLines = () => splitLines(createReadStream(path) as AsyncIterable<Uint8Array>, lineCharsMax)
    const result = await importProject(
      local.context(project),
      createTransfer(local.database.pool),
      openLines,
      (rows, total) => local.progress.detail(`${formatBar(rows, total)} ${rows} of ${total} rows`),
    )
    local.progress.done()
    if (options.json) printJson(io, { project: name, ...result })
    else print(io, renderResult(name, result))
  })
}

const renderResult = (project: string, { added, identical }: ImportedProject) => {
  const parts = Object.entries(added)
    .filter(([, count]) => count > 0)
    .map(([table, count]) => `${count} ${table.replace('_', ' ')}`)
  const known = identical > 0 ? ` ${identical} rows were there already.` : ''
  return `Imported into ${project}: ${parts.join(', ') || 'nothing new'}.${known}`
}
