/** Commands for a person as processes, on data directories of their own, with real signals and pipes. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shells } from '../src/cli/completion.ts'
import { spawnChild } from './harness/child.ts'
import { runCommand } from './harness/fake-io.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'people-process-'))
})
afterAll(async () => rm(folder, { recursive: true }))

const env = () => ({ DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'silent' })
const sm = async (...args: string[]) => runCommand(env(), ...args)
const start = (variables: Record<string, string>, ...args: string[]) =>
  spawnChild('cli-process.ts', [...Object.entries(variables).map((pair) => pair.join('=')), '--', ...args])

// Each process opens a database of its own.
describe('demo', { timeout: 120_000 }, () => {
  it('begins no memory where there is none, and leaves nothing [cli.demo]', async () => {
    const temporary = join(folder, 'tmp')
    await mkdir(temporary)
    const before = process.env['TMPDIR']
    process.env['TMPDIR'] = temporary
    try {
      const { stdout, stderr, exitCode } = await sm('demo')
      expect(exitCode).toBe(0)
      expect(stdout).toContain('\nProved\n')
      expect(stderr).not.toContain('API key')
    } finally {
      if (before === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = before
    }
    expect(existsSync(join(folder, 'data'))).toBe(false)
    expect(await readdir(temporary)).toEqual([])
  })

  it('is stopped by Ctrl+C without a trace [cli.demo]', async () => {
    await sm('projects', 'create', 'shop')
    const before = await sm('export', '--project', 'default')
    const child = start(env(), 'demo')
    await new Promise<void>((resolve) => {
      child.process.stderr?.on('data', (text: string) => {
        if (text.includes('Remembering')) resolve()
      })
    })
    child.process.kill('SIGINT')
    const { code, stderr } = await child.ended
    expect([code, stderr.trim().split('\n').at(-1)]).toEqual([
      130,
      'stackmemory: Stopped. The scratch project is removed.',
    ])
    const { stdout } = await sm('projects', 'list', '--json')
    expect((JSON.parse(stdout) as { projects: unknown[] }).projects).toHaveLength(2)
    const after = await sm('export', '--project', 'default')
    const rows = (text: string) => text.split('\n').slice(1, -2)
    expect(rows(after.stdout)).toEqual(rows(before.stdout))
  })
})

describe('a pipe', { timeout: 120_000 }, () => {
  it('that is closed early is no failure [cli.pipe]', async () => {
    for (let task = 0; task < 3; task++) await sm('tasks', 'add', `Task ${task}`, '--project', 'default')
    const child = start(env(), 'log', '--project', 'default')
    child.process.stdout?.destroy()
    expect(await child.ended).toMatchObject({ code: 0, stderr: expect.not.stringContaining('stackmemory:') })
  })
})

describe('completion', () => {
  const complete = async (...words: string[]) => {
    const { stdout, exitCode } = await runCommand({}, 'complete', '--', ...words)
    expect(exitCode).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines.pop()).toMatch(/^:\d+$/)
    return lines.map((line) => line.split('\t')[0])
  }

  it('knows commands, their options and the values of these [cli.completion]', async () => {
    expect(await complete('imp')).toEqual(['import'])
    expect(await complete('import', 'cl')).toEqual(['claude-code', 'claude-mem'])
    expect(await complete('tasks', 'do')).toEqual(['done'])
    expect(await complete('search', 'words', '--fi')).toEqual(['--files'])
    expect(await complete('log', '--kind', 'dec')).toEqual(['decision'])
    expect(await complete('completion', 'z')).toEqual(['zsh'])
    expect(await complete('connect', 'cur')).toEqual(['cursor'])
    expect(await complete('nothing-like-it')).toEqual([])
    expect(await complete('compl')).toEqual(['completion']) // how the shell asks stays hidden
  })

  it('has a script for each shell, which bash accepts; others are refused [cli.completion]', async () => {
    for (const shell of shells) {
      const { stdout, exitCode } = await runCommand({}, 'completion', shell)
      expect([shell, exitCode, stdout.includes('stackmemory')]).toEqual([shell, 0, true])
      if (shell !== 'bash') continue
      const { status, stderr } = spawnSync('bash', ['-n'], { input: stdout, encoding: 'utf8' })
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    }
    expect(await runCommand({}, 'completion', 'tcsh')).toMatchObject({ exitCode: 2, stdout: '' })
  })
})
