/**
 * Does what the quick start of the README says, in a scratch home: `npm start`, connect a client with the key
 * that was shown, use the memory, stop, run the commands that it names, start again, and find everything. Exit
 * code 0 means that all of it worked. Everything it starts has ended, and its files are gone, when it exits.
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

const root = fileURLToPath(new URL('..', import.meta.url))
const transcripts = 'packages/server/test/fixtures/transcripts'
const startTimeoutMs = 120_000
const stopTimeoutMs = 30_000
const statement = 'Money is stored in integer cents.'

const say = (line) => process.stdout.write(`${line}\n`)

const freePort = async () => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

/** A process group of its own, so that stopping reaches npm, the shell and the server, and nothing else. */
const startServer = async (env) => {
  const child = spawn('npm', ['start'], { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk))
  const ended = once(child, 'close')
  const signalGroup = (signal) => {
    try {
      process.kill(-Number(child.pid), signal)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  }
  const stop = async () => {
    signalGroup('SIGTERM')
    const late = setTimeout(() => signalGroup('SIGKILL'), stopTimeoutMs)
    await ended
    clearTimeout(late)
  }
  try {
    const deadline = Date.now() + startTimeoutMs
    while (!(await isReady(env.PORT)) || !printed.includes('Press Ctrl+C')) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`The server did not start:\n${printed}`)
      await sleep(100)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { printed: () => printed, stop }
}

const isReady = (port) =>
  fetch(`http://127.0.0.1:${port}/ready`).then(
    (response) => response.ok,
    () => false,
  )

const connect = async (port, key) => {
  const client = new Client({ name: 'quick-start', version: '1.0.0' })
  const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`), {
    requestInit: { headers: { Authorization: `Bearer ${key}` } },
  })
  await client.connect(transport)
  return client
}

const callTool = async (client, name, args) => {
  const result = await client.callTool({ name, arguments: args })
  const text = result.content.map((part) => part.text ?? '').join('\n')
  assert.ok(!result.isError, `${name}: ${text}`)
  return text
}

const run = async (env, command, ...args) => {
  say(`$ ${[command, ...args].join(' ')}`)
  const { stdout } = await promisify(execFile)(command, args, { cwd: root, env })
  say(stdout.trimEnd().replaceAll(/smk_live_\w+/g, '<key>'))
  return stdout
}

const main = async (scratch) => {
  const home = join(scratch, 'home')
  await mkdir(home)
  const env = {
    ...process.env,
    HOME: home,
    DATA_DIR: join(scratch, 'memory'),
    HOST: '127.0.0.1',
    PORT: String(await freePort()),
  }
  for (const name of ['DATABASE_URL', 'DATABASE_URL_DIRECT', 'SECRET_KEY', 'PUBLIC_URL']) delete env[name]

  say('$ npm start')
  const first = await startServer(env)
  const key = /smk_live_\w+/.exec(first.printed())?.[0]
  try {
    assert.ok(key, 'the first start shows a key')
    const client = await connect(env.PORT, key)
    const { tools } = await client.listTools()
    assert.ok(tools.some((tool) => tool.name === 'get_context'))
    await callTool(client, 'add_decision', { content: statement, rationale: 'Rounding.' })
    assert.match(await callTool(client, 'get_context', { query: 'how is money stored?' }), /integer cents/)
    await client.close()
  } finally {
    await first.stop()
  }
  say('started, connected, remembered, stopped')

  const stackmemory = async (...args) => run(env, 'npx', 'stackmemory', ...args)
  await stackmemory('import', 'claude-code', transcripts)
  await stackmemory('doctor')
  await stackmemory('keys', 'create', '--name', 'laptop')
  assert.match(await stackmemory('keys', 'list'), /laptop/)
  const file = join(scratch, 'memory.jsonl')
  await stackmemory('export', '--output', file)
  await stackmemory('projects', 'create', 'copy')
  assert.match(
    await stackmemory('import', 'jsonl', file, '--project', 'copy'),
    /Imported into personal\/copy/,
  )
  const snapshots = await readdir(join(env.DATA_DIR, 'snapshots'))
  const snapshot = join(env.DATA_DIR, 'snapshots', snapshots.toSorted().at(-1))
  const restored = { ...env, DATA_DIR: join(scratch, 'restored') }
  await run(restored, 'npx', 'stackmemory', 'snapshot', 'restore', snapshot)

  say('$ npm start')
  const second = await startServer(env)
  try {
    const client = await connect(env.PORT, key)
    for (const project of ['personal/default', 'personal/copy']) {
      const bundle = await callTool(client, 'get_context', { project, query: 'how is money stored?' })
      assert.match(bundle, /integer cents/)
      assert.match(await callTool(client, 'search_memory', { project, query: 'login redirect' }), /F\d+/)
    }
    await client.close()
  } finally {
    await second.stop()
  }
  say('started again: everything is there, in the copy too')
}

const scratch = await mkdtemp(join(tmpdir(), 'stackmemory-quick-start-'))
try {
  await main(scratch)
} finally {
  await rm(scratch, { recursive: true, force: true })
}
