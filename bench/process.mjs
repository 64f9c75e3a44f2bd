/** Child processes of a run: scripts that answer with one JSON line, and servers that answer with a URL. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const startTimeoutMs = 120_000

const spawnNode = (args, env) =>
  spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })

/** Runs a script of this folder with one JSON argument. */
export const runScript = async (name, argument) => {
  const child = spawnNode([join(import.meta.dirname, name), JSON.stringify(argument)])
  let [out, err] = ['', '']
  child.stdout.on('data', (text) => (out += text))
  child.stderr.on('data', (text) => (err += text))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${err.slice(-4_000)}`)
  return JSON.parse(out.trim().split('\n').at(-1))
}

/** Starts a process that prints its URL, and keeps what it prints. */
export const startServer = async (args, env = {}) => {
  const child = spawnNode(args, env)
  const lines = []
  let err = ''
  child.stderr.on('data', (text) => (err = `${err}${text}`.slice(-4_000)))
  const url = await new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no URL after ${startTimeoutMs} ms:\n${err}`)),
      startTimeoutMs,
    )
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}:\n${err}`)))
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line)
      const found = /https?:\/\/[\w.:[\]-]+/.exec(line)?.[0]
      if (!found) return
      clearTimeout(timer)
      resolve(found)
    })
  })
  return {
    url,
    pid: child.pid,
    /** Everything printed to stdout so far. */
    text: () => lines.join('\n'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

export const startProduct = (server, env) =>
  startServer([join(server, 'bin/stackmemory.js'), 'serve'], {
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'error',
    ...env,
  })

const statusOf = (pid, field) => {
  try {
    return (
      Number(
        new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN,
      ) / 1024
    )
  } catch {
    return NaN
  }
}
/** Resident memory in MB, now and at its highest; NaN where there is no /proc. */
export const residentMb = (pid) => ({ now: statusOf(pid, 'VmRSS'), highest: statusOf(pid, 'VmHWM') })

/** User and system time of a process in ms; NaN where there is no /proc. */
export const cpuMs = (pid) => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return NaN
  }
}
