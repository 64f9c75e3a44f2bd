/** `stackmemory export`: one project as JSON Lines, to a file or to standard output. */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { exportProject } from '../domain/transfer/export-project.ts'
import { createTransfer } from '../postgres/transfer.ts'
import { print, printJson, usageError, type Io } from './io.ts'
import { chooseProject, withLocal, type Local } from './local.ts'

export interface ExportOptions {
  project?: string
  output: string
  json?: boolean
}

interface Exported {
  project: string
  output: string
  lines: number
  bytes: number
}

/**
 * Inside the owner of the memory the export holds the only connection until its last line was read, and whoever reads
 * may stop (`| less`, Ctrl+Z): so it is complete, in a file of its own, before they get the first line.
 */
const writeThroughFile = async (local: Local, io: Io, source: Readable) => {
  const folder = await mkdtemp(join(tmpdir(), 'stackmemory-export-'))
  try {
    const path = join(folder, 'export.jsonl')
    await pipeline(source, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal: local.signal })
    local.progress.done()
    await pipeline(createReadStream(path), io.stdout, { signal: local.signal, end: false })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const writeTo = async (local: Local, io: Io, lines: AsyncIterable<string>, output: string) => {
  const source = Readable.from(lines)
  if (output === '-' && io.opened) return writeThroughFile(local, io, source)
  if (output === '-') return pipeline(source, io.stdout, { signal: local.signal, end: false })
  const path = resolve(io.cwd, output)
  const temporary = `${path}.partial-${process.pid}`
  try {
    const file = createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true })
    await pipeline(source, file, { signal: local.signal })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

export const exportMemory = async (io: Io, options: ExportOptions): Promise<void> => {
  if (options.json && options.output === '-')
    throw usageError('--json prints a report, so the export needs a file: add --output <file>.')
  await withLocal(io, { purpose: 'to export', mustExist: true }, async (local) => {
    const project = await chooseProject(local, options.project)
    const report: Exported = {
      project: `${project.organizationSlug}/${project.slug}`,
      output: options.output,
      lines: 0,
      bytes: 0,
    }
    local.progress.step(`Exporting ${report.project}`)
    const ctx = local.context(project)
    const counted = async function* () {
      for await (const text of exportProject(ctx, createTransfer(local.database.pool))) {
        report.lines += text.split('\n').length - 1
        report.bytes += Buffer.byteLength(text)
        local.progress.detail(`Exporting ${report.project}: ${report.lines} lines`)
        yield text
      }
    }
    await writeTo(local, io, counted(), options.output)
    local.progress.done()
    if (options.json) printJson(io, report)
    else if (options.output !== '-')
      print(
        io,
        `Exported ${report.project} to ${report.output}: ${report.lines} lines, ${report.bytes} bytes.`,
      )
  })
}
