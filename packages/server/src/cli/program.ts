import { Command } from 'commander'
import { addConnect } from '../connect/command.ts'
import { version } from '../version.ts'
import { doctor } from './doctor.ts'
import { exportMemory, type ExportOptions } from './export.ts'
import { addImportCommands } from './import-commands.ts'
import { importClaudeCode, type ImportClaudeCodeOptions } from './import-claude-code.ts'
import { importJsonl, type ImportJsonlOptions } from './import-jsonl.ts'
import { usageError, warn, type Io } from './io.ts'
import { createKey, listKeys, revokeKey, type CreateKeyOptions } from './keys.ts'
import { migrateDatabase } from './migrate.ts'
import { createProject, listProjects } from './projects.ts'
import { addPeopleCommands } from './people-commands.ts'
import { isLocalOnly } from './run-in-owner.ts'
import { serve } from './serve.ts'
import { restore } from './snapshot-restore.ts'

const example = (...lines: string[]) =>
  `\n${lines.length > 1 ? 'Examples' : 'Example'}:\n${lines.map((line) => `  $ stackmemory ${line}`).join('\n')}`

/** One sentence: what is wrong, and the nearest name when there is one. */
const oneSentence = (text: string) =>
  text
    .trim()
    .replace(/^error: /, 'stackmemory: ')
    .replace(/\s*\n\s*\(Did you mean (.*)\?\)/s, '. Did you mean $1?')

const projectOption = ['--project <name>', 'project, as slug or organization/slug'] as const
const jsonOption = ['--json', 'print the result as JSON'] as const

export const createProgram = (io: Io): Command => {
  const program = new Command('stackmemory')
    .description('Durable project memory for AI coding agents, over MCP.')
    .version(version)
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHasColors: () => io.stdout.isTTY === true && !io.env['NO_COLOR'],
      getErrHasColors: () => io.stderr.isTTY === true && !io.env['NO_COLOR'],
      outputError: (text) => warn(io, oneSentence(text)),
    })
    .exitOverride()
    .hook('preAction', (root, action) => {
      let command = action
      while (command.parent && command.parent !== root) command = command.parent
      if (io.opened && isLocalOnly(command.name())) throw usageError('This command runs in its own process.')
    })
    .addHelpText('after', example('serve', 'import claude-code ~/.claude/projects/my-project'))
  program
    .command('serve')
    .description('Start the server.')
    .addHelpText(
      'after',
      example('serve', 'serve    # with PORT=9000 and DATA_DIR=./memory in the environment'),
    )
    .action(async () => serve(io))
  addConnect(program, io)
  program
    .command('broker', { hidden: true })
    .description(
      'Serve the embedded memory to local clients until the last one has gone. They start it themselves.',
    )
    .action(async () => (await import('./broker.ts')).broker(io))
  addPeopleCommands(program, io)
  addImport(program, io)
  addExport(program, io)
  addKeys(program, io)
  addProjects(program, io)
  addMaintenance(program, io)
  return program
}

const addImport = (program: Command, io: Io) => {
  const group = program.command('import').description('Bring memory in from somewhere else.')
  group
    .command('claude-code')
    .description('Import session transcripts of Claude Code. Importing again adds only what is new.')
    .argument('<path>', 'a .jsonl file, or a folder of them such as ~/.claude/projects/<folder>')
    .option(...projectOption)
    .option('--dry-run', 'read everything and write nothing')
    .option(...jsonOption)
    .addHelpText(
      'after',
      example(
        'import claude-code ~/.claude/projects/-home-ana-shop --dry-run',
        'import claude-code ~/.claude/projects/-home-ana-shop --project shop',
      ),
    )
    .action(async (path: string, options: ImportClaudeCodeOptions) => importClaudeCode(io, path, options))
  group
    .command('jsonl')
    .description('Import an export into an empty project, with nothing lost.')
    .argument('<file>', 'a file that "stackmemory export" wrote')
    .option(...projectOption)
    .option(...jsonOption)
    .addHelpText('after', example('projects create shop-copy', 'import jsonl shop.jsonl --project shop-copy'))
    .action(async (path: string, options: ImportJsonlOptions) => importJsonl(io, path, options))
  addImportCommands(group, io)
}

const addExport = (program: Command, io: Io) => {
  program
    .command('export')
    .description('Write all that a project remembers as JSON Lines.')
    .option(...projectOption)
    .option('--output <file>', 'file to write, or - for standard output', '-')
    .option('--json', 'print a report as JSON; needs --output <file>')
    .addHelpText(
      'after',
      example('export --project shop --output shop.jsonl', 'export | gzip > memory.jsonl.gz'),
    )
    .action(async (options: ExportOptions) => exportMemory(io, options))
}

const addKeys = (program: Command, io: Io) => {
  const group = program.command('keys').description('Make, list and revoke API keys.')
  group
    .command('create')
    .description('Make a key. It is shown once.')
    .option('--name <name>', 'to recognise it in a list', 'Key')
    .option('--project <name>', 'the only project it opens; without it, all of them')
    .option(
      '--scopes <list>',
      'memory:read, memory:write, project:admin, org:admin',
      'memory:read,memory:write',
    )
    .option('--expires-days <days>', 'days until it ends, at most 365', '90')
    .option(...jsonOption)
    .addHelpText(
      'after',
      example(
        'keys create --name laptop --project shop',
        'keys create --name ci --scopes memory:read --expires-days 30',
      ),
    )
    .action(async (options: CreateKeyOptions) => createKey(io, options))
  group
    .command('list')
    .description('List the keys, without their secrets.')
    .option(...jsonOption)
    .addHelpText('after', example('keys list'))
    .action(async (options: { json?: boolean }) => listKeys(io, options))
  group
    .command('revoke')
    .description('Refuse a key from now on.')
    .argument('<id>', 'id of the key, from "keys list"')
    .option(...jsonOption)
    .addHelpText('after', example('keys revoke 0198f3c2-7d1e-7a55-9b1c-3f0e5d2a4c61'))
    .action(async (id: string, options: { json?: boolean }) => revokeKey(io, id, options))
}

const addProjects = (program: Command, io: Io) => {
  const group = program.command('projects').description('List and create projects.')
  group
    .command('list')
    .description('List the projects.')
    .option(...jsonOption)
    .addHelpText('after', example('projects list'))
    .action(async (options: { json?: boolean }) => listProjects(io, options))
  group
    .command('create')
    .description('Create a project.')
    .argument('<slug>', 'short name: a to z, 0 to 9, hyphens')
    .option('--name <name>', 'name to show; the slug by default')
    .option('--repository <remote>', 'repository whose memory it keeps, in any form of its remote')
    .option(...jsonOption)
    .addHelpText(
      'after',
      example(
        'projects create shop --name "Harbor shop"',
        'projects create shop --repository https://github.com/ana/shop',
      ),
    )
    .action(async (slug: string, options: { name?: string; repository?: string; json?: boolean }) =>
      createProject(io, slug, options),
    )
}

const addMaintenance = (program: Command, io: Io) => {
  program
    .command('migrate')
    .description('Bring the database schema up to date. The server does it too when it starts.')
    .option('--check', 'change nothing; exit with 1 when a migration is pending')
    .option(...jsonOption)
    .addHelpText('after', example('migrate --check'))
    .action(async (options: { check?: boolean; json?: boolean }) => migrateDatabase(io, options))
  program
    .command('doctor')
    .description('Check configuration, data directory, database and port, and say what to do.')
    .option(...jsonOption)
    .addHelpText('after', example('doctor', 'doctor --json'))
    .action(async (options: { json?: boolean }) => doctor(io, options))
  program
    .command('snapshot')
    .description('Snapshots of the embedded database.')
    .command('restore')
    .description('Make a new data directory (DATA_DIR) from a snapshot.')
    .argument('<file>', 'a file from the folder snapshots of a data directory')
    .option(...jsonOption)
    .addHelpText('after', example('snapshot restore ~/.stackmemory/snapshots/20261123T070000000Z.jsonl.gz'))
    .action(async (file: string, options: { json?: boolean }) => restore(io, file, options))
}
