import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { v7 as uuidv7 } from 'uuid'
import { importSession } from '../src/domain/ingest/import-session.ts'
import { limits } from '../src/domain/limits.ts'
import type { Project } from '../src/domain/context.ts'
import { readTranscript } from '../src/import/claude-code/read-transcript.ts'
import { toImportedSession } from '../src/import/claude-code/to-imported-session.ts'
import { engines } from './harness/test-database.ts'
import { createServedWorld, type ServedWorld } from './support/served-world.ts'
import { hooksOfTranscript } from './support/hooks-of-transcript.ts'
import { type Actor, hookMatrix } from './tenancy-matrix.ts'

type Payload = Record<string, unknown>
const fixtures = new URL('fixtures/hooks/', import.meta.url)
const readFixture = async (name: string): Promise<Payload> =>
  JSON.parse(await readFile(new URL(`${name}.json`, fixtures), 'utf8')) as Payload

describe.each(engines)('hooks on %s', (engine) => {
  let world: ServedWorld
  let key: string
  let project: Project

  beforeAll(async () => {
    world = await createServedWorld(engine)
    key = (await world.createKey(world.owner)).key
  })
  afterAll(async () => world.close())

  const freshProject = async () => (project = await world.newProject())
  const post = async (client: string, body: unknown, options: { as?: string; project?: string } = {}) => {
    const url = new URL(`/hooks/v1/${client}`, world.url)
    url.searchParams.set('project', options.project ?? `${project.organizationSlug}/${project.slug}`)
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${options.as ?? key}` },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as Payload) }
  }
  const send = async (name: string, changes: Payload = {}) => {
    const client = name.split('/')[0] ?? ''
    return post(client, { ...(await readFixture(name)), ...changes })
  }
  const contextOf = (answer: { body: Payload | undefined }): string => {
    const output = answer.body?.['hookSpecificOutput'] as { additionalContext?: string } | undefined
    return output?.additionalContext ?? ''
  }
  const rows = async (query: string): Promise<Payload[]> =>
    (await world.test.pool.query(query, [project.id])).rows as Payload[]
  const frames = async () => rows('select * from frames where project_id = $1 order by ref_no')
  const events = async () =>
    rows(`select e.*, f.external_key as frame_key from events e join frames f on f.project_id = e.project_id and f.id = e.frame_id
          where e.project_id = $1 and e.deleted_at is null order by f.ref_no, e.seq`)
  const digests = async () => rows('select * from digests where project_id = $1')
  const here = () => world.user(world.owner, { project })

  it('records a session of Claude Code as frames, events and a digest [hooks.capture]', async () => {
    await freshProject()
    for (const name of [
      'session-start',
      'user-prompt-submit',
      'post-tool-batch',
      'post-tool-use-bash',
      'post-tool-use-write',
      'post-tool-use-failure',
      'subagent-start',
      'post-tool-use-in-subagent',
      'subagent-stop',
      'stop',
      'session-end',
    ])
      expect([name, (await send(`claude-code/${name}`)).status]).toEqual([
        name,
        /start/.test(name) ? 204 : 200,
      ])
    const [session, agent] = await frames()
    expect(session).toMatchObject({
      name: 'Customers land on the home page after signing in. Find out why and fix it',
      external_key: 'claude-code:00893aaf-19fa-41d2-8238-13269b9b3ca0',
      type: 'session',
      status: 'closed',
      outcome: 'done',
      client_name: 'claude-code',
      source: 'agent',
    })
    expect(agent).toMatchObject({
      name: 'Agent Explore',
      parent_id: session?.['id'],
      status: 'closed',
      outcome: 'done',
    })
    const found = await events()
    expect(
      found.map((each) => [
        each['frame_key'] === session?.['external_key'],
        each['kind'],
        each['role'],
        each['content'],
      ]),
    ).toEqual([
      [true, 'message', 'user', 'Customers land on the home page after signing in. Find out why and fix it.'],
      [true, 'tool_call', 'assistant', 'Read src/auth/login.ts'],
      [true, 'tool_call', 'assistant', 'Read src/auth/session.ts'],
      [true, 'tool_call', 'assistant', 'Bash: npx vitest run test/login.test.ts'],
      [true, 'tool_result', 'tool', 'Test Files  1 passed (1)\n      Tests  7 passed (7)'],
      [true, 'tool_call', 'assistant', 'Write src/auth/return-to.ts (1 lines)'],
      [true, 'tool_call', 'assistant', 'Bash: npm test'],
      [true, 'error', 'tool', "Error: Cannot find module 'express'"],
      [true, 'message', 'assistant', expect.stringContaining('Fixed: returnTo is read')],
      [false, 'tool_call', 'assistant', 'Bash: git log --oneline -3 -- src/auth'],
      [false, 'tool_result', 'tool', 'a1b2c3d Regenerate the session at sign-in'],
      [false, 'message', 'assistant', expect.stringContaining('Analysis complete')],
    ])
    expect(found.map((each) => each['files']).flat()).toContain('src/auth/return-to.ts')
    const [digest] = (await digests()).filter((each) => each['frame_id'] === session?.['id'])
    expect(digest?.['text']).toContain('Fixed: returnTo is read')
    expect(digest?.['text']).toContain("Cannot find module 'express'")
  })

  it('records a session of Codex, with the files of its patches [hooks.codex]', async () => {
    await freshProject()
    expect((await send('codex/session-start')).status).toBe(204)
    for (const name of [
      'user-prompt-submit',
      'post-tool-use-shell',
      'post-tool-use-apply-patch',
      'post-tool-use-mcp',
      'stop',
    ])
      expect([name, (await send(`codex/${name}`)).status]).toEqual([name, 200])
    const found = await events()
    expect(found.map((each) => each['kind'])).toEqual([
      'message',
      'tool_call',
      'tool_result',
      'tool_call',
      'tool_call',
      'tool_result',
      'message',
    ])
    const patch = found.find((each) => each['tool'] === 'apply_patch')
    expect(patch?.['files']).toEqual(['src/auth/login.ts', 'src/auth/return-to.ts'])
    expect(patch?.['content']).toContain('+  const { returnTo } = req.session')
    const [session] = await frames()
    expect(session).toMatchObject({ client_name: 'codex', status: 'open' })
    expect((await digests())[0]?.['text']).toContain('survives the sign-in')
  })

  it('stores the same report once, however often it is sent [hooks.idempotent]', async () => {
    await freshProject()
    const names = ['user-prompt-submit', 'post-tool-use-bash', 'post-tool-use-failure', 'stop', 'pre-compact']
    for (const name of names)
      for (let time = 0; time < 3; time += 1) expect((await send(`claude-code/${name}`)).status).toBe(200)
    const before = await events()
    expect(before).toHaveLength(6)
    for (const name of names) await send(`claude-code/${name}`)
    expect(await events()).toEqual(before)
    expect(await digests()).toHaveLength(1)
  })

  it('tells the same words said again from a report sent again [hooks.idempotent]', async () => {
    await freshProject()
    const prompt = { prompt: 'Go on.', prompt_id: 'one' }
    await send('claude-code/user-prompt-submit', prompt)
    await send('claude-code/user-prompt-submit', prompt)
    await send('claude-code/user-prompt-submit', { ...prompt, prompt_id: 'two' })
    // Older versions identify no prompt: the same words right after themselves are a repetition.
    const unnamed = { prompt: 'Go on, please.', prompt_id: undefined }
    await send('claude-code/user-prompt-submit', unnamed)
    await send('claude-code/user-prompt-submit', unnamed)
    await send('claude-code/post-tool-use-bash')
    await send('claude-code/user-prompt-submit', unnamed)
    const said = (await events()).filter((each) => each['kind'] === 'message').map((each) => each['content'])
    expect(said).toEqual(['Go on.', 'Go on.', 'Go on, please.', 'Go on, please.'])
  })

  it('stores once what is sent many times at once [hooks.idempotent]', async () => {
    await freshProject()
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) =>
        send(index % 2 ? 'claude-code/post-tool-use-bash' : 'claude-code/user-prompt-submit'),
      ),
    )
    expect(await frames()).toHaveLength(1)
    expect((await events()).map((each) => String(each['kind'])).toSorted()).toEqual([
      'message',
      'tool_call',
      'tool_result',
    ])
  })

  it('adds nothing for what hooks recorded when the transcript is imported later [hooks.import]', async () => {
    for (const name of ['login-redirect', 'open-redirect']) {
      await freshProject()
      const path = new URL(`fixtures/transcripts/${name}.jsonl`, import.meta.url).pathname
      const reports = await hooksOfTranscript(path)
      for (const report of reports) expect((await post('claude-code', report)).status).toBeLessThan(205)
      const before = await events()
      expect(before.length).toBeGreaterThan(8)
      const { sessions } = await readTranscript(path)
      for (const session of sessions) {
        const result = await importSession(
          world.as(world.owner, { project }),
          world.memory,
          toImportedSession(session),
        )
        expect(result.eventsKnown).toBe(before.length)
      }
      const after = await events()
      const contents = after.map((each) => `${String(each['role'])} ${String(each['content'])}`)
      expect(new Set(contents).size).toBe(
        new Set(before.map((each) => `${String(each['role'])} ${String(each['content'])}`)).size +
          (after.length - before.length),
      )
      expect((await frames()).map((each) => each['status'])).not.toContain('open')
      const again = await Promise.all(reports.map(async (report) => post('claude-code', report)))
      expect(again.every((each) => each.status < 205)).toBe(true)
      expect((await events()).length).toBe(after.length)
    }
  })

  it('gives the decisions and the open frame back after a compaction [hooks.compaction]', async () => {
    await freshProject()
    await here().decide({ content: 'The return path lives in the session only, never in a cookie' })
    expect(contextOf(await send('claude-code/session-start'))).toContain('never in a cookie')
    for (const name of ['user-prompt-submit', 'post-tool-use-bash', 'post-tool-use-failure', 'pre-compact'])
      expect((await send(`claude-code/${name}`)).status).toBe(200)
    const text = contextOf(await send('claude-code/session-start-compact'))
    expect(text).toMatch(/^<stackmemory receipt="/)
    expect(text).toContain('never in a cookie')
    expect(text).toContain('Where you are')
    const [frame] = await frames()
    expect(text).toContain(`F${String(frame?.['ref_no'])}`)
    expect(text).toContain('Customers land on the home page')
    expect(text).toContain("Cannot find module 'express'")
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limits.capturedBundleBytes)
    expect(frame).toMatchObject({ status: 'open' })
  })

  it('gives the bundle with the next prompt where a session start cannot ask for it [hooks.inject]', async () => {
    await freshProject()
    await here().decide({ content: 'Orders are numbered per shop, starting at 1000' })
    const first = await send('claude-code/user-prompt-submit', { prompt: 'How are orders numbered?' })
    expect(first.body).toMatchObject({ hookSpecificOutput: { hookEventName: 'UserPromptSubmit' } })
    expect(contextOf(first)).toContain('numbered per shop')
    const second = await send('claude-code/user-prompt-submit', { prompt: 'And refunds?', prompt_id: 'two' })
    expect(second).toEqual({ status: 200, body: {} })
    await send('claude-code/pre-compact')
    const third = await send('claude-code/user-prompt-submit', {
      prompt: 'Go on with refunds',
      prompt_id: 'three',
    })
    expect(contextOf(third)).toContain('numbered per shop')
  })

  it('says nothing into a conversation while nothing is known [hooks.inject]', async () => {
    await freshProject()
    expect((await send('claude-code/session-start')).status).toBe(204)
    expect(await send('claude-code/user-prompt-submit')).toEqual({ status: 200, body: {} })
  })

  it('finds the frame of a resumed session, and of two at once each its own [hooks.resume]', async () => {
    await freshProject()
    const other = { session_id: 'other-session', transcript_path: undefined }
    await send('claude-code/user-prompt-submit')
    await send('claude-code/user-prompt-submit', {
      ...other,
      prompt: 'Number the orders',
      prompt_id: 'other',
    })
    await send('claude-code/post-tool-use-bash', { ...other, tool_use_id: 'toolu_other' })
    await send('claude-code/stop')
    await send('claude-code/session-end')
    const [first, second] = await frames()
    expect([first?.['status'], second?.['status']]).toEqual(['closed', 'open'])
    const answer = await send('claude-code/session-start-resume')
    expect(contextOf(answer)).toContain(`F${String(first?.['ref_no'])} Customers land`)
    await send('claude-code/post-tool-use-bash')
    const after = await frames()
    expect(after.map((each) => [each['id'], each['status'], each['event_count']])).toEqual([
      [first?.['id'], 'open', 4],
      [second?.['id'], 'open', 3],
    ])
    await send('claude-code/session-end')
    expect((await frames())[0]).toMatchObject({ status: 'closed' })
    expect((await digests()).filter((each) => each['frame_id'] === first?.['id'])).toHaveLength(1)
  })

  it('ends the session that a killed client left idle when the next begins [hooks.idle]', async () => {
    await freshProject()
    await send('claude-code/user-prompt-submit')
    await world.test.pool.query(
      `update frames set last_activity_at = now() - interval '${limits.capturedIdleHours + 1} hours' where project_id = $1`,
      [project.id],
    )
    await send('claude-code/user-prompt-submit', { session_id: 'next' })
    expect((await frames()).map((each) => [each['status'], each['outcome']])).toEqual([
      ['closed', 'abandoned'],
      ['open', null],
    ])
  })

  it('stores no private part, no secret and nothing that it injected itself [hooks.private]', async () => {
    await freshProject()
    await here().decide({ content: 'The canary sings at dawn' })
    const injected = contextOf(await send('claude-code/session-start'))
    const secret = 'ghp_0123456789abcdefghijABCDEFGHIJ012345'
    await send('claude-code/user-prompt-submit', {
      prompt: `Look: ${injected}\nuse ${secret} and <private>my diary</private> now`,
    })
    await send('claude-code/post-tool-use-bash', {
      tool_input: { command: 'echo open; echo "<private>"', description: 'hidden description' },
      tool_response: { stdout: 'hidden output', stderr: '</private>visible end', interrupted: false },
    })
    await send('claude-code/post-tool-use-bash', {
      tool_name: 'mcp__plugin_stackmemory_stackmemory__search_memory',
      tool_input: { query: 'canary' },
      tool_response: injected,
      tool_use_id: 'toolu_own',
    })
    await send('claude-code/stop', {
      last_assistant_message: `Done.\n${injected}\n<private>unclosed thought`,
    })
    const stored = JSON.stringify([
      await events(),
      await digests(),
      await frames(),
      await rows('select * from receipts where project_id = $1'),
    ])
    for (const hidden of [
      'my diary',
      'hidden output',
      'hidden description',
      'unclosed thought',
      secret,
      '<stackmemory',
    ])
      expect(stored).not.toContain(hidden)
    const contents = (await events()).map((each) => String(each['content']))
    expect(contents.join('\n')).not.toContain('canary')
    expect(contents.join('\n')).toContain('visible end')
    expect(contents.join('\n')).toContain('[redacted:')
  })

  it('cuts long texts and says so [hooks.limits]', async () => {
    await freshProject()
    await send('claude-code/user-prompt-submit', { prompt: 'word '.repeat(40_000) })
    await send('claude-code/post-tool-use-bash', {
      tool_response: { stdout: 'line of output\n'.repeat(60_000), stderr: '' },
    })
    const [prompt, , output] = await events()
    expect(prompt?.['content']).toMatch(/\[truncated: \d+ bytes left out\]$/)
    expect(output?.['content']).toMatch(/bytes left out/)
    expect(Buffer.byteLength(String(output?.['content']))).toBeLessThanOrEqual(4_200)
  })

  it('takes no more events of a session than are kept [hooks.limits]', async () => {
    await freshProject()
    await send('claude-code/user-prompt-submit')
    await world.test.pool.query('update frames set event_count = $2 where project_id = $1', [
      project.id,
      limits.capturedEventsPerSession,
    ])
    expect((await send('claude-code/post-tool-use-bash')).status).toBe(204)
    expect((await send('claude-code/session-end')).status).toBe(200)
    expect(await events()).toHaveLength(1)
  })

  it('answers 204 to what it does not understand [hooks.quiet]', async () => {
    await freshProject()
    const bodies: unknown[] = [
      '{"hook_event_name":',
      '',
      'null',
      '[]',
      '{"hook_event_name":1}',
      { hook_event_name: 'PostToolUse' },
      { hook_event_name: 'PostToolUse', session_id: 's' },
      { hook_event_name: 'PostToolUse', session_id: 's', tool_name: 7, tool_input: 'x', tool_use_id: {} },
      { hook_event_name: 'UserPromptSubmit', session_id: 's' },
      { hook_event_name: 'SomethingNew', session_id: 's', surprise: [1, { deep: true }] },
      `{"hook_event_name":"Stop","session_id":"s","x":${'['.repeat(200)}${']'.repeat(200)}}`,
      { hook_event_name: 'UserPromptSubmit', session_id: 's', prompt: 'x'.repeat(5 * 1024 * 1024) },
      await readFixture('claude-code/notification'),
      await readFixture('claude-code/post-compact'),
      await readFixture('claude-code/subagent-start'),
      await readFixture('claude-code/stop'),
    ]
    for (const body of bodies.slice(0, -1)) expect((await post('claude-code', body)).status).toBe(204)
    expect(await frames()).toEqual([])
    const odd = {
      ...(await readFixture('claude-code/user-prompt-submit')),
      new_field: { a: 1 },
      source: 7,
      cwd: null,
    }
    expect((await post('claude-code', odd)).status).toBe(200)
    expect((await post('notepad', odd)).status).toBe(404)
  })

  it('keeps what was deleted on purpose deleted [hooks.forgotten]', async () => {
    await freshProject()
    await send('claude-code/user-prompt-submit')
    await send('claude-code/session-end')
    const [frame] = await frames()
    await here().update({ id: `F${String(frame?.['ref_no'])}`, action: 'forget' })
    expect((await send('claude-code/post-tool-use-bash')).status).toBe(204)
    expect((await send('claude-code/session-end')).status).toBe(204)
    expect(contextOf(await send('claude-code/session-start-compact'))).not.toContain('Customers')
  })

  it('lets each caller do what its rights say, and never anything elsewhere [hooks.tenancy]', async () => {
    await freshProject()
    const { people } = world.acme
    const revoked = await world.createKey(people.owner)
    await world.accounts.revokeKey(world.acme.id, revoked.id, new Date(), AbortSignal.timeout(10_000))
    const keys: Record<Actor, string> = {
      owner: key,
      admin: (await world.createKey(people.admin)).key,
      member: (await world.createKey(people.member)).key,
      viewer: (await world.createKey(people.viewer)).key,
      read_only_key: (await world.createKey(people.member, { scopes: ['memory:read'] })).key,
      no_scope: (await world.createKey(people.member, { scopes: [] })).key,
      other_tenant: (await world.createKey(world.globex.people.owner)).key,
      revoked_key: revoked.key,
      anonymous: '',
    }
    await here().decide({ content: 'canary of acme' })
    for (const { client, event, outcomes } of hookMatrix)
      for (const [actor, expected] of Object.entries(outcomes) as [Actor, string][]) {
        const session = uuidv7()
        const payload = {
          ...(await readFixture(`${client}/${event}`)),
          session_id: session,
          tool_use_id: `toolu_${session}`,
        }
        const answer = await post(client, payload, { as: keys[actor] })
        const written = (await frames()).some((each) => String(each['external_key']).endsWith(session))
        const got =
          answer.status === 401
            ? '401'
            : answer.status === 404
              ? 'not_found'
              : contextOf(answer).includes('canary')
                ? written
                  ? 'reads and writes'
                  : 'reads'
                : written
                  ? 'writes'
                  : 'nothing'
        expect([client, event, actor, got]).toEqual([client, event, actor, expected])
      }
    // The other organization's own project of the same name takes nothing of this one.
    const theirs = await post('claude-code', await readFixture('claude-code/session-start'), {
      as: keys.other_tenant,
      project: `${world.globex.slug}/main`,
    })
    expect(JSON.stringify(theirs.body ?? {})).not.toContain('canary')
  })

  it('writes nothing through an address that is for reading only [hooks.tenancy]', async () => {
    await freshProject()
    await here().decide({ content: 'canary of acme' })
    const url = new URL(
      `/hooks/v1/claude-code/${project.organizationSlug}/${project.slug}?ReadOnly=1`,
      world.url,
    )
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
    const body = JSON.stringify(await readFixture('claude-code/user-prompt-submit'))
    const answer = await fetch(url, { method: 'POST', headers, body })
    expect(await answer.text()).toContain('canary')
    expect(await frames()).toEqual([])
  })

  it('leaves out the agents that the client starts for itself [hooks.capture]', async () => {
    await freshProject()
    expect((await send('claude-code/subagent-stop', { agent_type: '' })).status).toBe(204)
    expect(await frames()).toEqual([])
  })

  it('asks for the project when there are several and none is named [hooks.project]', async () => {
    await freshProject()
    const body = JSON.stringify(await readFixture('claude-code/user-prompt-submit'))
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
    const unnamed = await fetch(new URL('/hooks/v1/claude-code', world.url), {
      method: 'POST',
      headers,
      body,
    })
    expect(unnamed.status).toBe(400)
    expect(await unnamed.text()).toContain('?project=org/name')
    const path = `/hooks/v1/claude-code/${project.organizationSlug}/${project.slug}`
    expect((await fetch(new URL(path, world.url), { method: 'POST', headers, body })).status).toBe(200)
    expect(await frames()).toHaveLength(1)
    const nowhere = await fetch(new URL('/hooks/v1/claude-code/acme/nowhere', world.url), {
      method: 'POST',
      headers,
      body,
    })
    expect(nowhere.status).toBe(404)
  })

  it('answers in time when the database does not, and still writes what it can [hooks.budget]', async () => {
    if (world.test.url === undefined) return // PGlite has one connection: nobody else can hold a row
    await freshProject()
    await send('claude-code/user-prompt-submit')
    const holder = await world.test.pool.connect()
    try {
      await holder.query('begin')
      await holder.query('select 1 from frames where project_id = $1 for update', [project.id])
      const startedAt = performance.now()
      expect((await send('claude-code/post-tool-use-bash')).status).toBe(204)
      expect(performance.now() - startedAt).toBeLessThan(2_600)
    } finally {
      await holder.query('rollback')
      holder.release()
    }
    await expect.poll(async () => (await events()).length, { timeout: 5_000 }).toBe(3)
  })
})
