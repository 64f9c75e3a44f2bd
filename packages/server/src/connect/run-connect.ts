/** `connect` as a program of its own, for the bridge: the same command, failures and exit codes as in the server's. */
import { Command, CommanderError } from 'commander'
import { CommandFailure, exitCodes, warn, type Io } from '../cli/io.ts'
import { addConnect } from './command.ts'

/**
 * @param args what stands behind the program's name, `connect` first
 * @param name how a person calls the program, for its help
 * @param version of the bridge, which is what clients will start
 */
export const runConnect = async (
  args: readonly string[],
  io: Io,
  { name, version }: { name: string; version: string },
): Promise<void> => {
  const program = new Command(name)
    .version(version)
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text) => warn(io, text.trim().replace(/^error: /, `${name}: `)),
    })
    .exitOverride()
  addConnect(program, io)
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError)
      return io.setExitCode(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage)
    if (!(error instanceof CommandFailure)) throw error
    warn(io, `${name}: ${error.message}`)
    io.setExitCode(error.exitCode)
  }
}
