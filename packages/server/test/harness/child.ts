import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { serverUser } from './postgres-binaries.ts'

export interface Child {
  readonly process: ChildProcess
  /** Lines the child wrote to stdout so far. */
  readonly lines: string[]
  /** Resolves with the first line that matches; rejects when the child ends before. */
  waitForLine(pattern: RegExp): Promise<string>
  /** Resolves when the process is gone and all its output was read. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>
}

/** Runs a TypeScript file of this folder as a process of its own. */
export function spawnChild(name: string, args: string[], options: { unprivileged?: boolean } = {}): Child {
  const path = (file: string) => fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(process.execPath, [path('run-typescript.mjs'), path(name), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.unprivileged ? serverUser : {}),
  })
  const lines: string[] = []
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const reader = createInterface(child.stdout).on('line', (line) => lines.push(line))
  const closed = once(child, 'close')
  const ended = closed.then(() => ({ code: child.exitCode, signal: child.signalCode, stderr }))
  const waitForLine = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const find = () => lines.find((line) => pattern.test(line))
      const look = () => {
        const line = find()
        if (line === undefined) return
        reader.off('line', look)
        resolve(line)
      }
      reader.on('line', look)
      void ended.then(() => reject(new Error(`${name} ended without ${pattern.source}:\n${stderr}`)))
      look()
    })
  return { process: child, lines, waitForLine, ended }
}
