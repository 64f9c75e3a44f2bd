/** The subcommands of `stackmemory import` for what other tools remember, and for taking an import back. */
import type { Command } from 'commander'
import { readInstructions } from '../import/instructions/read-instructions.ts'
import { findKind, resolvePath } from '../import/source.ts'
import { importMemory, type ImportMemoryOptions } from './import-memory.ts'
import { showImports, takeBackImport } from './import-runs.ts'
import { dataError, type Io } from './io.ts'

const example = (...lines: string[]) =>
  `\n${lines.length > 1 ? 'Examples' : 'Example'}:\n${lines.map((line) => `  $ stackmemory ${line}`).join('\n')}`

const withOptions = (command: Command): Command =>
  command
    .option('--project <name>', 'project, as slug or organization/slug')
    .option('--dry-run', 'read and compare everything, and write nothing')
    .option('--json', 'print the result as JSON')

const findPath = async (io: Io, path: string, kinds: readonly ('file' | 'folder')[], what: string) => {
  const found = resolvePath(io.cwd, path)
  const kind = await findKind(found)
  if (kind && kinds.includes(kind)) return found
  throw dataError(`There is no ${kinds.join(' or ')} at ${path}. Name ${what}.`)
}

const addInstructions = (group: Command, io: Io) => {
  withOptions(
    group
      .command('instructions')
      .description(
        'Import CLAUDE.md, AGENTS.md, Cursor and Copilot rules. Importing again follows what changed in them.',
      )
      .argument('[path...]', 'repository folders or files; the current folder by default'),
  )
    .addHelpText(
      'after',
      example('import instructions --dry-run', 'import instructions ~/code/shop --project shop'),
    )
    .action(async (given: string[], options: ImportMemoryOptions) => {
      const named = given.length > 0 ? given : ['.']
      const what = 'a repository, or a file such as CLAUDE.md'
      const paths = await Promise.all(named.map(async (path) => findPath(io, path, ['file', 'folder'], what)))
      await importMemory(
        io,
        { name: 'instructions', label: named.join(', '), read: (report) => readInstructions(paths, report) },
        options,
      )
    })
}

const addRuns = (group: Command, io: Io) => {
  group
    .command('list')
    .description('List the imports into a project, newest first.')
    .option('--project <name>', 'project, as slug or organization/slug')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', example('import list'))
    .action(async (options: { project?: string; json?: boolean }) => showImports(io, options))
  group
    .command('undo')
    .description(
      'Take back what an import added or changed. What somebody built on since is kept, and named.',
    )
    .argument('<id>', 'id of the import, from "import list"')
    .option('--project <name>', 'project, as slug or organization/slug')
    .option('--dry-run', 'say what would be taken back, and write nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', example('import undo 0198f3c2-7d1e-7a55-9b1c-3f0e5d2a4c61 --dry-run'))
    .action(async (id: string, options: { project?: string; dryRun?: boolean; json?: boolean }) =>
      takeBackImport(io, id, options),
    )
}

export const addImportCommands = (group: Command, io: Io) => {
  addInstructions(group, io)
  addRuns(group, io)
}
