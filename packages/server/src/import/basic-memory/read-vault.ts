/**
 * A vault of basic-memory: Markdown files in folders. Each note is a unit, known by its permalink or else its path, so
 * what changed in it or was removed from it is followed when the vault is imported again.
 */
import { createHash } from 'node:crypto'
import { readFile, realpath, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, join, sep } from 'node:path'
import { stripInjected } from '../../domain/ingest/injected-text.ts'
import { importLimits } from '../import-limits.ts'
import { addProblem, count, type ImportedPart, type SourceReport } from '../source.ts'
import { walkFolder } from '../walk-folder.ts'
import { parseNote, type Note } from './parse-note.ts'

const isHidden = (name: string) => name.startsWith('.') || name === 'node_modules'

const findNotes = async (vault: string, report: SourceReport): Promise<string[]> => {
  const notes: string[] = []
  const entries = walkFolder(vault, {
    foldersMax: importLimits.noteFolders,
    isEntered(base) {
      if (isHidden(base)) count(report.skipped, 'hidden folders')
      return !isHidden(base)
    },
    onTooMany: () =>
      addProblem(report, '.', `has more than ${importLimits.noteFolders} folders; the rest was left out`),
    onUnreadable: (name, code) => addProblem(report, name, `cannot be read (${code})`),
  })
  for await (const { name, isLink } of entries) {
    if (isLink) count(report.skipped, 'links (name what they lead to)')
    else if (name.endsWith('.md') && isHidden(basename(name))) count(report.skipped, 'hidden notes')
    else if (name.endsWith('.md')) {
      if (notes.length >= importLimits.notes) {
        addProblem(report, '.', `has more than ${importLimits.notes} notes; the rest was left out`)
        break
      }
      notes.push(name)
    }
  }
  return notes.toSorted()
}

const readNote = async (vault: string, place: string, report: SourceReport): Promise<Note | undefined> => {
  try {
    const path = await realpath(join(vault, place))
    if (!path.startsWith(`${vault}${sep}`)) {
      count(report.skipped, 'links that lead out of the vault')
      return undefined
    }
    const stats = await stat(path)
    if (!stats.isFile()) return undefined
    if (stats.size > importLimits.noteBytes) {
      addProblem(report, place, `has more than ${importLimits.noteBytes} bytes`)
      return undefined
    }
    const own = stripInjected(new TextDecoder().decode(await readFile(path)).replaceAll('\r\n', '\n'))
    count(report.skipped, 'private or injected blocks', own.removed)
    return parseNote(own.text, place)
  } catch (error) {
    addProblem(report, place, `cannot be read (${(error as { code?: string }).code ?? 'unknown'})`)
    return undefined
  }
}

/** The same folder on the same machine: another one of that name is another vault. */
const nameVault = (vault: string) =>
  createHash('sha256').update(`${hostname()}\0${vault}`).digest('hex').slice(0, 12)

export async function* readVault(folder: string, report: SourceReport): AsyncGenerator<ImportedPart> {
  const vault = await realpath(folder)
  const prefix = `basic-memory:${nameVault(vault)}:`
  const seen = new Set<string>()
  for (const place of await findNotes(vault, report)) {
    const note = await readNote(vault, place, report)
    if (!note) continue
    if (note.problem) addProblem(report, place, note.problem)
    const unit = `${prefix}${(note.permalink ?? place).slice(0, 150)}`
    if (seen.has(unit)) {
      addProblem(report, place, 'has the permalink of another note')
      continue
    }
    seen.add(unit)
    count(report.read, 'notes')
    for (const [what, number] of Object.entries(note.counts)) count(report.read, what, number)
    yield { kind: 'unit', unit: { unit, statements: note.statements, isComplete: true } }
  }
}
