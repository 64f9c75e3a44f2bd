/** The subcommands of `stackmemory import` for what other tools remember, and for taking an import back. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { readInstructions } from '../import/instructions/read-instructions.ts'
import { readVault } from '../import/basic-memory/read-vault.ts'
import { readClaudeMem, type ClaudeMemOptions } from '../import/claude-mem/read-claude-mem.ts'
import { readMem0 } from '../import/mem0/read-mem0.ts'
import { readServerMemory } from '../import/server-memory/read-server-memory.ts'
import { findKind, resolvePath, type SourceReport } from '../import/source.ts'
import { readContextDb } from '../import/stackmemory/read-context-db.ts'
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

const labelOf = (paths: readonly string[]) =>
  paths.map((path) => (path.startsWith(homedir()) ? `~${path.slice(homedir().length)}` : path)).join(', ')

/** The database itself, or the folder that it lies in. */
const findDatabase = async (io: Io, path: string, names: readonly string[], what: string) => {
  const found = await findPath(io, path, ['file', 'folder'], what)
  if ((await findKind(found)) === 'file') return found
  const inside = names.map((name) => join(found, name)).find((each) => existsSync(each))
  if (inside !== undefined) return inside
  throw dataError(`There is no ${names[0] ?? 'database'} in ${path}. Name ${what}.`)
}

const addServerMemory = (group: Command, io: Io) => {
  withOptions(
    group
      .command('server-memory')
      .description('Import the knowledge graph of the official MCP memory server.')
      .argument('<file>', 'its memory.jsonl (see MEMORY_FILE_PATH in its configuration)'),
  )
    .addHelpText('after', example('import server-memory ~/memory.jsonl --dry-run'))
    .action(async (given: string, options: ImportMemoryOptions) => {
      const path = await findPath(io, given, ['file'], 'the memory.jsonl of the memory server')
      const read = (report: SourceReport) => readServerMemory(path, report)
      await importMemory(io, { name: 'server-memory', label: labelOf([path]), read }, options)
    })
}

const addClaudeMem = (group: Command, io: Io) => {
  withOptions(
    group
      .command('claude-mem')
      .description('Import the sessions, observations and summaries of claude-mem. It may be running.')
      .argument('[path]', 'its database or its folder', '~/.claude-mem')
      .option('--source-project <name>', 'project of claude-mem; needed when it has several')
      .option('--all-projects', 'import those of every project of claude-mem'),
  )
    .addHelpText(
      'after',
      example('import claude-mem --source-project shop --dry-run', 'import claude-mem ~/old/claude-mem.db'),
    )
    .action(async (given: string, options: ImportMemoryOptions & ClaudeMemOptions) => {
      const path = await findDatabase(io, given, ['claude-mem.db'], 'the claude-mem.db of claude-mem')
      const read = (report: SourceReport) => readClaudeMem(path, report, options)
      await importMemory(io, { name: 'claude-mem', label: labelOf([path]), read }, options)
    })
}

const addMem0 = (group: Command, io: Io) => {
  withOptions(
    group
      .command('mem0')
      .description('Import memories of mem0. Importing a newer export supersedes what changed.')
      .argument('<file>', 'JSON that get_all() answered, or an export with "id" and "memory"'),
  )
    .addHelpText('after', example('import mem0 export.json --project shop'))
    .action(async (given: string, options: ImportMemoryOptions) => {
      const path = await findPath(io, given, ['file'], 'an export of mem0')
      const read = (report: SourceReport) => readMem0(path, report)
      await importMemory(io, { name: 'mem0', label: labelOf([path]), read }, options)
    })
}

const addBasicMemory = (group: Command, io: Io) => {
  withOptions(
    group
      .command('basic-memory')
      .description('Import a vault of basic-memory. Importing again follows what changed in its notes.')
      .argument('<folder>', 'the vault, or a folder of it'),
  )
    .addHelpText('after', example('import basic-memory ~/basic-memory --dry-run'))
    .action(async (given: string, options: ImportMemoryOptions) => {
      const path = await findPath(io, given, ['folder'], 'the folder that holds the notes')
      const read = (report: SourceReport) => readVault(path, report)
      await importMemory(io, { name: 'basic-memory', label: labelOf([path]), read }, options)
    })
}

const addContextDb = (group: Command, io: Io) => {
  withOptions(
    group
      .command('stackmemory')
      .description('Import the context.db of another StackMemory. It may be in use.')
      .argument('<path>', 'its context.db, or the repository that has it in .stackmemory'),
  )
    .addHelpText(
      'after',
      example('import stackmemory ~/code/shop', 'import stackmemory .stackmemory/context.db'),
    )
    .action(async (given: string, options: ImportMemoryOptions) => {
      const names = ['context.db', join('.stackmemory', 'context.db')]
      const path = await findDatabase(io, given, names, 'the context.db of a StackMemory')
      const read = (report: SourceReport) => readContextDb(path, report)
      await importMemory(io, { name: 'stackmemory', label: labelOf([path]), read }, options)
    })
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
        { name: 'instructions', label: labelOf(paths), read: (report) => readInstructions(paths, report) },
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
  addServerMemory(group, io)
  addClaudeMem(group, io)
  addMem0(group, io)
  addBasicMemory(group, io)
  addContextDb(group, io)
  addRuns(group, io)
}
