/** Where repositories keep instructions for agents, and which repository a path belongs to. */
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { importLimits } from '../import-limits.ts'
import { addProblem, count, type SourceReport } from '../source.ts'
import { walkFolder } from '../walk-folder.ts'

/** By the path inside of its folder, with forward slashes. */
const kinds: readonly RegExp[] = [
  /(?:^|\/)(?:CLAUDE|AGENTS)\.md$/,
  /(?:^|\/)\.cursorrules$/,
  /(?:^|\/)\.cursor\/rules\/.+\.mdc$/,
  /(?:^|\/)\.claude\/rules\/.+\.md$/,
  /^\.github\/copilot-instructions\.md$/,
  /^\.github\/instructions\/.+\.md$/,
]
const privateFile = /(?:^|\/)(?:CLAUDE|AGENTS)\.local\.md$/

const notOurs = new Set(['node_modules', 'vendor', 'dist', 'build', 'out', 'target', 'coverage', 'venv'])
const dotFolders = new Set(['.cursor', '.claude', '.github'])

const isWorthEntering = (name: string) => (name.startsWith('.') ? dotFolders.has(name) : !notOurs.has(name))

/** Files of instructions below a folder, in a stable order: nearer the top first. */
export const findInstructions = async (folder: string, report: SourceReport): Promise<string[]> => {
  const found: string[] = []
  const { instructionFolders, instructionFiles } = importLimits
  const entries = walkFolder(folder, {
    foldersMax: instructionFolders,
    isEntered: isWorthEntering,
    onTooMany: () =>
      addProblem(report, folder, `has more than ${instructionFolders} folders; name the files instead`),
  })
  for await (const { path, name } of entries) {
    if (privateFile.test(name)) count(report.skipped, 'private files (name them to import them)')
    else if (kinds.some((kind) => kind.test(name))) {
      if (found.length >= instructionFiles) {
        const reason = `has more than ${instructionFiles} files of instructions; the rest was left out`
        addProblem(report, folder, reason)
        break
      }
      found.push(path)
    }
  }
  return found
}

/** The repository around a path, or the folder itself. */
export const findRoot = async (path: string): Promise<string> => {
  const start = (await stat(path)).isDirectory() ? path : dirname(path)
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return folder
    if (dirname(folder) === folder) return start
  }
}

/** `host/owner/name` of the remote "origin", the same in every clone; without one the name of the folder. */
export const nameRepository = async (root: string): Promise<string> => {
  const config = await readFile(join(await findGitFolder(root), 'config'), 'utf8').catch(() => '')
  const url = /^\[remote "origin"\][^[]*?^\s*url\s*=\s*(\S+)/m.exec(config)?.[1] ?? ''
  const found = /^(?:[a-z+]+:\/\/)?(?:[^@/]*@)?([^/:]+)(?::\d+)?[/:](.+?)(?:\.git)?\/?$/i.exec(url)
  return found ? `${found[1]?.toLowerCase()}/${found[2]}` : basename(root)
}

/** A worktree and a submodule have a file `.git` that points elsewhere. */
const findGitFolder = async (root: string): Promise<string> => {
  const path = join(root, '.git')
  const pointer = await readFile(path, 'utf8').catch(() => undefined)
  if (pointer === undefined) return path
  const folder = resolve(root, /^gitdir:\s*(.+?)\s*$/m.exec(pointer)?.[1] ?? '.git')
  const common = await readFile(join(folder, 'commondir'), 'utf8').catch(() => '')
  return common.trim() ? resolve(folder, common.trim()) : folder
}
