/**
 * A vault of basic-memory: Markdown files in folders. Each note is a unit, known by its permalink or else its path, so
 * what changed in it or was removed from it is followed when the vault is imported again.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, sep } from 'node:path'
import { stripInjected } from '../../domain/ingest/injected-text.ts'
import { importLimits } from '../import-limits.ts'
import { addProblem, count, type ImportedPart, type SourceReport } from '../source.ts'
import { parseNote, type Note } from './parse-note.ts'

const isHidden = (name: string) =>
  name.split(sep).some((part) => part.startsWith('.') || part === 'node_modules')

const findNotes = async (vault: string, report: SourceReport): Promise<string[]> => {
  const names = (await readdir(vault, { recursive: true })).filter((name) => name.endsWith('.md'))
  const notes = names.filter((name) => !isHidden(name)).toSorted()
  count(report.skipped, 'notes in hidden folders', names.length - notes.length)
  if (notes.length > importLimits.notes)
    addProblem(report, '.', `has more than ${importLimits.notes} notes; the rest was left out`)
  return notes.slice(0, importLimits.notes)
}

const readNote = async (vault: string, name: string, report: SourceReport): Promise<Note | undefined> => {
  const place = name.split(sep).join('/')
  try {
    const path = await realpath(join(vault, name))
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
  for (const name of await findNotes(vault, report)) {
    const note = await readNote(vault, name, report)
    if (!note) continue
    const place = name.split(sep).join('/')
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
