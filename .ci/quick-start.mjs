/**
 * Does what the quick start of the README says, in a scratch home: `npm start`, connect a client with the key
 * that was shown, use the memory, stop, run the commands that it names, start again, and find everything. Exit
 * code 0 means that all of it worked. Everything it starts has ended, and its files are gone, when it exits.
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'

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

/** The configuration that was written for a client starts a server on stdio, which finds the memory by itself. */
const connectClient = async (env, stackmemory) => {
  assert.match(await stackmemory('connect'), /claude-code/)
  await stackmemory('connect', 'claude-code', '--dry-run')
  const file = join(env.HOME, '.claude.json')
  await assert.rejects(readFile(file), { code: 'ENOENT' })
  await stackmemory('connect', 'claude-code', '--data-dir', env.DATA_DIR)
  const { stackmemory: server } = JSON.parse(await readFile(file, 'utf8')).mcpServers
  const client = new Client({ name: 'quick-start', version: '1.0.0' })
  // Outside of a repository, where the default project is meant.
  const place = { cwd: env.HOME, env: { ...env, ...server.env } }
  await client.connect(
    new StdioClientTransport({ command: server.command, args: server.args, ...place, stderr: 'inherit' }),
  )
  assert.match(await callTool(client, 'get_context', { query: 'how is money stored?' }), /integer cents/)
  await callTool(client, 'add_decision', { content: 'Prices are shown with two digits.' })
  // The client has the memory open meanwhile.
  assert.match(await stackmemory('search', 'prices', '--project', 'default'), /two digits/)
  await client.close()
  await stackmemory('connect', 'claude-code', '--undo')
  await assert.rejects(readFile(file), { code: 'ENOENT' })
  say('connected over stdio, with the memory shared, and undone')
}

const showPeople = async (stackmemory) => {
  const here = ['--project', 'default']
  assert.match(await stackmemory('demo'), /ok .*The scratch project is gone/)
  await stackmemory('status', ...here)
  assert.match(await stackmemory('log', '--oneline', '--since', '3650d', ...here), /F\d+/)
  await stackmemory('search', 'where', 'do', 'sessions', 'live', ...here)
  assert.match(await stackmemory('context', 'how is money stored', ...here), /integer cents/)
  await stackmemory('tasks', 'add', 'Round on display only', ...here)
  assert.match(await stackmemory('tasks', 'list', ...here), /Round on display only/)
  assert.match(await stackmemory('completion', 'bash'), /complete/)
}

const importRules = async (scratch, stackmemory) => {
  const folder = join(scratch, 'repository')
  await mkdir(folder)
  await writeFile(join(folder, 'AGENTS.md'), '# Rules\n\n- Never retry a payment automatically.\n')
  await stackmemory('import', 'instructions', folder, '--project', 'default', '--dry-run')
  const { importId } = JSON.parse(
    await stackmemory('import', 'instructions', folder, '--project', 'default', '--json'),
  )
  assert.match(await stackmemory('search', 'retry payment', '--project', 'default'), /Never retry/)
  assert.match(await stackmemory('import', 'list', '--project', 'default'), new RegExp(importId.slice(0, 8)))
  await stackmemory('import', 'undo', importId, '--project', 'default')
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
  await connectClient(env, stackmemory)
  await stackmemory('import', 'claude-code', transcripts)
  await showPeople(stackmemory)
  await importRules(scratch, stackmemory)
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
