/**
 * Runs a command line inside the owner of the data directory, for a person at a terminal elsewhere: what it writes
 * goes to them as frames, their Ctrl+C comes back, and their directory and terminal are what it sees.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { clearLine, cursorTo, moveCursor } from 'node:readline'
import { PassThrough, Readable, Writable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { conflict } from '../domain/errors.ts'
import type { LocalEdge, RunInput } from '../http/local-routes.ts'
import { type Channel, encodeFrame } from '../local/run-frames.ts'
import { exitCodes, type Io } from './io.ts'
import type { OpenedMemory } from './opened-memory.ts'
import { terminalVariables } from './run-in-owner.ts'

const runsMax = 16

/** @param variables environment of this process, of which the commands see what is not the terminal's */
export const createClientRuns = (opened: OpenedMemory, variables: NodeJS.ProcessEnv): LocalEdge['runs'] => {
  const running = new Map<string, (signal: NodeJS.Signals) => void>()
  return {
    start(input, client) {
      if (running.size >= runsMax)
        throw conflict(`${runsMax} commands are running here already. Wait until one has ended.`)
      const id = randomUUID()
      const output = new PassThrough()
      const stopped = new Promise<NodeJS.Signals>((resolve) => running.set(id, resolve))
      const stop = () => running.get(id)?.('SIGINT')
      client.addEventListener('abort', stop, { once: true })
      // A client that has gone can be written nothing.
      output.once('close', stop).on('error', stop)
      const ended = runTo(output, input, { opened, stopped, variables }).finally(() => {
        running.delete(id)
        client.removeEventListener('abort', stop)
      })
      return { id, output: Readable.toWeb(output) as ReadableStream<Uint8Array>, ended }
    },
    stop(id) {
      const stop = running.get(id)
      stop?.('SIGINT')
      return stop !== undefined
    },
  }
}

interface Surroundings {
  readonly opened: OpenedMemory
  readonly stopped: Promise<NodeJS.Signals>
  readonly variables: NodeJS.ProcessEnv
}

const runTo = async (output: PassThrough, input: RunInput, around: Surroundings): Promise<void> => {
  const { run } = await import('./run.ts')
  let exitCode: number = exitCodes.ok
  const { columns, rows } = input.terminal
  const stdout = createTerminal(output, 'stdout', { isTTY: input.terminal.stdout, columns, rows })
  const stderr = createTerminal(output, 'stderr', { isTTY: input.terminal.stderr, columns, rows })
  const io: Io = {
    env: { ...withoutTerminal(around.variables), ...pick(input.env) },
    cwd: input.cwd,
    stdout,
    stderr,
    stopped: around.stopped,
    opened: around.opened,
    setExitCode: (code) => (exitCode = code),
    ...(input.canPage && {
      page: async (text) =>
        new Promise((resolve) => void write(output, 'page', Buffer.from(text), (error) => resolve(!error))),
    }),
  }
  await run(['node', 'stackmemory', ...input.argv], io)
  await Promise.all([stdout, stderr].map(finish))
  if (output.destroyed) return
  output.end(encodeFrame('exit', Buffer.from(JSON.stringify({ code: exitCode }))))
}

const finish = async (stream: Writable) => {
  if (stream.destroyed || stream.errored) return
  stream.end()
  await once(stream, 'close').catch(() => undefined)
}

type Written = (error?: Error | null) => void

/**
 * A client that has gone is a closed pipe, as at a terminal. A stream that is destroyed forgets the writes that wait
 * in it, and the command would wait for them for ever; so its end ends them.
 */
const write = (output: PassThrough, channel: Channel, bytes: Uint8Array, done: Written): boolean => {
  const gone = () => done(Object.assign(new Error('the client has gone'), { code: 'EPIPE' }))
  if (output.destroyed) {
    process.nextTick(gone)
    return false
  }
  let isOver = false
  const end = (hasGone: boolean) => {
    if (isOver) return
    isOver = true
    output.off('close', close)
    if (hasGone) gone()
    else done(null)
  }
  const close = () => end(true)
  output.once('close', close)
  return output.write(encodeFrame(channel, bytes), (error) => end(Boolean(error)))
}

interface Terminal {
  readonly isTTY: boolean
  readonly columns?: number
  readonly rows?: number
}

/** The client's terminal, as far as commands and their progress use one (`tty.WriteStream`). */
const createTerminal = (output: PassThrough, channel: Channel, terminal: Terminal) => {
  const stream = new Writable({
    decodeStrings: true,
    write(chunk: Buffer, _encoding, done) {
      write(output, channel, chunk, done)
    },
  })
  return Object.assign(stream, {
    ...terminal,
    clearLine: (direction: -1 | 0 | 1) => clearLine(stream, direction),
    cursorTo: (x: number, y?: number) => cursorTo(stream, x, y),
    moveCursor: (dx: number, dy: number) => moveCursor(stream, dx, dy),
  })
}

const withoutTerminal = (variables: NodeJS.ProcessEnv) =>
  Object.fromEntries(Object.entries(variables).filter(([name]) => !terminalVariables.includes(name)))

const pick = (env: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => terminalVariables.includes(name)))
