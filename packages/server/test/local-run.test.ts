import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../src/cli/run.ts'
import { runInOwner } from '../src/cli/run-in-owner.ts'
import { decodeFrames, encodeFrame } from '../src/local/run-frames.ts'
import { spawnChild } from './harness/child.ts'
import { createFakeIo, runCommand, startCommand } from './harness/fake-io.ts'
import { callMcp, createLocalHome, type LocalHome } from './support/local-clients.ts'

const transcripts = fileURLToPath(new URL('fixtures/transcripts/', import.meta.url))
const timeout = 120_000
const json = (text: string) => JSON.parse(text) as Record<string, never>

describe('a command while a broker has the directory', { timeout }, () => {
  let home: LocalHome
  let env: NodeJS.ProcessEnv
  beforeAll(async () => {
    home = await createLocalHome()
    env = { ...home.env, DATA_DIR: home.dataDir }
    await home.connect()
  })
  afterAll(async () => home.close())
  const sm = async (...args: string[]) => runCommand(env, ...args)

  it('runs inside the broker, with the paths of where the person is [local.run]', async () => {
    const there = join(home.folder, 'there')
    await mkdir(there, { recursive: true })
    const at = async (...args: string[]) => {
      const command = createFakeIo(env)
      await run(['node', 'stackmemory', ...args], { ...command.io, cwd: there })
      return { stdout: command.stdout(), stderr: command.stderr(), exitCode: command.exitCode() }
    }
    const imported = await at('import', 'claude-code', transcripts, '--json')
    expect(imported.exitCode).toBe(0)
    expect(json(imported.stdout)).toMatchObject({ finished: true, sessions: { new: 2 } })
    expect(await at('export', '--output', 'memory.jsonl')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^Exported personal\/default to memory\.jsonl/),
    })
    const lines = (await readFile(join(there, 'memory.jsonl'), 'utf8')).split('\n')
    const piped = await at('export')
    expect(piped.stdout.split('\n').slice(1, -2)).toEqual(lines.slice(1, -2))
    await at('projects', 'create', 'copy')
    expect(await at('import', 'jsonl', 'memory.jsonl', '--project', 'copy')).toMatchObject({ exitCode: 0 })
    expect((await sm('projects', 'list')).stdout).toMatch(
      /personal\/copy[\s\S]*personal\/default|default[\s\S]*copy/,
    )
    const key = await sm('keys', 'create', '--name', 'laptop', '--project', 'copy', '--json')
    expect(json(key.stdout)).toHaveProperty('key')
    expect((await sm('keys', 'list')).stdout).toContain('laptop')
  })

  it('keeps nobody waiting while its reader does not read [local.run]', async () => {
    const client = await home.connect()
    // More than the buffers of both ends and of the socket between them hold.
    const session = join(home.folder, 'long.jsonl')
    const line = (index: number) => ({
      type: 'user',
      uuid: `${String(index).padStart(8, '0')}-0000-4000-9000-000000000000`,
      sessionId: '00000000-0000-4000-9000-000000000000',
      timestamp: new Date(Date.UTC(2026, 0, 1) + index * 1_000).toISOString(),
      cwd: '/home/ana/shop',
      version: '2.0.0',
      message: { role: 'user', content: `Line ${index} of the long talk. `.repeat(100) },
    })
    const lines = Array.from({ length: 2_000 }, (_, index) => JSON.stringify(line(index)))
    await writeFile(session, lines.join('\n'))
    await sm('projects', 'create', 'long')
    await sm('import', 'claude-code', session, '--project', 'long')
    const output = join(home.folder, 'long.export')
    await sm('export', '--project', 'long', '--output', output)
    expect((await stat(output)).size).toBeGreaterThan(4_000_000)
    const stalled = new AbortController()
    const response = await client.fetch('/local/run', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        argv: ['export', '--project', 'long'],
        cwd: home.folder,
        env: {},
        terminal: { stdout: false, stderr: false },
        canPage: false,
      }),
      signal: stalled.signal,
    })
    expect(response.status).toBe(200)
    await sleep(2_000)
    const call = callMcp(
      client,
      'tools/call',
      { name: 'get_context', arguments: {} },
      {},
      '/mcp/personal/default',
    )
    const first = await Promise.race([call.then(({ status }) => status), sleep(10_000, 'late')])
    stalled.abort()
    expect(first).toBe(200)
  })

  it('fails there as it fails here: sentence and exit code [local.run]', async () => {
    expect(await sm('export', '--project', 'nothing')).toMatchObject({
      exitCode: 65,
      stdout: '',
      stderr: expect.stringContaining('There is no project nothing'),
    })
    expect(await sm('keys', 'revoke', '0198f3c2-7d1e-7a55-9b1c-3f0e5d2a4c61')).toMatchObject({ exitCode: 65 })
    expect(await sm('keys', 'create', '--expires-days', 'soon')).toMatchObject({ exitCode: 2 })
  })

  it('is a person, and what comes through the address is an agent [local.run]', async () => {
    const client = await home.connect()
    const said = { name: 'add_decision', arguments: { content: 'Said by an agent.' } }
    await callMcp(client, 'tools/call', said, {}, '/mcp/personal/default')
    await sm('tasks', 'add', 'Typed by a person', '--project', 'default')
    const output = join(home.folder, 'sources.jsonl')
    expect(await sm('export', '--project', 'default', '--output', output)).toMatchObject({ exitCode: 0 })
    const rows = (await readFile(output, 'utf8')).split('\n')
    const rowWith = (words: string) => rows.find((row) => row.includes(words) && row.includes('"source"'))
    expect(rowWith('Said by an agent.')).toMatch(/"source": ?"agent"/)
    expect(rowWith('Typed by a person')).toMatch(/"source": ?"person"/)
  })

  it('sees the terminal of the person [local.run]', async () => {
    const command = createFakeIo({ ...env, NO_COLOR: '1' })
    const methods = { clearLine: () => true, cursorTo: () => true, moveCursor: () => true }
    const stderr = Object.assign(command.io.stderr, { isTTY: true, columns: 60, ...methods })
    await run(['node', 'stackmemory', 'projects', 'list', '--json'], { ...command.io, stderr })
    expect(command.exitCode()).toBe(0)
    // The spinner that ran there moved the cursor, which ours here does with the methods above.
    for (const control of ['\u001B[1G', '\u001B[0K']) expect(command.stderr()).toContain(control)
    expect(json(command.stdout())).toHaveProperty('projects')
  })

  it('leaves commands about processes and files where they are [local.run]', async () => {
    const doctor = await sm('doctor')
    expect(doctor.stdout).toMatch(/Open in the broker .*which answers/)
    expect(doctor.exitCode).toBe(0)
    expect((await sm('migrate', '--check')).exitCode).toBe(75)
    const client = await home.connect()
    const address = client.owner.info['local'] ?? ''
    const fake = createFakeIo(env)
    for (const argv of [['serve'], ['--', 'serve'], ['snapshot', 'restore', 'x'], ['--', 'connect']]) {
      const there = createFakeIo(env)
      expect(await runInOwner(address, argv, there.io)).toBe(true)
      expect([argv, there.exitCode(), there.stderr()]).toEqual([
        argv,
        2,
        expect.stringContaining('own process'),
      ])
    }
    const refused = await client.fetch('/local/run', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"argv":7}',
    })
    expect(refused.status).toBe(400)
    expect(await runInOwner(join(home.folder, 'nobody.sock'), ['keys', 'list'], fake.io)).toBe(false)
  })

  it('is cancelled by Ctrl+C, and keeps what it had done [local.run]', async () => {
    const folder = join(home.folder, 'many')
    await mkdir(folder)
    const text = await readFile(join(transcripts, 'login-redirect.jsonl'), 'utf8')
    const [, session = ''] = /"sessionId":"([^"]+)"/.exec(text) ?? []
    for (let index = 0; index < 60; index += 1) {
      const id = `${String(index).padStart(8, '0')}-0000-4000-8000-000000000000`
      await writeFile(
        join(folder, `${id}.jsonl`),
        text.replaceAll(session, id).replaceAll(/"uuid":"(.{8})/g, `"uuid":"${id.slice(0, 8)}`),
      )
    }
    await sm('projects', 'create', 'stopped')
    const command = createFakeIo(env)
    const over = run(
      ['node', 'stackmemory', 'import', 'claude-code', folder, '--project', 'stopped'],
      command.io,
    )
    while (!command.stderr().includes('Importing')) await new Promise((resolve) => setTimeout(resolve, 5))
    command.stop()
    await over
    expect(command.exitCode()).toBe(130)
    expect(command.stderr()).toContain('What was imported is complete')
    expect(
      (await sm('export', '--project', 'stopped', '--json', '--output', join(folder, 'x'))).exitCode,
    ).toBe(0)
  })

  it('says so when the owner is killed before it has ended, and tries again when it has not begun [local.run]', async () => {
    const other = await createLocalHome()
    try {
      const client = await other.connect()
      const child = spawnChild('cli-process.ts', [
        `DATA_DIR=${other.dataDir}`,
        `XDG_RUNTIME_DIR=${other.folder}`,
        '--',
        'demo',
        '--json',
      ])
      await new Promise((resolve) => setTimeout(resolve, 100))
      process.kill(client.owner.pid, 'SIGKILL')
      const { code, stderr } = await child.ended
      // Either it was there when the owner died, or it came after and opened the directory itself.
      if (code !== 0) expect(stderr).toContain('went away before the command had ended')
      expect((await runCommand({ ...other.env, DATA_DIR: other.dataDir }, 'projects', 'list')).exitCode).toBe(
        0,
      )
    } finally {
      await other.close()
    }
  })
})

describe('a server while a broker has the directory', { timeout }, () => {
  let home: LocalHome
  beforeEach(async () => {
    home = await createLocalHome()
  })
  afterEach(async () => home.close())

  it('takes over, and the clients come to it [local.serve]', async () => {
    const clients = await Promise.all([home.connect(), home.connect()])
    const [first] = clients
    if (!first) throw new Error('no client')
    const content = 'We keep what was said before the server came.'
    await callMcp(first, 'tools/call', { name: 'add_decision', arguments: { content } })
    const again = clients.map(async (client) => {
      await client.closed
      return home.connect()
    })
    const env = { ...home.env, DATA_DIR: home.dataDir, PORT: '0' }
    // The secret of the memory counts, not one that happens to be set where the command was typed.
    const made = await runCommand({ ...env, SECRET_KEY: 'x'.repeat(40) }, 'keys', 'create', '--json')
    const { key } = JSON.parse(made.stdout) as { key: string }
    const server = await startCommand(env, /Press Ctrl/, 'serve')
    try {
      const url = /MCP endpoint {2}(\S+)/.exec(server.stdout())?.[1] ?? ''
      const headers = { authorization: `Bearer ${key}` }
      expect((await fetch(url, { method: 'POST', body: '{}', headers })).status).not.toBe(401)
      const connected = await Promise.all(again)
      expect(connected.map((client) => client.owner.pid)).toEqual([process.pid, process.pid])
      const [client] = connected
      if (!client) throw new Error('no client')
      const { body } = await callMcp(client, 'tools/call', { name: 'get_context', arguments: {} })
      expect(body.result?.content?.[0]?.text).toContain(content)
      expect((await client.fetch('/local/yield', { method: 'POST' })).status).toBe(409)
      expect((await runCommand(env, 'serve')).exitCode).toBe(75)
    } finally {
      await server.end()
    }
  })
})

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('the frames of an output', () => {
  it('come out as they went in, however they were cut', async () => {
    const sent = [
      encodeFrame('stdout', Buffer.from('héllo')),
      encodeFrame('stderr', Buffer.alloc(0)),
      encodeFrame('page', Buffer.alloc(70_000, 7)),
      encodeFrame('exit', Buffer.from('{"code":3}')),
    ]
    for (const size of [1, 3, 1_000, 1_000_000]) {
      const bytes = Buffer.concat(sent)
      const chunks = async function* () {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
      }
      const got = await collect(decodeFrames(chunks()))
      expect(got.map((frame) => frame.channel)).toEqual(['stdout', 'stderr', 'page', 'exit'])
      expect(got[0]?.payload.toString()).toBe('héllo')
      expect(got[2]?.payload.equals(Buffer.alloc(70_000, 7))).toBe(true)
    }
    const cut = async function* () {
      yield sent[3]?.subarray(0, 7) ?? Buffer.alloc(0)
    }
    expect(await collect(decodeFrames(cut()))).toEqual([])
  })
})
