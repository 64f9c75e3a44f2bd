/**
 * Commands for a person, on one story: the one of the demo, told on 10 March 2026. Every command opens the same
 * database, so that opening it is not what these tests wait for; `cli-people-process.test.ts` opens real ones.
 */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { run } from '../src/cli/run.ts'
import { demo } from '../src/cli/demo.ts'
import { proveRecall, type Answers } from '../src/cli/demo-proof.ts'
import { seedStory, type Story } from '../src/cli/demo-story.ts'
import type { Context } from '../src/domain/context.ts'
import { countTokens } from '../src/domain/retrieval/tokens.ts'
import { allScopes, prepareOwner } from '../src/first-start.ts'
import type { OpenDatabase } from '../src/open-database.ts'
import { createAccounts } from '../src/postgres/accounts.ts'
import { createDatabase } from '../src/postgres/database.ts'
import { createMemory } from '../src/postgres/memory.ts'
import { createFakeIo, runCommand, runOnTerminal, type FakeTerminal } from './harness/fake-io.ts'
import { createTestDatabase, silentLog, type TestDatabase } from './harness/test-database.ts'

const shared = vi.hoisted(() => ({ database: undefined as unknown, opened: 0 }))
vi.mock('../src/open-database.ts', () => ({
  openDatabase: async () => {
    shared.opened += 1
    return shared.database
  },
}))

const now = new Date('2026-03-10T09:30:00Z')
let test: TestDatabase
let env: NodeJS.ProcessEnv
let dataDir: string
let story: Story
let base: Context

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now })
  test = await createTestDatabase('pglite')
  const database = createDatabase(test.pool, 'pglite')
  shared.database = {
    database,
    pool: test.pool,
    embedded: undefined,
    close: async () => {},
  } satisfies OpenDatabase
  dataDir = await mkdtemp(join(tmpdir(), 'people-'))
  await mkdir(join(dataDir, 'pg'))
  env = { DATA_DIR: dataDir, SECRET_KEY: 'k'.repeat(32), TZ: 'Europe/Lisbon', HOME: dataDir }
  const signal = AbortSignal.timeout(60_000)
  const accounts = createAccounts(database)
  await prepareOwner(accounts, signal)
  await test.pool.query(`update users set name = 'ana'`)
  const owner = await accounts.findOwner(signal)
  const [project] = await accounts.listProjects(owner?.organizationId ?? '', signal)
  if (!owner || !project) throw new Error('no owner')
  base = {
    principal: {
      ...owner,
      role: 'owner',
      scopes: allScopes,
      credential: { kind: 'local', id: owner.userId },
      client: { name: 'editor', version: '' },
    },
    project,
    requestId: 'test',
    signal,
    now,
    newId: uuidv7,
    log: silentLog,
    source: 'person',
  }
  story = await seedStory(base, createMemory(database))
})
afterAll(async () => {
  vi.useRealTimers()
  await test.close()
  await rm(dataDir, { recursive: true })
})
beforeEach(() => void (shared.opened = 0))

const sm = async (...args: string[]) => runCommand(env, ...args)
const at = async (terminal: FakeTerminal, ...args: string[]) =>
  runOnTerminal(terminal, { ...env, NO_COLOR: '1' }, ...args)
const json = async (...args: string[]) =>
  JSON.parse((await sm(...args, '--json')).stdout) as Record<string, never>
const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length))
const escape = '\u001B'

describe('status', () => {
  it('says what is there, and fits the terminal [cli.status]', async () => {
    const { stdout } = await at({ columns: 60 }, 'status')
    expect(widest(stdout)).toBeLessThanOrEqual(60)
    expect(
      stdout
        .replace(/~?\/?\S*people-\w+/, '<data>')
        .replace(/Node.js [\d.]+/, 'Node.js <version>')
        .replace(/stackmemory \d\S+,/, 'stackmemory <version>,')
        .replace(/PostgreSQL [\d.]+/, 'PostgreSQL <version>')
        .replace(/\d{4}_\w+/, '<schema>'),
    ).toMatchInlineSnapshot(`
      "Project      personal/default
      Data         <data>, 0 kB
      Open in      nobody; a command or client opens it when it is
                   needed
      Versions     stackmemory <version>, schema
                   <schema>, PostgreSQL <version>
                   (embedded), Node.js <version>
      Memory       2 frames (0 open), 3 events, 2 statements in
                   force (1 superseded), 1 task (1 ready)
      Last active  Sun 2026-03-08 09:58 (1 day ago)

      Ready tasks
      Ref  Status  Priority  Title                       Changed
      T6   ready   medium    Delete sessions that have…  1 day ago
      "
    `)
  })

  it('answers with one shape as JSON [cli.json]', async () => {
    expect(await json('status')).toMatchObject({
      project: 'personal/default',
      kind: 'embedded',
      location: dataDir,
      owner: null,
      counts: {
        frames: 2,
        openFrames: 0,
        events: 3,
        statementsInForce: 2,
        statementsSuperseded: 1,
        tasks: 1,
        openTasks: 1,
        readyTasks: 1,
      },
      lastActivityAt: '2026-03-08T09:58:00.000Z',
      openFrames: [],
      readyTasks: [{ ref: story.task, title: 'Delete sessions that have ended, every night' }],
      versions: { schema: expect.stringMatching(/^\d{4}_/), database: expect.stringMatching(/^\d/) },
    })
  })
})

describe('log', () => {
  it('tells what happened, newest first, as in a pipe [cli.log]', async () => {
    expect((await sm('log')).stdout).toMatchInlineSnapshot(`
      "F4  frame, handoff
      Do without Redis
      Sun 2026-03-08 09:58 (1 day ago), ana via codex

          Do without Redis: handoff, 28 minutes, 1 error, 1 observation
          Goal: One database less to run.
          Sessions are in PostgreSQL now, and tested with two tabs.
          Decisions:
          - D5 (decision) Sessions live in PostgreSQL, in the table sessions, for 24 hours.
          Next steps:
          - Keep the cart in the column sessions.data, and empty it at checkout.
          Errors:
          - duplicate key value violates unique constraint "sessions_pkey"
          Files: src/session/store.ts

      T6  task, todo
      Sun 2026-03-08 09:51 (1 day ago), ana via codex

          Delete sessions that have ended, every night

      F4.1  error
      Sun 2026-03-08 09:44 (1 day ago), ana via codex, in F4 Do without Redis

          duplicate key value violates unique constraint "sessions_pkey"

      D5  decision, active
      Sun 2026-03-08 09:37 (1 day ago), ana via codex, in F4 Do without Redis

          Sessions live in PostgreSQL, in the table sessions, for 24 hours.
          Why: The new hosting has no Redis, and 400 sessions are few.
          Files: src/session/store.ts

      F1  frame, done
      Keep customers signed in when we deploy
      Wed 2026-03-04 09:58 (5 days ago), ana via claude-code

          Keep customers signed in when we deploy: done, 28 minutes, 1 message
          Goal: A deploy signs nobody out.
          Sessions survive a deploy.
          Decisions:
          - D2 (decision) Sessions live in Redis, under the session id, for 24 hours.
          - D3 (constraint) Never write a session token to a log, not even its beginning.
          Files: src/session/store.ts

      D3  constraint, active
      Wed 2026-03-04 09:51 (5 days ago), ana via claude-code, in F1 Keep customers signed in when we deploy

          Never write a session token to a log, not even its beginning.
          Files: src/session/store.ts

      D2  decision, superseded by D5
      Wed 2026-03-04 09:44 (5 days ago), ana via claude-code, in F1 Keep customers signed in when we deploy

          Sessions live in Redis, under the session id, for 24 hours.
          Why: It is there already, for the queue.
          Files: src/session/store.ts
      "
    `)
  })

  it('takes one line each [cli.log]', async () => {
    const { stdout } = await at({ columns: 70 }, 'log', '--oneline')
    expect(widest(stdout)).toBeLessThanOrEqual(70)
    expect(stdout).toMatchInlineSnapshot(`
      "F4   Sun 2026-03-08 frame (handoff): Do without Redis
      T6   Sun 2026-03-08 task (todo): Delete sessions that have ended, eve…
      F4.1 Sun 2026-03-08 error: duplicate key value violates unique constr…
      D5   Sun 2026-03-08 decision (active): Sessions live in PostgreSQL, i…
      F1   Wed 2026-03-04 frame (done): Keep customers signed in when we de…
      D3   Wed 2026-03-04 constraint (active): Never write a session token…
      D2   Wed 2026-03-04 decision (superseded): Sessions live in Redis, un…
      "
    `)
  })

  it('filters by kind, time, author, frame and number [cli.log]', async () => {
    const refs = async (...args: string[]) => {
      const { entries } = (await json('log', ...args)) as unknown as { entries: { ref: string }[] }
      return entries.map(({ ref }) => ref)
    }
    expect(await refs('--kind', 'decision')).toEqual([story.inForce, story.superseded])
    expect(await refs('--kind', 'constraint,task')).toEqual([story.task, story.constraint])
    expect(await refs('--kind', 'error')).toEqual([story.error])
    expect(await refs('--since', '3d')).toEqual([story.handoff, story.task, story.error, story.inForce])
    expect(await refs('--until', '2026-03-05')).toEqual(['F1', story.constraint, story.superseded])
    expect(await refs('--author', 'CODEX', '-n', '2')).toEqual([story.handoff, story.task])
    expect(await refs('--frame', story.handoff)).toEqual([
      story.handoff,
      story.fix,
      story.error,
      story.inForce,
    ])
    expect(await refs('--author', 'nobody')).toEqual([])
  })

  it('refuses what it does not understand, with a sentence [cli.log]', async () => {
    for (const [args, sentence] of [
      [['--since', 'soon'], /--since takes a date such as/],
      [['--since', '2026-02-30'], /--since takes a date such as/],
      [['--kind', 'gossip'], /--kind takes frame, task, decision/],
      [['-n', '0'], /--limit takes a whole number from 1 to 1000/],
    ] as const)
      expect(await sm('log', ...args)).toMatchObject({
        exitCode: 2,
        stdout: '',
        stderr: expect.stringMatching(sentence),
      })
    expect((await sm('log', '--frame', 'F99')).exitCode).toBe(65)
  })
})

describe('search', () => {
  it('shows date, title, status, author and a snippet, best first [cli.search]', async () => {
    const { stdout } = await at({ columns: 72 }, 'search', 'where do sessions live', '-n', '3')
    expect(widest(stdout)).toBeLessThanOrEqual(72)
    expect(stdout).toMatchInlineSnapshot(`
      "D5      decision, active, Sun 2026-03-08 09:37 (1 day ago), ana via
              codex
              Sessions live in PostgreSQL, in the table sessions, for 24
              hours. Why: The new hosting has no Redis, and 400 sessions are
              few. Files: src/session/store.ts

      F1      digest, done, Wed 2026-03-04 09:58 (5 days ago), ana via
              claude-code
              Digest: Keep customers signed in when we deploy
              …- D2 (decision) Sessions live in Redis, under the session id,
              for 24 hours. - D3 (constraint) Never write a session token to a
              log, not even its beginning. Files: src/session/store.ts

      F4      digest, handoff, Sun 2026-03-08 09:58 (1 day ago), ana via codex
              Digest: Do without Redis
              …- D5 (decision) Sessions live in PostgreSQL, in the table
              sessions, for 24 hours. Next steps: - Keep the cart in the
              column sessions.data, and empty it at checkout. Errors: -
              duplicate key value violates unique constraint "sessions_pkey"
              Files: src…

      3 of 11; -n shows more. "stackmemory show D5" shows a whole one.
      "
    `)
  })

  it('makes bold what was looked for, only on a terminal and never with NO_COLOR [cli.colours]', async () => {
    const args = ['search', 'session', 'deploy'] as const
    const bold = `${escape}[1m`
    expect((await runOnTerminal({ columns: 80 }, env, ...args)).stdout).toContain(
      `${bold}deploy${escape}[22m`,
    )
    for (const { stdout } of [
      await runOnTerminal({ columns: 80 }, { ...env, NO_COLOR: '1' }, ...args),
      await runOnTerminal({ columns: 80 }, { ...env, TERM: 'dumb' }, ...args),
      await sm(...args),
    ]) {
      expect(stdout).toContain('deploy')
      expect(stdout).not.toContain(escape)
    }
  })

  it('passes its filters on, and answers with one shape as JSON [cli.search] [cli.json]', async () => {
    const found = await json('search', 'sessions', '--kind', 'decision', '--status', 'in_force')
    expect(found).toMatchObject({
      project: 'personal/default',
      matched: 1,
      nextCursor: null,
      hits: [
        {
          ref: story.inForce,
          kind: 'decision',
          status: 'active',
          supersededBy: null,
          author: 'ana via codex',
        },
      ],
    })
    const since = (await json('search', 'sessions', '--since', 'yesterday')) as unknown as { hits: unknown[] }
    expect(since.hits).toEqual([])
  })

  it('says what to do when nothing matches, and that is no failure [cli.empty]', async () => {
    expect(await sm('search', 'zeppelin')).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: expect.stringMatching(/^Nothing matches\. Use fewer or other words/),
    })
  })
})

describe('context', () => {
  it('is the raw Markdown of get_context in a pipe [cli.context]', async () => {
    const { stdout } = await sm(
      'context',
      'keep',
      'the',
      'cart',
      '--files',
      'src/session/store.ts',
      '--budget',
      '600',
    )
    expect(stdout).toMatch(/^<stackmemory receipt="[\w-]+">\n# Memory of personal\/default, 2026-03-10\n/)
    expect(stdout).toContain(`\n- ${story.constraint} constraint (`)
    expect(stdout.trimEnd()).toMatch(/<\/stackmemory>$/)
    expect(countTokens(stdout)).toBeLessThanOrEqual(600)
  })

  it('is for reading on a terminal, and says what it cost [cli.context]', async () => {
    const { stdout } = await at({ columns: 64 }, 'context', 'keep the cart', '--budget', '400')
    expect(widest(stdout)).toBeLessThanOrEqual(64)
    expect(stdout).not.toContain('<stackmemory')
    expect(stdout).toMatch(/^# Memory of personal\/default, 2026-03-10\n/)
    expect(stdout).toMatch(/\n\d+ of 400 tokens, receipt [\w-]+\n$/)
  })

  it('goes back in time, and refuses a budget that there is not [cli.context]', async () => {
    const { stdout } = await sm('context', 'sessions', '--as-of', '2026-03-05')
    expect(stdout).toContain('Redis')
    expect(stdout).not.toContain('PostgreSQL')
    expect((await sm('context', '--budget', '10')).stderr).toMatch(
      /--budget takes a whole number from 200 to 8000/,
    )
    expect((await sm('context', '--detail', 'much')).exitCode).toBe(2)
  })
})

describe('tasks', () => {
  it('adds, starts, finishes and lists them [cli.tasks]', async () => {
    const added = await json(
      'tasks',
      'add',
      'Load test with 500 sessions',
      '--priority',
      'high',
      '--after',
      story.task,
    )
    const ref = String(added['ref'])
    expect((await sm('tasks')).stdout).toMatch(
      new RegExp(`^${story.task} +ready +medium .*\n${ref} +waits for ${story.task}  high +Load test`),
    )
    expect((await sm('tasks', 'start', story.task)).stdout).toBe(
      `${story.task} is in progress: Delete sessions that have ended, every night\n`,
    )
    expect((await sm('tasks', '--mine')).stdout).toMatch(
      new RegExp(`^${story.task} +in progress .* ana +just now\n$`),
    )
    expect((await sm('tasks', 'done', story.task, ref, '--note', 'both at once')).stdout).toMatch(
      / is done: .*\n.* is done: Load/,
    )
    expect(await sm('tasks')).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: expect.stringContaining('stackmemory tasks add "what to do"'),
    })
    expect(await json('tasks', '--status', 'done')).toMatchObject({
      project: 'personal/default',
      tasks: [{ status: 'done', note: 'both at once' }, { status: 'done' }],
      metrics: { done: 2, ready: 0 },
    })
    await sm('tasks', 'cancel', ref)
    expect((await sm('tasks', 'reopen', story.task)).exitCode).toBe(0)
  })

  it('says which it changed before one was refused [cli.tasks]', async () => {
    const failed = await sm('tasks', 'start', story.task, 'T99')
    expect(failed.exitCode).toBe(65)
    expect(failed.stderr).toMatch(new RegExp(`Changed before it failed:\n${story.task} is in progress`))
    expect(failed.stderr).toContain('There is no task T99 in this project')
    await sm('tasks', 'reopen', story.task)
  })

  it('leaves columns out, and cuts titles, to fit [cli.width]', async () => {
    for (const columns of [24, 40, 60, 100]) {
      const { stdout } = await at({ columns }, 'tasks')
      expect(widest(stdout)).toBeLessThanOrEqual(columns)
      expect(stdout).toContain('Delete')
    }
    expect((await sm('tasks')).stdout).toContain('Delete sessions that have ended, every night')
  })
})

describe('show', () => {
  it('shows whole memories with their history [cli.show]', async () => {
    expect((await at({ columns: 72 }, 'show', story.superseded, '--history')).stdout).toMatchInlineSnapshot(`
      "D2  decision, superseded by D5
      Wed 2026-03-04 09:44 (5 days ago), ana via claude-code, in F1 Keep
      customers signed in when we deploy

          Sessions live in Redis, under the session id, for 24 hours.
          Why: It is there already, for the queue.
          Files: src/session/store.ts

      Version 1, active, Wed 2026-03-04 09:44, ana via claude-code
          Sessions live in Redis, under the session id, for 24 hours.

      Version 2, superseded, Sun 2026-03-08 09:37, ana via codex: Replaced by
      D5
          Sessions live in Redis, under the session id, for 24 hours.
      "
    `)
    const { stdout, stderr } = await sm('show', story.error, 'D99', '--around')
    expect(stdout).toContain(`${story.fix}  observation, assistant`)
    expect(stderr).toBe('Not in this project: D99.\n')
    expect((await sm('show', 'D99')).exitCode).toBe(65)
    expect((await sm('show', 'nonsense')).exitCode).toBe(65)
  })
})

describe('on any command', () => {
  it('nothing of a stored text reaches the terminal as a command [cli.escapes]', async () => {
    const evil = `red ${escape}[31m title ${escape}]0;owned\u0007 \u009B2J \u202Edesrever\u202C \u200Bhidden\u{E0041} bell\u0007`
    // As nothing of ours would store it: straight into the tables.
    const add = await sm('tasks', 'add', 'placeholder of the evil one')
    expect(add.exitCode).toBe(0)
    await test.pool.query(`update tasks set title = $1, note = $1 where title like 'placeholder%'`, [evil])
    await test.pool.query(`update anchors set rationale = $1, author_name = $1 where status = 'superseded'`, [
      evil,
    ])
    await test.pool.query(`update events set content = content || $1, actor = $1 where is_error`, [evil])
    const commands = [
      ['status'],
      ['log'],
      ['log', '--oneline'],
      ['log', '--frame', story.handoff],
      ['search', 'duplicate', 'placeholder'],
      ['context', 'duplicate key placeholder'],
      ['tasks'],
      ['show', story.superseded, story.error, '--history', '--around'],
    ]
    const unsafe =
      /(?!\n)\p{Control}|[\u{200B}\u{200E}\u{200F}\u{202A}-\u{202E}\u{2066}-\u{2069}\u{E0000}-\u{E0FFF}]/u
    let shown = ''
    for (const command of commands)
      for (const { stdout, stderr, exitCode } of [
        await at({ columns: 90 }, ...command),
        await sm(...command),
        await sm(...command, '--json'),
      ]) {
        expect(exitCode, command.join(' ')).toBe(0)
        expect(unsafe.exec(stdout + stderr), command.join(' ')).toBeNull()
        shown += stdout
      }
    expect(shown).toContain('desrever')
    const { items } = (await json('show', story.error)) as unknown as { items: { text: string }[] }
    expect(items[0]?.text).toContain(evil) // as JSON it is whole, and escaped
    await test.pool.query(
      `delete from task_versions; delete from search_entries where item_kind = 'task' and item_id in (select id from tasks where title like 'red %')`,
    )
    await test.pool.query(`delete from tasks where title like 'red %'`)
  })

  it('more than a screen goes through the pager, and a pager that is missing is no loss [cli.pager]', async () => {
    const paged: string[] = []
    const page = (answer: boolean) => async (text: string) => {
      paged.push(text)
      return answer
    }
    const short = await at({ columns: 80, rows: 200, page: page(true) }, 'log')
    expect([short.stdout.length > 0, paged]).toEqual([true, []])
    const long = await at({ columns: 80, rows: 10, page: page(true) }, 'log')
    expect(long.stdout).toBe('')
    expect(paged).toEqual([short.stdout])
    const missing = await at({ columns: 80, rows: 10, page: page(false) }, 'log')
    expect(missing.stdout).toBe(short.stdout)
    const piped = createFakeIo(env)
    piped.io.page = page(true)
    expect((await sm('log')).stdout).not.toBe('')
    expect(paged).toHaveLength(2)
  })

  it('reading creates no memory where there is none [cli.reads-only]', async () => {
    const nowhere = { ...env, DATA_DIR: join(dataDir, 'nowhere') }
    for (const command of [
      ['status'],
      ['log'],
      ['search', 'x'],
      ['context'],
      ['tasks'],
      ['tasks', 'done', 'T1'],
      ['show', 'D1'],
    ])
      expect(await runCommand(nowhere, ...command)).toMatchObject({
        exitCode: 65,
        stdout: '',
        stderr: expect.stringMatching(/There is no memory in .* yet\. Begin one with "stackmemory serve"/),
      })
    expect(shared.opened).toBe(0)
  })

  it('a project is chosen by name, and asked for when there are several [cli.project]', async () => {
    await sm('projects', 'create', 'empty')
    expect(await sm('log')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('personal/empty') })
    expect(await sm('log', '--project', 'empty')).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: expect.stringContaining('Connect an agent, or bring memory in with "stackmemory import"'),
    })
    expect((await sm('status', '--project', 'empty')).stdout).toContain('Nothing is recorded yet.')
    const clone = join(dataDir, 'clone')
    await mkdir(join(clone, '.git', 'objects'), { recursive: true })
    await mkdir(join(clone, '.git', 'refs'))
    await mkdir(join(clone, 'src'))
    await writeFile(join(clone, '.git', 'HEAD'), 'ref: refs/heads/main\n')
    await writeFile(
      join(clone, '.git', 'config'),
      '[remote "origin"]\n\turl = git@example.org:ana/shop.git\n',
    )
    const inClone = async (...args: string[]) => {
      const command = createFakeIo(env)
      command.io.cwd = join(clone, 'src')
      await run(['node', 'stackmemory', ...args], command.io)
      return { stdout: command.stdout(), exitCode: command.exitCode() }
    }
    expect((await inClone('tasks', 'add', 'Of nobody')).exitCode).toBe(2)
    await test.pool.query(
      `insert into repositories (organization_id, identity, project_id)
       select organization_id, 'example.org/ana/shop', id from projects where slug = 'empty'`,
    )
    expect((await inClone('tasks', 'add', 'Of the clone')).stdout).toBe('Added T1 to personal/empty.\n')
    expect((await inClone('tasks')).stdout).toMatch(/^T1 .*Of the clone/)
    expect((await inClone('tasks', '--project', 'default')).stdout).not.toContain('Of the clone')
    await test.pool.query(`update projects set deleted_at = now() where slug = 'empty'`)
    expect((await sm('projects', 'create', 'scratch--mine')).stderr).toContain(
      'Names that begin with scratch--',
    )
  })
})

describe('demo', () => {
  const rowsOfAll = async () => {
    const { rows: tables } = await test.pool.query<{ name: string }>(
      `select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' order by 1`,
    )
    const contents: Record<string, unknown> = {}
    for (const { name } of tables) {
      const { rows } = await test.pool.query<{ content: string }>(
        `select coalesce(jsonb_agg(to_jsonb(t) order by to_jsonb(t)::text), '[]')::text as content from ${name} t`,
      )
      contents[name] = rows[0]?.content
    }
    return contents
  }

  it('proves recall, says what it proved, and touches nothing else [cli.demo]', async () => {
    const before = await rowsOfAll()
    const { stdout, exitCode } = await sm('demo')
    expect(exitCode).toBe(0)
    expect(stdout.match(/^ {2}ok /gm)).toHaveLength(8)
    expect(stdout).toContain('What was replaced does not stand above what replaced it')
    expect(await rowsOfAll()).toEqual(before)
    expect(await json('demo')).toMatchObject({ proved: true, proofs: expect.arrayContaining([]) })
  })

  const told = (change: (answers: Answers) => Answers) => async (ctx: Context) => {
    const { bundle, whereSessions, found } = await askReally(ctx)
    return change({ bundle, whereSessions, found })
  }
  const askReally = async (ctx: Context): Promise<Answers> => {
    const memory = createMemory((shared.database as OpenDatabase).database)
    const { getContext, getContextInput } = await import('../src/domain/bundle/get-context.ts')
    const { searchMemory, searchMemoryInput } = await import('../src/domain/search/search-memory.ts')
    return {
      bundle: await getContext(
        ctx,
        memory,
        getContextInput.parse({ query: 'keep the cart in the session', budget_tokens: 900 }),
      ),
      whereSessions: await searchMemory(
        ctx,
        memory,
        searchMemoryInput.parse({ query: 'where do sessions live' }),
      ),
      found: await searchMemory(
        ctx,
        memory,
        searchMemoryInput.parse({ query: 'duplicate key sessions_pkey', limit: 3 }),
      ),
    }
  }

  it('ends with 1 when a proof fails, and removes its project all the same [cli.demo]', async () => {
    const before = await rowsOfAll()
    const wrong: [RegExp, (answers: Answers) => Answers][] = [
      [
        /FAIL.*in force: D\d+ is missing/,
        (each) => ({
          ...each,
          bundle: { ...each.bundle, text: each.bundle.text.replace(/^- D\d+ decision.*$/gm, '') },
        }),
      ],
      [
        /FAIL.*What was replaced/,
        (each) => ({
          ...each,
          whereSessions: { ...each.whereSessions, hits: each.whereSessions.hits.toReversed() },
        }),
      ],
      [
        /FAIL.*What was replaced/,
        (each) => ({
          ...each,
          whereSessions: {
            ...each.whereSessions,
            hits: each.whereSessions.hits.map((hit) => ({ ...hit, supersededBy: null })),
          },
        }),
      ],
      [
        /FAIL.*budget/,
        (each) => ({ ...each, bundle: { ...each.bundle, text: each.bundle.text + ' word'.repeat(900) } }),
      ],
      [/FAIL.*error/, (each) => ({ ...each, found: { ...each.found, hits: [] } })],
    ]
    for (const [sentence, change] of wrong) {
      const command = createFakeIo(env)
      await demo(command.io, {}, told(change))
      expect(command.exitCode(), String(sentence)).toBe(1)
      expect(command.stdout()).toMatch(sentence)
      expect(command.stdout()).toContain('Not proved')
    }
    expect(await rowsOfAll()).toEqual(before)
  })

  it('is stopped without a trace, also in the middle of an answer [cli.demo]', async () => {
    const before = await rowsOfAll()
    const command = createFakeIo(env)
    const stopped = demo(command.io, {}, async (ctx) => {
      command.stop()
      await new Promise((resolve) => setTimeout(resolve, 5))
      return askReally(ctx)
    })
    await expect(stopped).rejects.toMatchObject({
      exitCode: 130,
      message: expect.stringContaining('is removed'),
    })
    expect(await rowsOfAll()).toEqual(before)
    await expect(
      demo(createFakeIo(env).io, {}, async () => {
        throw new Error('broken')
      }),
    ).rejects.toThrow('broken')
    expect(await rowsOfAll()).toEqual(before)
  })

  it('removes what a demo that was killed has left, and no younger one [cli.demo]', async () => {
    const left = async (id: string, minutes: number) =>
      test.pool.query(
        `insert into projects (id, organization_id, user_id, slug, name, created_at)
         select $1::uuid, organization_id, user_id, 'scratch--' || $2, 'Demo', $3 from projects limit 1`,
        [id, id.slice(-12), new Date(now.getTime() - minutes * 60_000)],
      )
    const [old, young] = [uuidv7(), uuidv7()]
    await left(old, 11)
    await left(young, 9)
    expect((await sm('projects', 'list')).stdout).not.toContain('scratch--')
    await sm('demo')
    const { rows } = await test.pool.query(`select id from projects where slug like 'scratch--%'`)
    expect(rows).toEqual([{ id: young }])
    await test.pool.query('delete from projects where id = $1', [young])
  })

  it('proves nothing from empty answers [cli.demo]', () => {
    const none = { hits: [], matched: 0, nextCursor: null }
    const summary = { receipt: '', as_of: '', tokens: 1, budget_tokens: 900, shown: 0, left_out: 0 }
    const proofs = proveRecall({ bundle: { text: '', summary }, whereSessions: none, found: none }, story)
    expect(proofs.filter((proof) => proof.isProved).map(({ claim }) => claim)).toEqual([
      'The whole answer fits the budget that was given',
    ])
  })
})
