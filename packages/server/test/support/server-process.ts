/** The built server as a process of its own, as a user starts it, to be killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface ServerProcess {
  readonly process: ChildProcess
  readonly url: URL
  /** The API key that the first start shows; undefined at later starts. */
  readonly key: string | undefined
  /** Ends it and waits until it is gone. */
  stop(signal: NodeJS.Signals): Promise<void>
}

const program = fileURLToPath(new URL('../../bin/stackmemory.js', import.meta.url))
const startTimeoutMs = 60_000

/** Starts `stackmemory serve` on a free port. `env` says where the memory is. */
export const startServer = async (env: Record<string, string>): Promise<ServerProcess> => {
  const child = spawn(process.execPath, [program, 'serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'error', ...env },
  })
  const exited = once(child, 'exit')
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const timer = setTimeout(() => child.kill('SIGKILL'), startTimeoutMs)
  let url: URL | undefined
  let key: string | undefined
  for await (const line of createInterface(child.stdout)) {
    const address = /running at (\S+)/.exec(line)?.[1]
    if (address !== undefined) url = new URL('/mcp', address)
    key ??= /smk_live_[0-9A-Za-z_]+/.exec(line)?.[0]
    if (line.startsWith('Press Ctrl+C')) break
  }
  clearTimeout(timer)
  if (!url) throw new Error(`the server did not start:\n${stderr}`)
  child.stdout.resume()
  return {
    process: child,
    url,
    key,
    async stop(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await exited
    },
  }
}
