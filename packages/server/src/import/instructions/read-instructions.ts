/**
 * Instructions that a repository gives to agents: `CLAUDE.md`, `AGENTS.md`, Cursor's and Copilot's rules. All files
 * of a repository are one unit, so a rule that stands in two of them is one statement with two places.
 */
import { existsSync } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname, extname, join, relative, resolve, sep } from 'node:path'
import type { ImportedStatement } from '../../domain/ingest/import-statements.ts'
import { stripInjected } from '../../domain/ingest/injected-text.ts'
import { importLimits } from '../import-limits.ts'
import { addProblem, count, findKind, type ImportedPart, type SourceReport } from '../source.ts'
import { classifyRule } from './classify-rule.ts'
import { findInstructions, findRoot, nameRepository } from './find-instructions.ts'
import { readFrontMatter, textsOf } from './front-matter.ts'
import { toBlocks, withoutComments, withoutFences, type Block } from './markdown-blocks.ts'

/** What a generator wrote about the file itself. */
const aboutItself = /^(?:this file provides guidance to |guidance for (?:claude|agents|ai)\b.{0,80}$)/i
const importMark = /(?:^|\s)@([\w.~/-][\w.~/ -]*?\.(?:md|mdc|txt|markdown)|[\w~][\w./~-]*)(?=$|[\s),.;])/g

interface Reading {
  root: string
  report: SourceReport
  statements: ImportedStatement[]
  /** Real paths that were read, so that links and imports are read once. */
  seen: Set<string>
  /** As they are named in the unit. */
  read: Set<string>
}

const posix = (path: string) => path.split(sep).join('/')

const toStatement = (
  block: Block,
  place: string,
  front: Record<string, unknown>,
): ImportedStatement | undefined => {
  if (block.text.replaceAll(/[^\p{L}\p{N}]/gu, '').length < 3) return undefined
  const under = block.headings.join(' › ')
  const globs = [...textsOf(front['globs']), ...textsOf(front['applyTo']), ...textsOf(front['paths'])]
  const about = typeof front['description'] === 'string' ? front['description'].trim() : ''
  return {
    type: classifyRule(block.text, [about, ...block.headings]),
    content: block.text,
    rationale: [`From ${place}`, under && `under “${under}”`, about && `about “${about}”`]
      .filter(Boolean)
      .join(', '),
    files: globs.filter((glob) => glob !== '**' && glob !== '**/*'),
    place: { place, ...(under && { heading: under }), line: block.line },
  }
}

const importable = new Set(['.md', '.mdc', '.txt', '.markdown'])
const dotFolders = new Set(['.claude', '.cursor', '.github'])
/** Text that people wrote to be read; what is hidden (`.env`, `.ssh`) is somebody's own. */
const isImportable = (root: string, path: string) =>
  importable.has(extname(path).toLowerCase()) &&
  relative(root, path)
    .split(sep)
    .every((part) => !part.startsWith('.') || dotFolders.has(part))

/** Files named with `@path` outside of code, as Claude Code reads them; only inside the folder. */
const importsOf = (text: string): string[] => {
  const prose = withoutFences(text).replaceAll(/`[^`\n]*`/g, '')
  return [...prose.matchAll(importMark)].map((match) => (match[1] ?? '').replace(/[.,;)]+$/, ''))
}

const notImportable = 'imports of hidden files or of files that are no Markdown or text'

const isInside = (root: string, path: string) => path === root || path.startsWith(`${root}${sep}`)

const readImports = async (reading: Reading, text: string, from: string, depth: number) => {
  for (const named of importsOf(text)) {
    if (named.startsWith('~')) {
      count(reading.report.skipped, 'imports from outside of the folder')
      continue
    }
    const target = resolve(dirname(from), named)
    if (!isInside(reading.root, target)) {
      if (existsSync(target)) count(reading.report.skipped, 'imports from outside of the folder')
    } else if ((await findKind(target)) === 'file') {
      if (!isImportable(reading.root, target)) count(reading.report.skipped, notImportable)
      else if (depth >= importLimits.instructionImportDepth)
        count(reading.report.skipped, 'imports nested too deeply')
      else await readOne(reading, target, depth + 1)
    }
  }
}

/** A line that is nothing but an import is no rule. */
const withoutImportLines = (text: string) =>
  text
    .split('\n')
    .map((line) => (/^\s*(?:[-*+]\s+)?@[\w./~-]+\s*$/.test(line) ? '' : line))
    .join('\n')

const readOne = async (reading: Reading, path: string, depth = 0): Promise<void> => {
  const { root, report } = reading
  const place = posix(relative(root, path))
  try {
    const real = await realpath(path)
    if (!isInside(root, real)) return count(report.skipped, 'links that lead out of the folder')
    if (depth > 0 && !isImportable(root, real)) return count(report.skipped, notImportable)
    if (reading.seen.has(real)) return
    reading.seen.add(real)
    const stats = await stat(real)
    if (!stats.isFile()) return
    if (stats.size > importLimits.instructionFileBytes)
      return addProblem(report, place, `has more than ${importLimits.instructionFileBytes} bytes`)
    const text = new TextDecoder().decode(await readFile(real)).replaceAll('\r\n', '\n')
    reading.read.add(place)
    count(report.read, 'files')
    addRules(reading, text, place)
    if (importable.has(extname(path).toLowerCase())) await readImports(reading, text, path, depth)
  } catch (error) {
    addProblem(report, place, `cannot be read (${(error as { code?: string }).code ?? 'unknown'})`)
  }
}

/** Lines of the file for blocks of a text from which something was taken out. */
const locate = (blocks: readonly Block[], text: string): Block[] => {
  const lines = text.split('\n')
  let from = 0
  return blocks.map((block) => {
    const words = block.text.split('\n', 1)[0] ?? ''
    const found = lines.findIndex((line, index) => index >= from && line.includes(words))
    if (found >= 0) from = found
    return { ...block, line: found >= 0 ? found + 1 : block.line }
  })
}

const addRules = ({ report, statements }: Reading, text: string, place: string) => {
  // What is private or was injected may span many rules, so it goes before the text is cut into them.
  const own = stripInjected(text)
  count(report.skipped, 'private or injected blocks', own.removed)
  const front = readFrontMatter(own.text)
  if (front.problem) addProblem(report, place, front.problem)
  const cut = toBlocks(withoutImportLines(withoutComments(front.body)))
  const blocks = own.removed > 0 ? locate(cut, text) : cut
  for (const [index, block] of blocks.entries()) {
    if (statements.length >= importLimits.rules) {
      addProblem(report, place, `is over the limit of ${importLimits.rules} rules; the rest was left out`)
      return
    }
    if (index >= importLimits.rulesPerFile) {
      addProblem(report, place, `has more than ${importLimits.rulesPerFile} rules; the rest was left out`)
      return
    }
    const statement = aboutItself.test(block.text) ? undefined : toStatement(block, place, front.data)
    if (statement) {
      statements.push(statement)
      count(report.read, 'rules')
    } else count(report.skipped, 'lines that say nothing')
  }
}

/** Paths of one repository. A folder stands for all instructions in it, a file for itself. */
async function* readRepository(root: string, paths: readonly string[], report: SourceReport) {
  const reading: Reading = { root, report, statements: [], seen: new Set(), read: new Set() }
  for (const path of paths) {
    const isFolder = (await stat(path)).isDirectory()
    const files = isFolder ? await findInstructions(path, report) : [path]
    for (const file of files) await readOne(reading, file)
  }
  const unit = {
    unit: `instructions:${await nameRepository(root)}`,
    statements: reading.statements,
    // A file that is still there and was not asked for says nothing about its rules.
    isComplete: (place: string) => reading.read.has(place) || !existsSync(join(root, place)),
  }
  yield { kind: 'unit', unit } satisfies ImportedPart
}

/** @param paths that exist, absolute */
export async function* readInstructions(
  paths: readonly string[],
  report: SourceReport,
): AsyncGenerator<ImportedPart> {
  const byRoot = new Map<string, string[]>()
  for (const path of await Promise.all(paths.map(async (each) => realpath(each)))) {
    const root = await findRoot(path)
    byRoot.set(root, [...(byRoot.get(root) ?? []), path])
  }
  for (const [root, own] of byRoot) yield* readRepository(root, own, report)
}
