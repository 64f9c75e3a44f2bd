/**
 * Connects the real clients, as npm has them, and lets each of them say whether it reaches the memory:
 *
 *   node scripts/test-clients.mjs [--only <client>] [--bridge <file>] [--installed <folder>]
 *
 * Each client is installed into a throw-away prefix (or found in `--installed`, which is kept) and gets a home of its
 * own. `stackmemory connect` writes its configuration, for memory on this machine and for a server; the client's own
 * command then connects, without any account of a model. The key comes from the environment, and without it the same
 * check must fail, or it would prove nothing. In the end `--undo` must leave the home as the client alone made it.
 *
 * Not part of `npm test`: it loads several hundred megabytes. Needs a build of the server and of the bridge.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, stripVTControlCharacters } from 'node:util'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const program = path('../packages/server/bin/stackmemory.js')
const startTimeoutMs = 120_000
const clientTimeoutMs = 90_000
const installTimeoutMs = 900_000

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    bridge: { type: 'string', default: path('../packages/bridge/dist/mcp-server.js') },
    installed: { type: 'string' },
  },
})

/** Runs a program to its end, whatever that is. Escape sequences of a terminal are taken out. */
const run = async (file, args, { env, cwd, timeout = clientTimeoutMs }) =>
  new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      { env, cwd, timeout, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) =>
        resolve({
          code: error ? (error.code ?? `signal ${error.signal}`) : 0,
          text: stripVTControlCharacters(`${stdout}\n${stderr}`),
          stdout,
        }),
    )
    child.stdin.end()
  })

/**
 * `codex mcp list` only reads its file. The app server of Codex does what a session does: it connects, and lists what
 * it was offered.
 */
const askCodex = async (file, { env, cwd }) => {
  const child = spawn(file, ['app-server'], { env, cwd, stdio: ['pipe', 'pipe', 'ignore'] })
  const late = setTimeout(() => child.kill(), clientTimeoutMs)
  const send = (message) => child.stdin.write(`${JSON.stringify(message)}\n`)
  const messages = []
  const answer = new Promise((resolve) => {
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      const lines = (text + chunk).split('\n')
      text = lines.pop()
      for (const line of lines) {
        const message = JSON.parse(line)
        messages.push(message)
        if (message.id === 1) {
          send({ method: 'initialized' })
          send({ id: 2, method: 'mcpServerStatus/list', params: {} })
        } else if (message.id === 2) resolve(message.result)
      }
    })
    child.once('close', () => resolve(undefined))
  })
  send({ id: 1, method: 'initialize', params: { clientInfo: { name: 'test', title: 'Test', version: '1' } } })
  const result = await answer
  clearTimeout(late)
  child.kill()
  const server = result?.data?.find(({ name }) => name === 'stackmemory')
  const tools = Object.keys(server?.tools ?? {})
  const said = server
    ? `${server.serverInfo ? `connected to ${server.serverInfo.title}` : 'no connection'}, ${tools.length} tools`
    : 'no server of this name'
  return { isConnected: tools.includes('get_context'), said }
}

/** The line in which a client's list names our server. */
const lineOf = ({ text }) =>
  text
    .split('\n')
    .find((line) => /\bstackmemory\b/.test(line) && !/Location|\.json/.test(line))
    ?.replace(/^[^\w✓✔✗✘]+/, '')
    .trim()

const listing = (pattern) => async (file, context) => {
  const line = lineOf(await run(file, ['mcp', 'list'], context))
  return { isConnected: line !== undefined && pattern.test(line), said: line ?? 'no server of this name' }
}

const clients = [
  {
    id: 'claude-code',
    package: '@anthropic-ai/claude-code',
    program: 'claude',
    ask: listing(/✔|Connected$/),
  },
  { id: 'codex', package: '@openai/codex', program: 'codex', ask: askCodex },
  {
    id: 'gemini',
    package: '@google/gemini-cli',
    program: 'gemini',
    ask: listing(/Connected$/),
    // It starts no server in a folder that was not trusted; this is what its dialog writes.
    prepare: async (home, project) => {
      await mkdir(join(home, '.gemini'))
      await writeFile(
        join(home, '.gemini', 'trustedFolders.json'),
        JSON.stringify({ [project]: 'TRUST_FOLDER' }),
      )
    },
  },
  { id: 'opencode', package: 'opencode-ai', program: 'opencode', ask: listing(/\bconnected$/) },
]

const exists = async (file) =>
  access(file).then(
    () => true,
    () => false,
  )

/** @returns the program, and its version; or the reason why it is not there. */
const install = async (client, folder, env) => {
  const prefix = join(folder, client.id)
  const file = join(prefix, 'node_modules', '.bin', client.program)
  if (!(await exists(file))) {
    await mkdir(prefix, { recursive: true })
    await writeFile(join(prefix, 'package.json'), '{ "private": true }\n')
    const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', client.package]
    const { code, text } = await run('npm', args, {
      env: process.env,
      cwd: prefix,
      timeout: installTimeoutMs,
    })
    if (code !== 0) return { reason: `npm install ended with ${code}: ${text.trim().split('\n').at(-1)}` }
  }
  const { code, text } = await run(file, ['--version'], { env, cwd: prefix })
  const version = /\d+\.\d+\.\d+\S*/.exec(text)?.[0]
  return code === 0 && version
    ? { file, version }
    : { reason: `it does not start (${code}): ${text.trim().slice(-200)}` }
}

/** A started `stackmemory serve` with the key of its first start. */
const startServer = async (env) => {
  const child = spawn(process.execPath, [program, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { text: '' }
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => (output.text += chunk))
  const ended = once(child, 'close')
  const deadline = Date.now() + startTimeoutMs
  while (!output.text.includes('Press Ctrl+C')) {
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`The server did not start:\n${output.text}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    url: /MCP endpoint {2}(\S+)/.exec(output.text)[1],
    key: /smk_live_\w+/.exec(output.text)[0],
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** One client and one kind of memory: connect, ask, ask without the key, undo, ask again. */
const tryOut = async (client, file, { home, env, target, key }) => {
  const project = join(home, 'project')
  await mkdir(project, { recursive: true })
  await client.prepare?.(home, project)
  const context = { env: { ...env, HOME: home, STACKMEMORY_API_KEY: key ?? '' }, cwd: project }
  const connect = async (...args) => {
    const done = await run(process.execPath, [program, 'connect', client.id, ...args, '--json'], context)
    if (done.code !== 0) throw new Error(`connect ended with ${done.code}: ${done.text.trim()}`)
    return JSON.parse(done.stdout)
  }
  const { file: written } = await connect(...target)
  const before = await readFile(written, 'utf8')
  if (key && before.includes(key)) throw new Error('the key stands in the file')
  const answer = await client.ask(file, context)
  if (!answer.isConnected) return { isGood: false, said: answer.said }
  if (key) {
    const control = await client.ask(file, {
      ...context,
      env: { ...context.env, STACKMEMORY_API_KEY: 'smk_wrong' },
    })
    if (control.isConnected) return { isGood: false, said: 'connected with a wrong key' }
  }
  const { outcome } = await connect('--undo')
  const after = await client.ask(file, context)
  if (after.said !== 'no server of this name')
    return { isGood: false, said: `after --undo (${outcome}): ${after.said}` }
  return { isGood: true, said: answer.said }
}

const main = async (scratch) => {
  const base = { PATH: process.env.PATH, NO_COLOR: '1', TERM: 'dumb', TMPDIR: scratch }
  const env = {
    ...base,
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    OPENCODE_DISABLE_AUTOUPDATE: '1',
  }
  const installed = options.installed ?? join(scratch, 'installed')
  const server = await startServer({ ...base, HOME: scratch, DATA_DIR: join(scratch, 'served'), PORT: '0' })
  const rows = []
  const report = (row) => {
    rows.push(row)
    process.stdout.write(`${row.client} ${row.version ?? ''} ${row.memory ?? ''}: ${row.said}\n`)
  }
  try {
    for (const client of clients.filter(({ id }) => !options.only || options.only.includes(id))) {
      const { file, version, reason } = await install(client, installed, { ...env, HOME: scratch })
      if (reason) {
        report({ client: client.id, memory: '', result: 'NOT TRIED', said: reason })
        continue
      }
      for (const memory of ['local', 'remote']) {
        const home = join(scratch, 'homes', `${client.id}-${memory}`)
        const target =
          memory === 'local'
            ? ['--bridge', options.bridge, '--data-dir', join(scratch, 'local')]
            : ['--url', server.url, '--project', 'personal/default']
        const tried = await tryOut(client, file, {
          home,
          env,
          target,
          key: memory === 'remote' ? server.key : undefined,
        }).catch((error) => ({ isGood: false, said: error.message }))
        report({
          client: client.id,
          version,
          memory,
          result: tried.isGood ? 'ok' : 'FAILED',
          said: tried.said,
        })
      }
    }
  } finally {
    await server.stop()
  }
  present(rows, scratch)
  if (rows.some(({ result }) => result === 'FAILED') || rows.every(({ result }) => result !== 'ok'))
    process.exitCode = 1
}

const present = (rows, scratch) => {
  const columns = ['client', 'version', 'memory', 'result', 'said']
  const cells = [
    columns,
    ...rows.map((row) => columns.map((name) => String(row[name] ?? '').replaceAll(scratch, '…'))),
  ]
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index].length)))
  process.stdout.write('\n')
  for (const row of cells)
    process.stdout.write(
      `${row
        .map((cell, index) => cell.padEnd(widths[index]))
        .join('  ')
        .trimEnd()}\n`,
    )
}

const scratch = await mkdtemp(join(tmpdir(), 'clients-'))
try {
  await main(scratch)
} finally {
  await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}
