/** The bundled bridge as a process of its own, as a client starts it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Message } from './endpoint.ts'

export const bridgeFile = fileURLToPath(new URL('../../dist/mcp-server.js', import.meta.url))

/** `npm run build` has made it already; without that, it is made here. */
export const buildBridge = async (): Promise<void> => {
  if (existsSync(bridgeFile)) return
  const script = fileURLToPath(new URL('../../../../scripts/build-bridge.mjs', import.meta.url))
  const [code] = (await once(spawn(process.execPath, [script], { stdio: 'inherit' }), 'exit')) as [number]
  if (code !== 0) throw new Error('the bridge could not be built')
}

export interface BridgeProcess {
  readonly process: ChildProcessWithoutNullStreams
  /** Every line of standard output. */
  readonly lines: string[]
  /** All of standard error. */
  stderr(): string
  send(message: object): void
  answerTo(id: string | number): Promise<Message>
  /** Closes the input; resolves with the exit code and how long that took. */
  end(): Promise<{ code: number | null; ms: number }>
}

/** Only the given environment: what the tests run in must not matter. */
export const startBridge = (
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd?: string,
): BridgeProcess => {
  const child = spawn(process.execPath, [bridgeFile, ...args], { env, cwd, stdio: 'pipe' })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const lines: string[] = []
  const answers = new Map<string | number, (message: Message) => void>()
  const early = new Map<string | number, Message>()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line)
    const message = JSON.parse(line) as Message
    if (message.id === undefined || message.method !== undefined) return
    const waiting = answers.get(message.id)
    if (waiting) waiting(message)
    else early.set(message.id, message)
  })
  return {
    process: child,
    lines,
    stderr: () => stderr,
    send: (message) => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`),
    answerTo: async (id) => early.get(id) ?? new Promise<Message>((resolve) => void answers.set(id, resolve)),
    end: async () => {
      const before = performance.now()
      child.stdin.end()
      const [code] = await exited
      return { code, ms: performance.now() - before }
    },
  }
}
