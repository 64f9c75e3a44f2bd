import { chmod, chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createBoundedFile } from '../src/cli/broker-log.ts'
import { localAddress } from '../src/local/address.ts'
import { createLocalFetch } from '../src/local/local-fetch.ts'
import { openEmbedded } from '../src/postgres/embedded/open-embedded.ts'
import { runCommand, startCommand } from './harness/fake-io.ts'
import { silentLog as log } from './harness/test-database.ts'
import { callMcp, createLocalHome, killOwner, type LocalHome } from './support/local-clients.ts'

/** A first start takes four seconds of a processor. */
const timeout = 120_000
const pathOf = (address: string | undefined) => address ?? ''
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

describe('the owner of local memory', { timeout }, () => {
  let home: LocalHome
  beforeEach(async () => {
    home = await createLocalHome()
  })
  afterEach(async () => home.close())

  it('is one broker however many clients start at once, and ends after the last [local.one-owner]', async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, async () => home.connect()))
    expect(new Set(clients.map((client) => client.owner.pid)).size).toBe(1)
    const [first] = clients
    if (!first) throw new Error('no client')
    expect(first.owner.info).toMatchObject({ kind: 'broker' })
    expect((await callMcp(first, 'tools/list')).body).toHaveProperty('result.tools')
    for (const client of clients.slice(1)) client.close()
    await sleep(1_000)
    expect((await first.fetch('/health')).status).toBe(200)
    first.close()
    await home.untilFree()
    expect((await readdir(home.dataDir)).toSorted()).toEqual(['pg', 'snapshots'])
    expect(await readdir(dirname(pathOf(first.owner.info['local'])))).toEqual([])
  })

  // Two to three seconds on a machine that does nothing else; a busy one takes longer, which proves nothing.
  it('is succeeded after kill -9, with nothing lost [local.recovery]', { timeout: 180_000 }, async () => {
    const written: string[] = []
    let client = await home.connect()
    for (let round = 0; round < 3; round += 1) {
      const content = `We decided number ${round} of the test, with nobody in doubt.`
      const { body } = await callMcp(client, 'tools/call', { name: 'add_decision', arguments: { content } })
      expect(body.result?.isError).not.toBe(true)
      written.push(content)
      const { pid, info } = client.owner
      const killedAt = performance.now()
      await killOwner(client)
      client = await home.connect()
      expect(performance.now() - killedAt).toBeLessThan(45_000)
      expect(client.owner.pid).not.toBe(pid)
      expect(client.owner.info['local']).toBe(info['local'])
    }
    const { body } = await callMcp(client, 'tools/call', {
      name: 'get_context',
      arguments: { budget_tokens: 2_000 },
    })
    for (const content of written) expect(body.result?.content?.[0]?.text).toContain(content)
  })

  it('lets a client that comes while it ends start the next [local.one-owner]', async () => {
    const pids = new Set<number>()
    for (const waitMs of [0, 10, 40, 160, 320]) {
      const client = await home.connect({ env: { ...home.env, STACKMEMORY_BROKER_LINGER_MS: '0' } })
      pids.add(client.owner.pid)
      expect((await callMcp(client, 'tools/list')).status).toBe(200)
      client.close()
      await sleep(waitMs)
    }
    expect(pids.size).toBeGreaterThan(1)
  })

  it('is a running server, which needs no key there and one on its port [local.serve]', async () => {
    const env = { ...home.env, DATA_DIR: home.dataDir, PORT: '0' }
    const server = await startCommand(env, /Press Ctrl/, 'serve')
    try {
      const client = await home.connect()
      expect(client.owner).toMatchObject({ pid: process.pid, info: { kind: 'server' } })
      expect((await callMcp(client, 'tools/list')).status).toBe(200)
      const url = /MCP endpoint {2}(\S+)/.exec(server.stdout())?.[1] ?? ''
      expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401)
      expect((await fetch(new URL('/local/attach', url))).status).toBe(404)
      void server.end()
      await client.closed
    } finally {
      await server.end()
    }
  })

  it('makes no key, and the first server after it shows one [local.serve]', async () => {
    const client = await home.connect()
    client.close()
    await home.untilFree()
    const env = { ...home.env, DATA_DIR: home.dataDir, PORT: '0' }
    expect((await runCommand(env, 'keys', 'list')).stdout).not.toContain('First key')
    for (const pattern of [/shown this once:\s+smk_live_/, /Make another key with/]) {
      const server = await startCommand(env, /Press Ctrl/, 'serve')
      await server.end()
      expect(server.stdout()).toMatch(pattern)
    }
  })

  it('says why it could not start [local.one-owner]', async () => {
    await mkdir(join(home.dataDir, 'pg'), { recursive: true })
    await writeFile(join(home.dataDir, 'pg', 'PG_VERSION'), '12\n')
    await expect(home.connect()).rejects.toMatchObject({
      code: 'unavailable',
      publicMessage: expect.stringMatching(/could not be started: .*written by an embedded PostgreSQL 12/),
    })
    expect(await readFile(join(home.dataDir, 'broker.log'), 'utf8')).toContain('PostgreSQL 12')
    await expect(home.connect({ command: [join(home.folder, 'none')] })).rejects.toMatchObject({
      code: 'unavailable',
    })
  })

  it('waits for a process that works on the directory, and names it when that takes too long [local.one-owner]', async () => {
    const other = await openEmbedded({ dataDir: home.dataDir, log, snapshotIntervalMs: 0 })
    await expect(home.connect({ startTimeoutMs: 500 })).rejects.toMatchObject({
      publicMessage: expect.stringContaining(`Process ${process.pid}`),
    })
    const waiting = home.connect()
    await other.close()
    expect((await waiting).owner.pid).not.toBe(process.pid)
  })
})

describe('the private address', { timeout }, () => {
  let home: LocalHome
  beforeEach(async () => {
    home = await createLocalHome()
  })
  afterEach(async () => home.close())

  it('is open to its user only, and to no page of a browser [local.private]', async () => {
    const client = await home.connect()
    const address = pathOf(client.owner.info['local'])
    expect(address).toBe(localAddress(home.dataDir, { env: home.env }))
    expect([await modeOf(address), await modeOf(dirname(address))]).toEqual(['600', '700'])
    const refused = async (headers: Record<string, string>) =>
      (await client.fetch('/mcp', { method: 'POST', body: '{}', headers })).status
    expect(await refused({ origin: 'http://localhost:8080' })).toBe(403)
    expect(await refused({ origin: 'http://stackmemory' })).toBe(403)
    expect(await refused({ 'sec-fetch-site': 'none' })).toBe(403)
    expect(await refused({ host: 'evil.example' })).toBe(403)
    expect(await refused({ host: 'localhost' })).not.toBe(403)
  })

  it('is refused when its folder is open to others or somebody else made it [local.private]', async () => {
    const folder = dirname(localAddress(home.dataDir, { env: home.env }))
    await mkdir(folder)
    await chmod(folder, 0o777)
    const sentence = /belongs to another user or is open to others/
    await expect(home.connect()).rejects.toMatchObject({ publicMessage: expect.stringMatching(sentence) })
    await chmod(folder, 0o700)
    const client = await home.connect()
    await chmod(folder, 0o755)
    await expect(home.connect()).rejects.toMatchObject({ publicMessage: expect.stringMatching(sentence) })
    await chmod(folder, 0o700)
    if (process.getuid?.() !== 0) return
    await chown(folder, 65_534, 65_534)
    await expect(home.connect()).rejects.toMatchObject({ publicMessage: expect.stringMatching(sentence) })
    await chown(folder, 0, 0)
    expect((await client.fetch('/health')).status).toBe(200)
  })

  it('streams what comes, and ends when the caller does', async () => {
    const client = await home.connect()
    const stop = new AbortController()
    const stream = await client.fetch('/local/attach', { signal: stop.signal })
    const reader = stream.body?.getReader()
    const first = await reader?.read()
    expect(new TextDecoder().decode(first?.value)).toContain('"kind":"broker"')
    const next = reader?.read()
    stop.abort()
    await expect(next).rejects.toThrow()
    await expect(client.fetch('/health', { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
    const nobody = createLocalFetch(join(home.folder, 'nobody.sock'))
    await expect(nobody('/health')).rejects.toMatchObject({ cause: { code: 'ENOENT' } })
  })

  it('keeps within what a socket path can hold, and has no fixed name as a pipe [local.private]', () => {
    const options = { env: { XDG_RUNTIME_DIR: home.folder }, uid: 501 }
    expect(localAddress(home.dataDir, { ...options, platform: 'linux' })).toMatch(
      new RegExp(`^${home.folder}/stackmemory-501/[0-9a-f]{20}\\.sock$`),
    )
    const pipe = () => localAddress(home.dataDir, { ...options, platform: 'win32' })
    expect(pipe()).toMatch(/^\\\\\.\\pipe\\stackmemory-/)
    expect(pipe()).not.toBe(pipe())
    expect(localAddress(`${home.dataDir}/../data`, options)).toBe(localAddress(home.dataDir, options))
  })
})

describe('the log of a broker', () => {
  it('keeps within its size, with one file before it', async () => {
    const home = await createLocalHome()
    const path = join(home.folder, 'broker.log')
    const file = createBoundedFile(path)
    for (let line = 0; line < 300; line += 1) file.write(`${String(line).padStart(10_000)}\n`)
    expect(await readdir(home.folder)).toEqual(['broker.log', 'broker.log.1'])
    expect((await stat(path)).size).toBeLessThan(1_100_000)
    expect((await stat(`${path}.1`)).size).toBeLessThan(1_100_000)
    expect((await readFile(path, 'utf8')).trimEnd().endsWith('299')).toBe(true)
    await home.close()
  })
})

describe('a broker that ends', { timeout }, () => {
  it('removes what is past its time and keeps a snapshot a day, while it still answers', async () => {
    const home = await createLocalHome()
    const inDatabase = async <T>(work: (pool: Pool) => Promise<T>) => {
      const database = await openEmbedded({ dataDir: home.dataDir, log, snapshotIntervalMs: 0 })
      try {
        return await work(database.pool)
      } finally {
        await database.close()
      }
    }
    ;(await home.connect()).close()
    await home.untilFree()
    await inDatabase(async (pool) =>
      pool.query(
        `insert into receipts (project_id, id, operation, input, body, author_id, client_name, created_at)
         select p.id, gen_random_uuid(), 'get_context', '{}', '{}', p.user_id, 'test', now() - days * interval '1 day'
         from projects p, unnest(array[1, 400]) as days`,
      ),
    )
    ;(await home.connect()).close()
    await home.untilFree()
    expect(await readdir(join(home.dataDir, 'snapshots'))).toHaveLength(1)
    const left = await inDatabase(async (pool) => pool.query('select from receipts'))
    expect(left.rowCount).toBe(1)
    await home.close()
  })
})
