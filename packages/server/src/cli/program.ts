import { Command } from 'commander'
import { version } from '../app.ts'
import type { Io } from './io.ts'
import { serve } from './serve.ts'

export const createProgram = (io: Io): Command => {
  const program = new Command('stackmemory')
    .description('Durable project memory for AI coding agents, over MCP.')
    .version(version)
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .showHelpAfterError()
    .exitOverride()
  program
    .command('serve')
    .description('Start the server.')
    .action(async () => serve(io))
  return program
}
