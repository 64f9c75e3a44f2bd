import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseApiKey } from '../src/auth/api-key.ts'
import { run } from '../src/cli/run.ts'
import { spawnChild } from './harness/child.ts'
import { createFakeIo, runCommand, startCommand } from './harness/fake-io.ts'
import { createTestDatabase, type TestDatabase } from './harness/test-database.ts'

const transcripts = fileURLToPath(new URL('fixtures/transcripts/', import.meta.url))
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-'))
})
afterAll(async () => rm(folder, { recursive: true }))

const json = (text: string) => JSON.parse(text) as Record<string, never>

describe('the command line with PostgreSQL', () => {
  let database: TestDatabase
  let env: NodeJS.ProcessEnv
  beforeEach(async () => {
    database = await createTestDatabase('postgres')
    env = { DATABASE_URL: database.url, SECRET_KEY: 'k'.repeat(32), DATA_DIR: join(folder, 'unused') }
  })
  afterEach(async () => database.close())
  const sm = async (...args: string[]) => runCommand(env, ...args)

  it('makes keys that open the server once shown, lists them without secrets, and revokes them [cli.keys]', async () => {
    await sm('projects', 'create', 'shop')
    const made = await sm('keys', 'create', '--name', 'laptop', '--project', 'shop', '--json')
    const { id, key, expiresAt } = json(made.stdout) as unknown as Record<string, string>
    expect(parseApiKey(key ?? '')?.id).toBe(id)
    expect(Math.round((Date.parse(expiresAt ?? '') - Date.now()) / 86_400_000)).toBe(90)
    const server = await startCommand({ ...env, PORT: '0' }, /Press Ctrl/, 'serve')
    const url = /MCP endpoint {2}(\S+)/.exec(server.stdout())?.[1] ?? ''
    const ask = async () => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
      const headers = {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      }
      return (await fetch(url, { method: 'POST', headers, body })).status
    }
    try {
      expect(await ask()).not.toBe(401)
      const listed = await sm('keys', 'list')
      expect(listed.stdout).toMatch(/laptop\s+\w{4}\s+active\s+shop/)
      expect(listed.stdout + listed.stderr).not.toContain(key)
      expect(await sm('keys', 'revoke', id ?? '')).toMatchObject({ exitCode: 0 })
      expect(await ask()).toBe(401)
    } finally {
      await server.end()
    }
    expect((await sm('keys', 'list')).stdout).toMatch(/laptop\s+\w{4}\s+revoked/)
    const keys = await database.pool.query('select to_jsonb(k)::text as row from api_keys k')
    expect(JSON.stringify(keys.rows)).not.toContain((key ?? '').slice(-49, -6))
  })

  it('refuses impossible keys with a sentence and the exit code for usage [cli.keys]', async () => {
    for (const [args, sentence] of [
      [['--expires-days', '366'], /from 1 to 365/],
      [['--expires-days', 'soon'], /from 1 to 365/],
      [['--scopes', 'memory:everything'], /--scopes takes one or more of memory:read/],
      [['--name', ' '], /--name takes 1 to 100/],
    ] as const) {
      const { exitCode, stderr } = await sm('keys', 'create', ...args)
      expect(exitCode).toBe(2)
      expect(stderr).toMatch(sentence)
      expect(stderr.trim().split('\n')).toHaveLength(1)
    }
    expect((await sm('keys', 'revoke', 'F12')).exitCode).toBe(2)
    expect((await sm('keys', 'revoke', '0198f3c2-7d1e-7a55-9b1c-3f0e5d2a4c61')).exitCode).toBe(65)
  })

  it('imports, exports, imports again; --json alone on stdout [cli.exit-codes]', async () => {
    const imported = await sm('import', 'claude-code', transcripts, '--json')
    expect(imported.exitCode).toBe(0)
    expect(json(imported.stdout)).toMatchObject({
      finished: true,
      files: { found: 2, read: 2 },
      sessions: { new: 2 },
      redacted: { secret: 1 },
      malformed: { count: 0 },
    })
    const file = join(folder, 'out.jsonl')
    expect(await sm('export', '--output', file)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^Exported personal\/default/),
    })
    const piped = await sm('export')
    expect(piped.stdout.split('\n').slice(1, -2)).toEqual(
      (await readFile(file, 'utf8')).split('\n').slice(1, -2),
    )
    await sm('projects', 'create', 'copy')
    expect((await sm('import', 'jsonl', file)).exitCode).toBe(2) // which of the two projects?
    expect(await sm('import', 'jsonl', file, '--project', 'copy')).toMatchObject({ exitCode: 0 })
    await writeFile(file, `${(await readFile(file, 'utf8')).trimEnd()}x\n`)
    expect(await sm('import', 'jsonl', file, '--project', 'copy')).toMatchObject({
      exitCode: 65,
      stdout: '',
      stderr: expect.stringMatching(/Line \d+ is not/),
    })
  })

  it('reports lines it does not understand with their numbers, and imports the rest', async () => {
    const path = join(folder, 'damaged.jsonl')
    const lines = (await readFile(join(transcripts, 'login-redirect.jsonl'), 'utf8')).trimEnd().split('\n')
    await writeFile(path, lines.toSpliced(5, 0, '{"type":"user",').join('\n'))
    const { stdout, stderr, exitCode } = await sm('import', 'claude-code', path)
    expect(exitCode).toBe(0)
    expect(stdout).toContain('damaged.jsonl line 6: not JSON')
    expect(stderr).toContain('1 line was not understood')
    const whole = await sm('import', 'claude-code', join(transcripts, 'login-redirect.jsonl'), '--json')
    expect(json(whole.stdout)).toMatchObject({ events: { added: 0 } })
    await writeFile(path, 'nothing\nof this\n')
    expect((await sm('import', 'claude-code', path)).exitCode).toBe(65)
  })

  it('writes nothing with --dry-run', async () => {
    const { stdout } = await sm('import', 'claude-code', transcripts, '--dry-run')
    expect(stdout).toContain('Sessions   2 new')
    expect((await database.pool.query('select from users')).rowCount).toBe(0)
  })

  it('checks the database, and fails when it is newer than the program [cli.doctor]', async () => {
    await sm('projects', 'list')
    const statuses = async () => {
      const { stdout, exitCode } = await runCommand({ ...env, PORT: '0' }, 'doctor', '--json')
      const { healthy, checks } = JSON.parse(stdout) as {
        healthy: boolean
        checks: { name: string; status: string }[]
      }
      return { exitCode, healthy, ...Object.fromEntries(checks.map((check) => [check.name, check.status])) }
    }
    expect(await statuses()).toEqual({
      exitCode: 0,
      healthy: true,
      node: 'ok',
      configuration: 'ok',
      database: 'ok',
      extensions: 'ok',
      migrations: 'ok',
      clock: 'ok',
      port: 'ok',
    })
    await database.pool
      .query(`update users set created_at = now(); insert into api_keys (id, user_id, organization_id, key_hash, hint, name, scopes, created_at)
      select gen_random_uuid(), user_id, organization_id, 'x', 'x', 'x', '{}', now() + interval '1 day' from memberships`)
    await database.pool.query(`insert into schema_migrations (version, checksum) values ('9999_future', 'x')`)
    expect(await statuses()).toMatchObject({ exitCode: 1, healthy: false, migrations: 'fail', clock: 'fail' })
    expect((await sm('migrate', '--check')).exitCode).toBe(75)
  })

  it('says that PostgreSQL cannot be reached, without its password [cli.exit-codes]', async () => {
    env['DATABASE_URL'] = 'postgres://someone:tellnobody@127.0.0.1:1/none'
    for (const args of [['doctor'], ['migrate'], ['keys', 'list'], ['export']]) {
      const { exitCode, stdout, stderr } = await sm(...args)
      expect([args[0], exitCode]).toEqual([args[0], args[0] === 'doctor' ? 1 : 69])
      expect(stdout + stderr).toContain('PostgreSQL cannot be reached')
      expect(stdout + stderr).not.toContain('tellnobody')
    }
  })
})

/** A first start takes four seconds of a processor, and some tests make two databases. */
const embeddedTimeoutMs = 120_000

describe('the command line with the embedded database', { timeout: embeddedTimeoutMs }, () => {
  it('answers a second start plainly, and the first goes on [cli.second-start]', async () => {
    const env = { DATA_DIR: join(folder, 'second'), PORT: '0' }
    const first = await startCommand(env, /Press Ctrl/, 'serve')
    try {
      const url = /running at (\S+)/.exec(first.stdout())?.[1] ?? ''
      const second = await runCommand(env, 'serve')
      expect(second.exitCode).toBe(75)
      expect(second.stderr).toContain(`in use by process ${process.pid}`)
      expect(second.stderr).toContain(url)
      // Commands about the memory run inside the server.
      expect(await runCommand(env, 'projects', 'list')).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('personal/default'),
      })
      const doctor = await runCommand(env, 'doctor')
      expect(doctor).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining(`Open in the server at ${url}`),
      })
      expect((await fetch(new URL('/ready', url))).status).toBe(200)
    } finally {
      await first.end()
    }
    expect((await runCommand(env, 'projects', 'list')).stdout).toContain('personal/default')
  })

  it('says that the port is taken, and keeps the first key for the start that succeeds [cli.port-in-use]', async () => {
    const blocker = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    await new Promise((resolve) => blocker.once('listening', resolve))
    const address = blocker.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const env = { DATA_DIR: join(folder, 'port'), PORT: String(port) }
    const taken = await runCommand(env, 'serve')
    expect(taken).toMatchObject({ exitCode: 69, stdout: '' })
    expect(taken.stderr).toContain(`Port ${port} on 127.0.0.1 is already in use`)
    const doctor = await runCommand(env, 'doctor')
    expect(doctor).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('is used by another program'),
    })
    await new Promise((resolve) => blocker.close(resolve))
    const server = await startCommand(env, /Press Ctrl/, 'serve')
    expect(server.stdout()).toMatch(/Your API key, shown this once:\s+smk_live_/)
    await server.end()
  })

  it('restores a snapshot into a new directory, and its keys go on working', async () => {
    const old = { DATA_DIR: join(folder, 'old') }
    const { stdout } = await runCommand(old, 'keys', 'create', '--name', 'kept', '--json')
    await runCommand(old, 'import', 'claude-code', transcripts)
    const snapshots = await import('../src/postgres/embedded/snapshot-folder.ts')
    const file = (await snapshots.newestSnapshot(old.DATA_DIR)) ?? ''
    const fresh = { DATA_DIR: join(folder, 'fresh') }
    expect(await runCommand(fresh, 'snapshot', 'restore', file)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^Restored \d+ rows/),
    })
    expect((await runCommand(fresh, 'keys', 'list')).stdout).toContain('kept')
    expect(await readFile(join(fresh.DATA_DIR, 'secret-key'))).toEqual(
      await readFile(join(old.DATA_DIR, 'secret-key')),
    )
    const again = await runCommand(fresh, 'import', 'claude-code', transcripts, '--json')
    expect(json(again.stdout)).toMatchObject({ events: { added: 0 } })
    expect((await runCommand(fresh, 'snapshot', 'restore', file)).exitCode).toBe(65)
    expect(JSON.parse(stdout)).toHaveProperty('key')
  })

  it('says that the data directory may not be written [cli.readonly-dir]', async () => {
    const directory = join(folder, 'readonly')
    await mkdir(directory)
    await chmod(directory, 0o555)
    await chmod(folder, 0o755)
    const child = spawnChild('cli-process.ts', [`DATA_DIR=${directory}`, '--', 'serve'], {
      unprivileged: true,
    })
    const { code, stderr } = await child.ended
    expect(stderr).toContain(`${directory} may not be written by this user`)
    expect(code).toBe(69)
  })
})

describe('the command line itself', () => {
  it('refuses what it does not know with the nearest name [cli.exit-codes]', async () => {
    const env = { DATA_DIR: join(folder, 'none') }
    for (const [args, nearest] of [
      [['exprot'], 'export'],
      [['keys', 'lsit'], 'list'],
      [['export', '--projct', 'x'], '--project'],
    ] as const) {
      const { exitCode, stdout, stderr } = await runCommand(env, ...args)
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
      expect(stderr).toMatch(new RegExp(`^stackmemory: unknown .* Did you mean ${nearest}\\?\\n$`))
    }
    expect(await runCommand(env, 'keys', 'revoke')).toMatchObject({ exitCode: 2 })
    expect(await runCommand({ ...env, PORT: 'many' }, 'export')).toMatchObject({ exitCode: 78 })
    expect(await runCommand(env, 'export')).toMatchObject({ exitCode: 65 })
    expect(await runCommand(env, 'import', 'claude-code', join(folder, 'nowhere'))).toMatchObject({
      exitCode: 65,
    })
  })

  it('explains every command with an example', async () => {
    const commands = [
      'serve',
      'import claude-code',
      'import jsonl',
      'export',
      'keys create',
      'keys list',
      'keys revoke',
      'projects list',
      'projects create',
      'migrate',
      'doctor',
      'snapshot restore',
    ]
    for (const command of commands) {
      const { exitCode, stdout } = await runCommand({}, ...command.split(' '), '--help')
      expect(exitCode).toBe(0)
      expect(stdout).toMatch(new RegExp(`Examples?:\\n(?:.*\\n)* {2}\\$ stackmemory ${command}`))
    }
    expect((await runCommand({}, '--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('ends quietly when the reader of its output has gone', async () => {
    const { io, stderr, exitCode } = createFakeIo({ DATA_DIR: join(folder, 'old') })
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    })
    await run(['node', 'stackmemory', 'export'], { ...io, stdout })
    expect(exitCode()).toBe(0)
    expect(stderr()).not.toMatch(/EPIPE|unexpected/)
  })
})
