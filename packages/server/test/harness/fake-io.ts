import { Writable } from 'node:stream'
import { run } from '../../src/cli/run.ts'
import type { Io } from '../../src/cli/io.ts'

export interface CommandLine {
  readonly io: Io
  readonly stdout: () => string
  readonly stderr: () => string
  readonly exitCode: () => number
  /** Asks the command to stop, as Ctrl+C does. */
  readonly stop: () => void
}

const collect = () => {
  let text = ''
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  })
  return { stream, text: () => text }
}

/** A terminal with a person at it. */
export interface FakeTerminal {
  columns: number
  rows?: number
  page?: Io['page']
}

/** What a command may touch of the process, kept in memory. The environment is only what is given. */
export const createFakeIo = (env: NodeJS.ProcessEnv, terminal?: FakeTerminal): CommandLine => {
  const [out, err] = [collect(), collect()]
  let stop: (signal: NodeJS.Signals) => void = () => {}
  const stopped = new Promise<NodeJS.Signals>((resolve) => (stop = resolve))
  let exitCode = 0
  return {
    io: {
      env: { LOG_LEVEL: 'silent', ...env },
      cwd: process.cwd(),
      stdout: Object.assign(out.stream, terminal && { isTTY: true, rows: 1_000, ...terminal }),
      stderr: err.stream,
      stopped,
      page: terminal?.page,
      setExitCode: (code) => (exitCode = code),
    },
    stdout: out.text,
    stderr: err.text,
    exitCode: () => exitCode,
    stop: () => stop('SIGINT'),
  }
}

/** Runs one command line to its end. */
export const runCommand = async (env: NodeJS.ProcessEnv, ...args: string[]) => {
  const command = createFakeIo(env)
  await run(['node', 'stackmemory', ...args], command.io)
  return { stdout: command.stdout(), stderr: command.stderr(), exitCode: command.exitCode() }
}

/** Runs one command line as at a terminal; its standard error is no terminal, so that nothing spins. */
export const runOnTerminal = async (terminal: FakeTerminal, env: NodeJS.ProcessEnv, ...args: string[]) => {
  const command = createFakeIo(env, terminal)
  await run(['node', 'stackmemory', ...args], command.io)
  return { stdout: command.stdout(), stderr: command.stderr(), exitCode: command.exitCode() }
}

/** Starts a command that runs until it is stopped, and resolves when its output holds `pattern`. */
export const startCommand = async (env: NodeJS.ProcessEnv, pattern: RegExp, ...args: string[]) => {
  const command = createFakeIo(env)
  const ended = run(['node', 'stackmemory', ...args], command.io)
  let isOver = false
  void ended.then(() => (isOver = true))
  while (!pattern.test(command.stdout())) {
    if (isOver) throw new Error(`It ended before: ${command.stderr()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    ...command,
    async end() {
      command.stop()
      await ended
    },
  }
}
