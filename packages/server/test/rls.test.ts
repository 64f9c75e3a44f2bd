/**
 * The second fence, tried without the first: statements as the application's role could send them, with a
 * project set, with another one, and with none.
 */
import { randomBytes } from 'node:crypto'
import { Client, type Pool, type PoolClient } from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokenise, toTsquery } from '../src/domain/retrieval/tokenise.ts'
import '../src/app.ts' // so that every statement is defined
import { scratchTables } from '../src/postgres/scratch-projects.ts'
import { definedStatements } from '../src/postgres/statement.ts'
import { engines } from './harness/test-database.ts'
import { importTwice } from './support/import-twice.ts'
import { createWorld, type World } from './support/world.ts'

type Role = 'stackmemory_app' | 'stackmemory_account' | 'stackmemory_search' | 'stackmemory_scratch'
type Run = <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>

const memoryTables = [
  'project_counters',
  'frames',
  'frame_moves',
  'events',
  'anchors',
  'anchor_versions',
  'digests',
  'tasks',
  'task_versions',
  'task_dependencies',
  'receipts',
  'idempotency_keys',
  'search_entries',
  'imports',
  'digest_versions',
]
const accountTables = ['organizations', 'users', 'memberships', 'repositories', 'api_keys']
const appendOnly = ['digest_versions', 'frame_moves', 'anchor_versions', 'task_versions', 'receipts']
const denied = { code: '42501' }

describe.each(engines)('row-level security on %s', (engine) => {
  let world: World
  let login: Client | undefined
  let a: string
  let b: string

  beforeAll(async () => {
    world = await createWorld(engine)
    const [first, second] = [world.acme.main, world.globex.main]
    for (const [person, project] of [
      [world.owner, first],
      [world.globex.people.owner, second],
    ] as const) {
      const user = world.user(person, { project })
      const root = await user.start({ name: 'Root' })
      const mine = await user.start({ name: 'Mine', parent: root.ref })
      await world.user(world.member, { project, organizationId: person.organizationId }).start({
        name: 'Guest',
        parent: mine.ref,
      })
      await user.record({ frame: root.ref, events: [{ content: 'canary event' }] })
      await user.decide({ content: 'canary decision', idempotency_key: 'k' })
      const task = await user.task({ title: 'canary task' })
      await user.task({ title: 'waiting', blocked_by: [task.ref] })
      await user.close({ frame: mine.ref })
      await user.context({ query: 'canary' })
      await importTwice(world.as(person, { project }), world.memory)
    }
    ;[a, b] = [first.id, second.id]
    login = world.test.url === undefined ? undefined : await createLogin(world.test.pool, world.test.url)
  })
  afterAll(async () => {
    await login?.end()
    await world.close()
  })

  /** One transaction in a role, with a project set or not; always rolled back. */
  const inRole = async <T>(
    role: Role,
    project: string | undefined,
    work: (run: Run) => Promise<T>,
  ): Promise<T> => {
    const pooled: PoolClient | undefined = login ? undefined : await world.test.pool.connect()
    const client = login ?? pooled
    if (!client) throw new Error('no connection')
    try {
      await client.query('begin')
      await client.query(`set local role ${role}`)
      if (project !== undefined)
        await client.query(`select set_config('app.project_id', $1, true)`, [project])
      return await work(
        async <Row>(text: string, values: unknown[] = []) => (await client.query(text, values)).rows as Row[],
      )
    } finally {
      await client.query('rollback')
      pooled?.release()
    }
  }
  const count = async (run: Run, table: string, where = 'true') =>
    (await run<{ n: number }>(`select count(*)::int as n from ${table} where ${where}`))[0]?.n

  it.skipIf(engine === 'pglite')(
    'is tried by a login that is neither owner nor superuser [rls.isolated]',
    async () => {
      const { rows } = (await login?.query(
        `select r.rolsuper as super, r.rolbypassrls as bypass, exists (select from pg_class c
         where c.relnamespace = 'public'::regnamespace and pg_has_role(session_user, c.relowner, 'member')) as owns
       from pg_roles r where r.rolname = session_user`,
      )) ?? { rows: [] }
      expect(rows).toEqual([{ super: false, bypass: false, owns: false }])
      await expect(login?.query('select 1 from anchors')).rejects.toMatchObject(denied)
    },
  )

  it('is on, and forced on the owner too, for every table of memory [rls.isolated]', async () => {
    const { rows } = await world.test.pool.query<{
      name: string
      enabled: boolean
      forced: boolean
      project: boolean
    }>(
      `select relname as name, relrowsecurity as enabled, relforcerowsecurity as forced,
         exists (select from pg_attribute where attrelid = c.oid and attname = 'project_id') as project
       from pg_class c where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`,
    )
    const withProject = rows.filter((row) => row.project && !accountTables.includes(row.name))
    expect(withProject.map((row) => row.name).toSorted()).toEqual(memoryTables.toSorted())
    expect(withProject.filter((row) => !(row.enabled && row.forced))).toEqual([])
  })

  it('shows nothing while no project is set [rls.isolated]', async () => {
    await inRole('stackmemory_app', undefined, async (run) => {
      for (const table of [...memoryTables, 'projects'])
        expect([table, await count(run, table)]).toEqual([table, 0])
    })
    await inRole('stackmemory_app', '', async (run) => {
      for (const table of memoryTables) expect([table, await count(run, table)]).toEqual([table, 0])
    })
  })

  it('shows one project all of its rows and none of another [rls.isolated]', async () => {
    for (const [own, other] of [
      [a, b],
      [b, a],
    ] as const)
      await inRole('stackmemory_app', own, async (run) => {
        for (const table of memoryTables) {
          expect([table, (await count(run, table)) ?? 0]).not.toEqual([table, 0])
          expect([table, await count(run, table, `project_id = '${other}'`)]).toEqual([table, 0])
        }
        expect(await run('select id from projects')).toEqual([{ id: own }])
      })
  })

  it('takes no row for another project, and changes none of it [rls.isolated]', async () => {
    for (const table of memoryTables)
      await expect(
        inRole('stackmemory_app', a, async (run) => {
          const [row] = await run<{ row: string }>(`select to_jsonb(t)::text as row from ${table} t limit 1`)
          await run(
            `insert into ${table} select * from jsonb_populate_record(null::${table},
               $1::jsonb || jsonb_build_object('project_id', $2::text))`,
            [row?.row, b],
          )
        }),
        table,
      ).rejects.toMatchObject(denied)
    await inRole('stackmemory_app', a, async (run) => {
      for (const table of ['frames', 'anchors', 'digests', 'tasks'])
        expect(
          await run(`update ${table} set deleted_at = now() where project_id = $1 returning 1`, [b]),
        ).toEqual([])
      expect(await run(`delete from search_entries where project_id = $1 returning 1`, [b])).toEqual([])
    })
    await expect(
      inRole('stackmemory_app', a, async (run) => run('update anchors set project_id = $1', [b])),
    ).rejects.toMatchObject(denied)
  })

  it('keeps what was said as it was said: events and versions are only added [rls.isolated]', async () => {
    const { rows } = await world.test.pool.query<{ name: string }>(
      `select attname as name from pg_attribute where attrelid = 'events'::regclass and attnum > 0`,
    )
    // The key is no part of what was said; it is given back when an import is taken back.
    const free = ['deleted_at', 'external_key']
    for (const { name } of rows.filter((row) => !free.includes(row.name)))
      await expect(
        inRole('stackmemory_app', a, async (run) => run(`update events set ${name} = ${name}`)),
        name,
      ).rejects.toMatchObject(denied)
    await inRole('stackmemory_app', a, async (run) => {
      expect(await run('update events set deleted_at = now() returning 1')).not.toEqual([])
    })
    for (const table of memoryTables.filter(
      (each) => !['receipts', 'search_entries', 'idempotency_keys'].includes(each),
    ))
      await expect(
        inRole('stackmemory_app', a, async (run) => run(`delete from ${table}`)),
        table,
      ).rejects.toMatchObject(denied)
    for (const table of appendOnly)
      await expect(
        inRole('stackmemory_app', a, async (run) => run(`update ${table} set project_id = project_id`)),
        table,
      ).rejects.toMatchObject(denied)
    for (const table of [...memoryTables, ...accountTables, 'projects'])
      await expect(
        inRole('stackmemory_app', a, async (run) => run(`truncate ${table} cascade`)),
        table,
      ).rejects.toMatchObject(denied)
  })

  it('lets one role delete, and only a scratch project, that of its transaction [rls.isolated]', async () => {
    const deleteAll = async (run: Run) => {
      const deleted: string[] = []
      for (const table of ['search_entries', 'receipts', 'events', 'projects'])
        if ((await run(`delete from ${table} returning 1`)).length > 0) deleted.push(table)
      return deleted
    }
    expect([...scratchTables, 'project_counters'].toSorted()).toEqual(memoryTables.toSorted())
    for (const project of [a, b, '', undefined])
      expect(await inRole('stackmemory_scratch', project, deleteAll), String(project)).toEqual([])
    const scratch = uuidv7()
    await world.accounts.createProject(
      {
        id: scratch,
        organizationId: world.acme.id,
        userId: world.owner.id,
        slug: 'scratch--rls',
        name: 'Scratch',
        isScratch: true,
      },
      AbortSignal.timeout(10_000),
    )
    await inRole('stackmemory_scratch', scratch, async (run) => {
      expect(await run('select id from projects')).toEqual([{ id: scratch }])
      expect(await deleteAll(run)).toEqual(['projects'])
    })
    for (const text of [
      `update projects set name = 'x'`,
      `update events set deleted_at = now()`,
      `insert into project_counters (project_id) values ('${scratch}')`,
      `select 1 from users`,
      `select 1 from api_keys`,
      `truncate frames cascade`,
    ])
      await expect(
        inRole('stackmemory_scratch', scratch, async (run) => run(text)),
        text,
      ).rejects.toMatchObject(denied)
    expect(await world.accounts.deleteScratchProject(a, AbortSignal.timeout(10_000))).toBe(false)
    expect(await world.accounts.deleteScratchProject(scratch, AbortSignal.timeout(10_000))).toBe(true)
  })

  it('keeps accounts from the memory role and memory from the account role [rls.isolated]', async () => {
    for (const table of accountTables)
      for (const role of ['stackmemory_app', 'stackmemory_search'] as const)
        await expect(
          inRole(role, a, async (run) => run(`select 1 from ${table}`)),
          `${role} ${table}`,
        ).rejects.toMatchObject(denied)
    for (const table of memoryTables) {
      for (const text of [
        `select 1 from ${table}`,
        `delete from ${table}`,
        `update ${table} set project_id = project_id`,
      ])
        await expect(
          inRole('stackmemory_account', a, async (run) => run(text)),
          text,
        ).rejects.toMatchObject(denied)
      if (table !== 'search_entries')
        await expect(
          inRole('stackmemory_search', a, async (run) => run(`select 1 from ${table}`)),
          table,
        ).rejects.toMatchObject(denied)
    }
    await expect(
      inRole('stackmemory_account', a, async (run) =>
        run(`select * from search_statistics($1, '{x}', null)`, [a]),
      ),
    ).rejects.toMatchObject(denied)
    await inRole('stackmemory_account', undefined, async (run) => {
      expect(await count(run, 'projects')).toBeGreaterThan(1)
    })
    await expect(
      inRole('stackmemory_app', a, async (run) => run(`update projects set name = 'mine'`)),
    ).rejects.toMatchObject(denied)
  })

  const candidates = `select item_id from search_candidates($1, 'canari'::tsquery, array['canari'::tsquery], '{1}', '{canari}', null,
    null, null, null, null, null, null, null, 100, 10)`

  it('answers a search for the project of the transaction only [rls.isolated]', async () => {
    expect(tokenise('canary')).toEqual(['canari'])
    await inRole('stackmemory_app', a, async (run) => {
      expect(await run(candidates, [a])).toHaveLength(3)
      expect(await run(candidates, [b])).toEqual([])
      expect(await run(`select df::int from search_statistics($1, '{canari}', null)`, [a])).toEqual([
        { df: 3 },
      ])
      expect(await run(`select df::int from search_statistics($1, '{canari}', null)`, [b])).toEqual([
        { df: 0 },
      ])
    })
    const statements = `select item_id from search_statements($1, 'canari'::tsquery, '{canari}', 100)`
    await inRole('stackmemory_app', a, async (run) => {
      expect(await run(statements, [a])).toHaveLength(1)
      expect(await run(statements, [b])).toEqual([])
    })
    await inRole('stackmemory_app', undefined, async (run) => {
      expect(await run(statements, [a])).toEqual([])
      expect(await run(candidates, [a])).toEqual([])
      expect(await run(`select df::int from search_statistics($1, '{canari}', null)`, [a])).toEqual([
        { df: 0 },
      ])
    })
  })

  it('ends with the transaction: the next one of the connection has no project [rls.isolated]', async () => {
    await inRole('stackmemory_app', a, async (run) => count(run, 'anchors'))
    await inRole('stackmemory_app', undefined, async (run) => {
      expect(await count(run, 'anchors')).toBe(0)
    })
    const signal = AbortSignal.timeout(10_000)
    await world.database.transact({ role: 'stackmemory_app', projectId: a, signal }, async () => undefined)
    const left = await world.database.transact({ role: 'stackmemory_account', signal }, async (tx) =>
      tx.run<{ held: string | null }, readonly []>(
        {
          name: 'test.held-project',
          text: `select nullif(current_setting('app.project_id', true), '') as held`,
        },
        [],
      ),
    )
    expect(left).toEqual([{ held: null }])
  })

  it(
    'uses the full-text index where the memory role itself could not [rls.search-plan]',
    { timeout: 120_000 },
    async () => {
      const project = await world.newProject()
      await fillIndex(world.test.pool, project.id, 20_000)
      const { rows } = await world.test.pool.query<{ body: string }>(
        `select prosrc as body from pg_proc where proname = 'search_candidates'`,
      )
      const lexeme = 'rareword'
      const body = inlined(rows[0]?.body ?? '', {
        p_project: `'${project.id}'::uuid`,
        p_gate: `${quote(toTsquery([lexeme]))}::tsquery`,
        q1: `'${lexeme}'::tsquery`,
        w1: `1::float8`,
        p_lexemes: `'{${lexeme}}'::text[]`,
        p_limit: '600',
        p_average_length: '10::float8',
      })
      const explain = async (role: Role, text: string) =>
        inRole(role, project.id, async (run) => {
          await run(`set local jit = off`)
          return (await run<{ 'QUERY PLAN': string }>(`explain ${text}`))
            .map((row) => row['QUERY PLAN'])
            .join('\n')
        })
      const plan = await explain('stackmemory_search', body)
      expect(plan).toMatch(/Bitmap Index Scan on search_entries_tsv/)
      expect(plan).toMatch(/Index Cond: .*project_id = .*tsv @@/)
      const direct = await explain(
        'stackmemory_app',
        `select item_id from search_entries e where e.project_id = '${project.id}' and e.tsv @@ '${lexeme}'::tsquery`,
      )
      expect(direct).not.toMatch(/tsv @@.*\n?.*Bitmap Index Scan on search_entries_tsv/)
      expect(direct).not.toMatch(/Index Cond: .*tsv @@/)
      expect(direct).toMatch(/Filter: .*tsv @@/)
      await inRole('stackmemory_app', project.id, async (run) => {
        const found = await run<{ n: number }>(
          `select count(*)::int as n from search_candidates($1, $2::tsquery, array[$2::tsquery], '{1}', $3, null,
           null, null, null, null, null, null, null, 600, 10)`,
          [project.id, lexeme, [lexeme]],
        )
        expect(found).toEqual([{ n: 20 }])
      })
    },
  )

  it('leaves every statement of the server its rights: all can be prepared and planned [sql.prepare]', async () => {
    const statements = definedStatements()
    expect(statements.length).toBeGreaterThan(60)
    for (const { name, text } of statements) {
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63)
      const isAccount =
        name.startsWith('accounts.') || accountTables.some((table) => text.includes(` ${table} `))
      const role = name.startsWith('scratch.') ? 'stackmemory_scratch' : undefined
      await inRole(role ?? (isAccount ? 'stackmemory_account' : 'stackmemory_app'), a, async (run) => {
        const plan = async () => {
          await run(`prepare probe as ${text}`)
          const [held] = await run<{ types: string[] }>(
            `select parameter_types::text[] as types from pg_prepared_statements where name = 'probe'`,
          )
          const nulls = (held?.types ?? []).map((type) => `null::${type}`)
          // Planning alone checks the rights on every table and function.
          await run(`explain execute probe${nulls.length ? `(${nulls.join(', ')})` : ''}`)
        }
        await expect(plan(), name).resolves.toBeUndefined()
      })
      await inRole('stackmemory_app', a, async (run) => run('deallocate probe'))
    }
  })
})

const createLogin = async (pool: Pool, url: string): Promise<Client> => {
  const name = `login_${randomBytes(6).toString('hex')}`
  const password = randomBytes(12).toString('hex')
  await pool.query(`create role ${name} login noinherit password '${password}'`)
  for (const role of ['stackmemory_app', 'stackmemory_account', 'stackmemory_search', 'stackmemory_scratch'])
    await pool.query(`grant ${role} to ${name}`)
  const target = new URL(url)
  target.username = name
  target.password = password
  const client = new Client({ connectionString: target.href })
  await client.connect()
  return client
}

/** Rows of 12 lexemes; one in a thousand holds the rare word. */
const fillIndex = async (pool: Pool, projectId: string, rows: number) => {
  await pool.query(
    `insert into search_entries (project_id, item_id, ord, item_kind, kind, author_id, len, tokens, start_offset, end_offset,
       occurred_at, created_at, tsv)
     select $1, gen_random_uuid(), 0, 'event', 'message', $1, 12, 12, 0, 10, now(), now(),
       (select array_to_tsvector(array_agg(distinct 'w' || ((n * 7919 + k * 104729) % 5000))) from generate_series(1, 11) k)
         || case when n % 1000 = 0 then 'rareword:1'::tsvector else ''::tsvector end
     from generate_series(1, $2::int) n`,
    [projectId, rows],
  )
  await pool.query('vacuum analyze search_entries')
}

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`

/** The function's own query with values in the place of its variables; those not given are null. */
const inlined = (body: string, values: Record<string, string>) =>
  body
    .slice(body.indexOf('with best as'), body.lastIndexOf(';', body.lastIndexOf('end')))
    .replaceAll(/\b(?:p_[a-z_]+|[qw]\d+)\b/g, (variable) => values[variable] ?? nullOf(variable))

const nullOf = (parameter: string) => {
  if (/^[qw]\d/.test(parameter)) return parameter.startsWith('q') ? 'null::tsquery' : 'null::float8'
  const types: Record<string, string> = {
    p_as_of: 'timestamptz',
    p_since: 'timestamptz',
    p_until: 'timestamptz',
    p_author: 'uuid',
    p_branch: 'text',
  }
  return `null::${types[parameter] ?? 'text[]'}`
}
