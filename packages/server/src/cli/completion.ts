/**
 * `stackmemory completion <shell>` prints a script for the shell; the script asks `stackmemory complete -- <words>`
 * for what could come next. Both are made from the commands themselves.
 */
import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'
import { clients } from '../connect/clients.ts'
import { print, type Io } from './io.ts'

export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const

/** The library prints by itself, synchronously. What it prints is returned instead. */
const printed = (work: () => void): string => {
  const lines: string[] = []
  const output: { log: unknown } = globalThis.console
  const { log } = output
  output.log = (text: string) => void lines.push(text)
  try {
    work()
  } finally {
    output.log = log
  }
  return lines.join('\n')
}

/**
 * The commands as the library sees them. It adds these two to a program by itself, so ours go; when this runs, the
 * program has done its work.
 */
const describe = (program: Command) => {
  const others = program.commands.filter((command) => !ownNames.has(command.name()))
  ;(program.commands as Command[]).splice(0, program.commands.length, ...others)
  for (const command of others)
    for (const [index, values] of (valuesOf[command.name()] ?? []).entries())
      command.registeredArguments[index]?.choices(values)
  return tab(program, { completionCommandName: 'completion' })
}

/** Values of arguments, by their place, of commands that check them in their own way. */
const valuesOf: Readonly<Record<string, readonly string[][]>> = { connect: [clients.map(({ id }) => id)] }

const ownNames = new Set(['completion', 'complete'])

export const printScript = (io: Io, program: Command, shell: string): void =>
  print(
    io,
    printed(() => describe(program).setup(program.name(), program.name(), shell)),
  )

export const printCompletions = (io: Io, program: Command, words: readonly string[]): void =>
  print(
    io,
    printed(() => describe(program).parse([...words])),
  )
