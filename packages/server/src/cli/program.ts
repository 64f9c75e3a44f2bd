import { Command } from 'commander'
import { version } from '../app.ts'
import { importClaudeCode, type ImportClaudeCodeOptions } from './import-claude-code.ts'
import { warn, type Io } from './io.ts'
import { serve } from './serve.ts'

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
    .addHelpText('after', example('serve', 'import claude-code ~/.claude/projects/my-project'))
  program
    .command('serve')
    .description('Start the server.')
    .addHelpText(
      'after',
      example('serve', 'serve    # with PORT=9000 and DATA_DIR=./memory in the environment'),
    )
    .action(async () => serve(io))
  addImport(program, io)
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
}
