/** `stackmemory connect` on files as people have them: what it adds, what it leaves alone, and taking it back. */
import { existsSync } from 'node:fs'
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parse as parseJsonc } from 'jsonc-parser'
import { parse as parseToml } from 'smol-toml'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runConnect } from '../../bridge/src/connect.ts'
import { clients, scopesOf, type Client, type Scope } from '../src/connect/clients.ts'
import { herePlace } from '../src/connect/place.ts'
import { receiptFolder } from '../src/connect/receipt.ts'
import { fixturesFor, malformedFor } from './connect-fixtures.ts'
import { createFakeIo, runCommand } from './harness/fake-io.ts'

let home: string
let env: NodeJS.ProcessEnv

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'connect-'))
  await mkdir(join(home, 'repository', '.git'), { recursive: true })
  env = { HOME: home, USERPROFILE: home, APPDATA: join(home, 'AppData'), PATH: '' }
})
afterEach(async () => rm(home, { recursive: true }))

const cases = clients.flatMap((client) => scopesOf(client).map((scope) => ({ client, scope, id: client.id })))

const fileOf = (client: Client, scope: Scope) =>
  client.file[scope]?.(herePlace(env, join(home, 'repository'))) ?? ''

const connect = async (client: Client, scope: Scope, ...options: string[]) =>
  runCommand(env, 'connect', client.id, '--scope', scope, '--directory', join(home, 'repository'), ...options)

const put = async (path: string, text: string) => {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

const read = async (path: string) => readFile(path, 'utf8')

const entryIn = (client: Client, text: string, name = 'stackmemory'): unknown => {
  const whole: unknown = client.format === 'toml' ? parseToml(text) : parseJsonc(text.replace('\uFEFF', ''))
  return (whole as Record<string, Record<string, unknown> | undefined>)[client.container]?.[name]
}

/** Every file of the home with its bytes, but for backups. */
const photograph = async () => {
  const entries = await readdir(home, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.endsWith('.bak'))
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).toSorted()
  return Promise.all(paths.map(async (path) => [path, (await readFile(path)).toString('hex')]))
}

/** The characters of `before` that stand in `after`, in their order: all of them when nothing was changed. */
const withoutAdditions = (before: string, after: string): string => {
  let found = ''
  for (const character of after) if (character === before[found.length]) found += character
  return found
}

const remote = ['--url', 'https://memory.example.com', '--project', 'acme/shop']
/** Claude Desktop can be told a key in no other way. */
const remoteFor = (client: Client) => (client.keyNeedsFile ? [...remote, '--key-in-file'] : remote)

describe.each(cases)('$id, $scope', ({ client, scope }) => {
  it('makes a file that was not there, and takes it away with its folders [connect.undo]', async () => {
    const before = await photograph()
    const path = fileOf(client, scope)
    const hadFolder = existsSync(dirname(path))
    expect(await connect(client, scope)).toMatchObject({ exitCode: 0 })
    expect(entryIn(client, await read(path))).toBeDefined()
    expect((await stat(path)).mode & 0o777).toBe(scope === 'user' ? 0o600 : 0o644)
    expect(await connect(client, scope, '--undo')).toMatchObject({ exitCode: 0 })
    expect(await photograph()).toEqual(before)
    expect(existsSync(dirname(path))).toBe(hadFolder)
  })

  it('says what it would do and does nothing [connect.dry-run]', async () => {
    const path = fileOf(client, scope)
    for (const text of [
      undefined,
      ...fixturesFor(client.format, client.container).map((each) => each.text),
    ]) {
      if (text !== undefined) await put(path, text)
      const before = await photograph()
      const { exitCode, stdout } = await connect(client, scope, '--dry-run')
      expect(exitCode).toBe(0)
      expect(stdout).toContain(`Would ${text === undefined ? 'make' : 'change'} ${path}`)
      expect(stdout).toMatch(/^\+.*stackmemory/m)
      expect(await photograph()).toEqual(before)
    }
    expect(await readdir(dirname(path))).not.toContainEqual(expect.stringMatching(/\.bak$/))
  })

  it('gives back the very bytes, local and remote, for every file it can read [connect.undo]', async () => {
    env['STACKMEMORY_API_KEY'] = 'smk_live_abc'
    const path = fileOf(client, scope)
    for (const { title, text } of fixturesFor(client.format, client.container))
      for (const options of [[], remoteFor(client)]) {
        await put(path, text)
        expect((await connect(client, scope, ...options)).stderr, title).toBe('')
        const written = await read(path)
        expect(entryIn(client, written), title).toBeDefined()
        expect(withoutAdditions(text, written), title).toBe(text)
        expect(written.includes('\r\n'), title).toBe(text.includes('\r\n'))
        expect((await connect(client, scope, '--undo')).stderr, title).toBe('')
        expect(await read(path), title).toBe(text)
      }
  })

  it('changes nothing the second time, and only its own when the target changes [connect.idempotent]', async () => {
    const path = fileOf(client, scope)
    const [, , , , , , , , full] = fixturesFor(client.format, client.container)
    await put(path, full?.text ?? '')
    await connect(client, scope)
    const once = await photograph()
    expect((await connect(client, scope)).stdout).toContain('Connected already')
    expect(await photograph()).toEqual(once)
    await connect(client, scope, '--latest')
    expect(JSON.stringify(entryIn(client, await read(path)))).toContain('@latest')
    await connect(client, scope)
    const isFile = ([file]: readonly (string | undefined)[]) => file === path
    expect((await photograph()).filter(isFile)).toEqual(once.filter(isFile))
    expect((await readdir(dirname(path))).filter((name) => name.endsWith('.bak'))).toHaveLength(1)
    await connect(client, scope, '--undo')
    expect(await read(path)).toBe(full?.text)
  })

  it('says where a malformed file is wrong, and leaves it [connect.malformed]', async () => {
    const path = fileOf(client, scope)
    for (const { title, text, says } of malformedFor(client.format, client.container)) {
      await put(path, text)
      const before = await photograph()
      for (const options of [[], ['--dry-run']]) {
        const { exitCode, stderr } = await connect(client, scope, ...options)
        expect(exitCode, title).toBe(65)
        expect(stderr, title).toMatch(says)
        expect(stderr, title).toContain(path)
        expect(stderr, title).toContain('Nothing was changed.')
      }
      expect(await photograph(), title).toEqual(before)
    }
  })

  it('leaves a read-only file, and undoes nothing in one [connect.read-only]', async () => {
    const path = fileOf(client, scope)
    await put(path, '')
    await chmod(path, 0o444)
    const { exitCode, stderr } = await connect(client, scope)
    expect([exitCode, stderr]).toEqual([69, expect.stringContaining(`${path} is read-only`)])
    expect((await connect(client, scope, '--dry-run')).exitCode).toBe(0)
    await chmod(path, 0o640)
    await connect(client, scope)
    expect((await stat(path)).mode & 0o777).toBe(0o640)
    const written = await read(path)
    await chmod(path, 0o444)
    expect((await connect(client, scope, '--undo')).exitCode).toBe(69)
    expect(await read(path)).toBe(written)
    await chmod(path, 0o640)
    await connect(client, scope, '--undo')
    expect(await read(path)).toBe('')
    expect((await stat(path)).mode & 0o777).toBe(0o640)
  })

  it.skipIf(process.platform === 'win32')(
    'changes what a symbolic link points to [connect.symlink]',
    async () => {
      const path = fileOf(client, scope)
      const target = join(home, scope === 'user' ? 'dotfiles' : 'repository', 'linked', 'config')
      for (const text of ['', undefined]) {
        await rm(path, { force: true })
        await mkdir(dirname(path), { recursive: true })
        await mkdir(dirname(target), { recursive: true })
        await (text === undefined ? rm(target) : writeFile(target, text))
        await symlink(target, path)
        await connect(client, scope)
        expect(entryIn(client, await read(target))).toBeDefined()
        expect((await lstat(path)).isSymbolicLink()).toBe(true)
        await connect(client, scope, '--undo')
        expect((await lstat(path)).isSymbolicLink()).toBe(true)
        expect(existsSync(target)).toBe(text !== undefined)
      }
    },
  )

  it.skipIf(scope === 'user')('follows no link out of a repository [connect.symlink]', async () => {
    const path = fileOf(client, scope)
    const target = join(home, 'private')
    await mkdir(dirname(path), { recursive: true })
    await symlink(target, path)
    for (const text of [undefined, '']) {
      if (text !== undefined) await writeFile(target, text)
      const { exitCode, stderr } = await connect(client, scope)
      expect([exitCode, stderr]).toEqual([65, expect.stringContaining('leads out of the project')])
      expect(existsSync(target) ? await read(target) : undefined).toBe(text)
    }
  })

  it.skipIf(scope === 'user')('follows no folder out of a repository [connect.symlink]', async () => {
    const path = fileOf(client, scope)
    const outside = join(home, 'outside')
    const linked = dirname(path) === join(home, 'repository') ? undefined : dirname(path)
    if (linked === undefined) return
    await mkdir(outside)
    await mkdir(dirname(linked), { recursive: true })
    await symlink(outside, linked)
    const { exitCode, stderr } = await connect(client, scope)
    expect([exitCode, stderr]).toEqual([65, expect.stringContaining('leads out of the project')])
    expect(await readdir(outside)).toEqual([])
  })

  it('shows no secret of others in a dry run, there and back [connect.key]', async () => {
    const path = fileOf(client, scope)
    const before =
      client.format === 'toml'
        ? '[mcp_servers.other]\nenv = { PGX = "hunter2", K = "smk_live_theirs" }\n'
        : `{"${client.container}":{"other":{"env":{"PGX":"hunter2","K":"smk_live_theirs"},"x":"\u009B"}}}`
    await put(path, before)
    const shown: string[] = []
    for (const options of [['--dry-run'], ['--dry-run', '--json'], []])
      shown.push((await connect(client, scope, ...options)).stdout)
    for (const options of [['--dry-run'], ['--dry-run', '--json']])
      shown.push((await connect(client, scope, '--undo', ...options)).stdout)
    for (const text of shown) expect(text).not.toMatch(/hunter2|smk_live|\u009B/)
    expect(shown[0]).toContain('@stackmemoryai/mcp-server')
    expect(shown[3]).toContain('@stackmemoryai/mcp-server')
  })

  it('leaves an entry that it did not write, also when asked to undo [connect.foreign]', async () => {
    const path = fileOf(client, scope)
    const text =
      client.format === 'toml'
        ? '[mcp_servers.stackmemory]\ncommand = "mine"\n\n[mcp_servers.stackmemory.env]\nAPI_KEY = "hidden"\n'
        : `{\n  "${client.container}": { "stackmemory": { "command": "mine", "env": { "API_KEY": "hidden" } } }\n}\n`
    await put(path, text)
    const { exitCode, stderr } = await connect(client, scope)
    expect([exitCode, stderr]).toEqual([75, expect.stringContaining('did not write')])
    expect(stderr).toContain('"command":"mine"')
    expect(stderr).not.toContain('hidden')
    expect((await connect(client, scope, '--undo')).stdout).toContain('Nothing to undo')
    expect(await read(path)).toBe(text)
    await connect(client, scope, '--name', 'stackmemory-2')
    expect(entryIn(client, await read(path), 'stackmemory-2')).toBeDefined()
    await connect(client, scope, '--name', 'stackmemory-2', '--undo')
    expect(await read(path)).toBe(text)
  })

  it('refuses to take back what was changed by hand, and shows it [connect.changed]', async () => {
    const path = fileOf(client, scope)
    await put(path, '')
    await connect(client, scope)
    const changed = (await read(path)).replaceAll('-y', '--yes')
    await writeFile(path, changed)
    for (const options of [['--undo'], ['--undo', '--dry-run'], ['--latest']]) {
      const { exitCode, stderr } = await connect(client, scope, ...options)
      expect(exitCode).toBe(75)
      expect(stderr).toContain('was changed by hand')
      expect(stderr).toContain('--yes')
    }
    expect(await read(path)).toBe(changed)
    // A comment is a change by hand, too.
    const commented = changed
      .replaceAll('--yes', '-y')
      .replace(/(["\]])(\r?\n)/, `$1 ${client.format === 'toml' ? '#' : '//'} why$2`)
    await writeFile(path, commented)
    const { exitCode, stderr } = await connect(client, scope, '--undo')
    expect([exitCode, stderr]).toEqual([75, expect.stringContaining('was changed by hand')])
    expect(await read(path)).toBe(commented)
  })

  it('takes back only its own when the rest changed since [connect.undo]', async () => {
    const path = fileOf(client, scope)
    for (const { title, text } of fixturesFor(client.format, client.container)) {
      if (client.format === 'json' && !/\S/.test(text.replaceAll(/\/\/.*|\/\*[^]*?\*\//g, ''))) continue
      await put(path, text)
      await connect(client, scope)
      const [added, pattern] =
        client.format === 'toml' ? ['\n[later]\nx = 1\n', ''] : [' // later\n', '// later\n']
      await writeFile(path, (await read(path)) + added)
      expect((await connect(client, scope, '--undo')).stderr, title).toBe('')
      const left = await read(path)
      expect(left, title).toContain(client.format === 'toml' ? added : pattern)
      expect(entryIn(client, left), title).toBeUndefined()
      expect(left.replaceAll(/\s/g, ''), title).toBe((text + added).replaceAll(/\s/g, ''))
    }
  })
})

const client = (id: string): Client => {
  const found = clients.find((each) => each.id === id)
  if (!found) throw new Error(id)
  return found
}

describe('the key', () => {
  const secret = 'smk_live_0123456789'

  it('is written only when asked for, and then only its owner may read the file [connect.key]', async () => {
    env['STACKMEMORY_API_KEY'] = secret
    for (const each of clients) {
      const path = fileOf(each, 'user')
      await put(path, '')
      await chmod(path, 0o644)
      if (!each.keyNeedsFile) {
        await connect(each, 'user', ...remote)
        expect(await read(path), each.id).not.toContain(secret)
        expect((await stat(path)).mode & 0o777).toBe(0o644)
      }
      for (const look of ['--dry-run', '--print', '--json']) {
        const { stdout, stderr } = await connect(each, 'user', ...remote, '--key-in-file', look)
        expect(stdout + stderr, each.id).not.toContain(secret)
      }
      expect(await read(path), each.id).toContain(secret)
      expect((await stat(path)).mode & 0o777).toBe(0o600)
      const { stdout } = await connect(each, 'user', '--undo')
      expect(stdout).not.toContain(secret)
      expect(await read(path)).toBe('')
      expect((await stat(path)).mode & 0o777).toBe(0o644)
    }
    const kept = await photograph()
    expect(JSON.stringify(kept)).not.toContain(Buffer.from(secret).toString('hex'))
  })

  it('stands in no receipt, and receipts are for their owner alone [connect.key]', async () => {
    env['STACKMEMORY_API_KEY'] = secret
    await connect(client('cursor'), 'user', ...remote, '--key-in-file')
    const folder = join(receiptFolder(herePlace(env, home)))
    const [name = ''] = await readdir(folder)
    expect(await read(join(folder, name))).not.toContain(secret)
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
  })

  it('is not taken into a file that a repository carries, nor without a variable [connect.key]', async () => {
    for (const [args, sentence] of [
      [['--scope', 'project', '--key-in-file'], /refused for --scope project/],
      [['--key-in-file'], /variable STACKMEMORY_API_KEY, which is not set/],
      [['--key-env', secret.replace('smk', '9')], /name of a variable, not the key/],
    ] as const) {
      const { exitCode, stderr } = await runCommand(env, 'connect', 'cursor', ...remote, ...args)
      expect([exitCode, stderr]).toEqual([2, expect.stringMatching(sentence)])
    }
    const desktop = await runCommand(env, 'connect', 'claude-desktop', ...remote)
    expect([desktop.exitCode, desktop.stderr]).toEqual([2, expect.stringContaining('--key-in-file')])
    expect(await photograph()).toEqual([])
  })
})

describe('connect', () => {
  it('refuses what cannot be meant, each with one sentence [cli.exit-codes]', async () => {
    for (const [args, sentence] of [
      [['emacs'], /no client "emacs"\. Known are: claude-code, /],
      [['windsurf', '--scope', 'project'], /no configuration per project/],
      [['cursor', '--scope', 'team'], /user or project/],
      [['cursor', '--name', 'a b'], /--name takes/],
      [['cursor', '--url', 'memory.example.com'], /whole address/],
      [['cursor', '--url', 'http://memory.example.com/mcp'], /https/],
      [['cursor', '--url', 'https://u:p@memory.example.com/mcp'], /no name, password or key/],
      [['cursor', '--url', 'https://memory.example.com/mcp?key=x'], /nothing else/],
      [
        ['cursor', '--url', 'https://memory.example.com/mcp/a/b', '--project', 'a/b'],
        /names a project already/,
      ],
      [['cursor', '--url', 'https://memory.example.com', '--project', 'shop'], /organization\/project/],
      [['cursor', '--project', 'a/b'], /--url/],
      [['cursor', '--url', 'https://memory.example.com', '--data-dir', '/x'], /--data-dir/],
      [['cursor', '--bridge', 'missing.js'], /there is no file/],
      [['zed', '--url', 'https://memory.example.com', '--key-env', 'OTHER'], /STACKMEMORY_API_KEY/],
    ] as const) {
      const { exitCode, stderr, stdout } = await runCommand(env, 'connect', ...args)
      expect([exitCode, stdout], args.join(' ')).toEqual([2, ''])
      expect(stderr).toMatch(sentence)
      expect(stderr.trim().split('\n')).toHaveLength(1)
    }
    expect(await photograph()).toEqual([])
  })

  it('lists the clients, and tells those that are here from those that are connected', async () => {
    await put(join(home, 'bin', 'codex'), '')
    await mkdir(join(home, '.cursor'))
    await put(fileOf(client('zed'), 'user'), '{,}')
    env['PATH'] = join(home, 'bin')
    await connect(client('gemini'), 'project')
    const { stdout } = await runCommand(env, 'connect', '--directory', join(home, 'repository'))
    expect(stdout).toMatch(/^codex +Codex +found$/m)
    expect(stdout).toMatch(/^cursor +Cursor +found$/m)
    expect(stdout).toMatch(/^gemini +Gemini CLI +connected \(project\)$/m)
    expect(stdout).toMatch(/^windsurf +Windsurf +not found$/m)
    expect(stdout).toMatch(/^zed +Zed +unreadable configuration$/m)
    const { stdout: text } = await runCommand(env, 'connect', '--json')
    const { clients: listed } = JSON.parse(text) as { clients: { client: string; found?: string }[] }
    expect(listed).toHaveLength(clients.length)
    expect(listed.find((each) => each.client === 'codex')?.found).toBe(join(home, 'bin', 'codex'))
  })

  it('answers programs in JSON, and prints only a snippet when asked', async () => {
    const cursor = client('cursor')
    const made = JSON.parse((await connect(cursor, 'user', '--json')).stdout) as Record<string, unknown>
    expect(made).toMatchObject({
      client: 'cursor',
      outcome: 'created',
      file: fileOf(cursor, 'user'),
      dryRun: false,
    })
    const { stdout } = await connect(cursor, 'user', '--print', '--data-dir', '/memory')
    expect(JSON.parse(stdout)).toMatchObject({
      mcpServers: { stackmemory: { env: { DATA_DIR: '/memory' } } },
    })
    const undone = JSON.parse((await connect(cursor, 'user', '--undo', '--json')).stdout) as object
    expect(undone).toMatchObject({ outcome: 'deleted' })
  })

  it('lets VS Code ask for the key, once for two entries, and takes the question back with the last', async () => {
    const vscode = client('vscode')
    const path = fileOf(vscode, 'user')
    const text = '{\n  "inputs": [\n    // mine\n    { "id": "mine" }\n  ]\n}\n'
    const second = ['--name', 'second']
    for (const order of [
      [[], second],
      [second, []],
    ]) {
      await put(path, text)
      await connect(vscode, 'user', ...remote)
      await connect(vscode, 'user', ...remote, ...second)
      expect((await read(path)).match(/"id": "stackmemory-api-key"/g)).toHaveLength(1)
      await connect(vscode, 'user', '--undo', ...(order[0] ?? []))
      expect(await read(path)).toContain('"id": "stackmemory-api-key"')
      await connect(vscode, 'user', '--undo', ...(order[1] ?? []))
      expect(await read(path)).toBe(text)
    }
  })

  it('takes a file and folders that it made away with the last of its entries', async () => {
    for (const each of clients) {
      await connect(each, 'user')
      await connect(each, 'user', '--name', 'second')
      await connect(each, 'user', '--undo')
      expect(entryIn(each, await read(fileOf(each, 'user')), 'second')).toBeDefined()
      await connect(each, 'user', '--name', 'second', '--undo')
    }
    expect(await photograph()).toEqual([])
  })

  it('takes back its entry after the client wrote its whole file anew', async () => {
    const code = client('claude-code')
    const path = fileOf(code, 'user')
    await put(path, '{"numStartups":1}')
    await connect(code, 'user', ...remote)
    const whole = JSON.parse(await read(path)) as object
    await writeFile(path, JSON.stringify({ ...whole, numStartups: 2 }, null, 4))
    expect(await connect(code, 'user', '--undo')).toMatchObject({ exitCode: 0, stderr: '' })
    expect(JSON.parse(await read(path))).toEqual({ numStartups: 2 })
  })

  it('changes nothing when it could not note what it wrote', async () => {
    const cursor = client('cursor')
    await put(fileOf(cursor, 'user'), '{}')
    await put(dirname(dirname(receiptFolder(herePlace(env, home)))), 'a file in its place')
    const before = await photograph()
    const { exitCode, stderr } = await connect(cursor, 'user')
    expect([exitCode, stderr]).toEqual([69, expect.stringContaining('could not be undone')])
    expect(await photograph()).toEqual(before)
    expect(await readdir(dirname(fileOf(cursor, 'user')))).toEqual(['mcp.json'])
  })

  it('keeps the backup and never makes a second one of the same file', async () => {
    const zed = client('zed')
    const path = fileOf(zed, 'user')
    await put(path, '{ "theme": "dark" }\n')
    const { stdout } = await connect(zed, 'user')
    const backup = /^Backup: (.*)$/m.exec(stdout)?.[1] ?? ''
    await connect(zed, 'user', '--latest')
    await connect(zed, 'user', '--undo')
    expect((await readdir(dirname(path))).filter((name) => name.endsWith('.bak'))).toHaveLength(1)
    expect(await read(backup)).toBe('{ "theme": "dark" }\n')
  })

  it('is the same command in the program that npx runs', async () => {
    const { io, stdout, stderr, exitCode } = createFakeIo(env)
    await runConnect(['cursor'], io)
    expect(stderr()).toBe('')
    expect(await read(fileOf(client('cursor'), 'user'))).toContain('@stackmemoryai/mcp-server@')
    expect(stdout()).toContain('Connected.')
    await runConnect(['emacs'], io)
    expect([exitCode(), stderr()]).toEqual([2, expect.stringMatching(/^stackmemory-mcp: there is no client/)])
  })
})
