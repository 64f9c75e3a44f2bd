/** `stackmemory-mcp connect`: the command of the server's program, in the one file that npx has at hand. */
import { Command, CommanderError } from 'commander'
import { CommandFailure, exitCodes, warn, type Io } from '../../server/src/cli/io.ts'
import { addConnect } from '../../server/src/connect/command.ts'
import { version } from './version.ts'

export async function runConnect(args: readonly string[], io: Io): Promise<void> {
  const program = new Command('stackmemory-mcp').version(version).exitOverride()
  program.configureOutput({
    writeOut: (text) => void io.stdout.write(text),
    writeErr: (text) => void io.stderr.write(text),
  })
  // "| head" closes the pipe before we are done: not an error.
  for (const stream of [io.stdout, io.stderr]) stream.on('error', () => io.setExitCode(exitCodes.ok))
  addConnect(program, io)
  for (const command of program.commands) command.copyInheritedSettings(program)
  try {
    await program.parseAsync(['connect', ...args], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError)
      return io.setExitCode(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage)
    if (!(error instanceof CommandFailure)) throw error
    warn(io, `stackmemory-mcp: ${error.message}`)
    io.setExitCode(error.exitCode)
  }
}
