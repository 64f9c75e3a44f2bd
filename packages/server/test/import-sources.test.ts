import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { searchMemory, searchMemoryInput } from '../src/domain/search/search-memory.ts'
import { undoImport } from '../src/domain/ingest/undo-import.ts'
import { readVault } from '../src/import/basic-memory/read-vault.ts'
import { readClaudeMem, type ClaudeMemOptions } from '../src/import/claude-mem/read-claude-mem.ts'
import { readMem0 } from '../src/import/mem0/read-mem0.ts'
import { readServerMemory } from '../src/import/server-memory/read-server-memory.ts'
import { readContextDb } from '../src/import/stackmemory/read-context-db.ts'
import { engines } from './harness/test-database.ts'
import { openTestMemory, type TestMemory } from './harness/test-memory.ts'
import { createFolder, importFrom, inspect } from './support/import-fixture.ts'
import { fillSqlite } from './support/sqlite-fixture.ts'

const secret = [
  'sk',
  'ant',
  'api03',
  'q7Zt2velvetWx9Lk4Pn8Vb3Hs6Jd1Fg5Ry0Qa7Zt2Ub9Lk4Pn8Vb3Hs6Jd1Fg5Ry0QaMt2Xw9Lk4AA',
].join('-')

/** As its documentation describes it. */
const claudeMemSchema = `
  create table sdk_sessions (id integer primary key autoincrement, content_session_id text, memory_session_id text,
    project text not null, status text not null default 'active', created_at text not null, created_at_epoch integer not null);
  create table observations (id integer primary key autoincrement, memory_session_id text not null, project text not null,
    prompt_number integer, title text, subtitle text, narrative text, text text, facts text, concepts text, type text,
    files_read text, files_modified text, created_at text not null, created_at_epoch integer not null, merged_into_project text);
  create table session_summaries (id integer primary key autoincrement, memory_session_id text not null, project text not null,
    request text, investigated text, learned text, completed text, next_steps text, notes text,
    created_at text not null, created_at_epoch integer not null);
  create table user_prompts (id integer primary key autoincrement, content_session_id text not null, prompt_number integer,
    prompt_text text not null, created_at text not null, created_at_epoch integer not null);
  create table memories (id integer primary key, text text);`
const epoch = Date.UTC(2026, 1, 3, 10)
const at = (minute: number) => ({
  created_at: new Date(epoch + minute * 60_000).toISOString(),
  created_at_epoch: epoch + minute * 60_000,
})
const claudeMemRows = {
  sdk_sessions: [
    { content_session_id: 'c-1', memory_session_id: 'm-1', project: 'shop', status: 'completed', ...at(0) },
    { content_session_id: 'c-2', memory_session_id: 'm-2', project: 'blog', ...at(100) },
  ],
  observations: [
    {
      memory_session_id: 'm-1',
      project: 'shop',
      title: 'Cart moved to the server',
      subtitle: 'Private windows lost it',
      narrative: 'IndexedDB is emptied when a private window closes.',
      facts: JSON.stringify(['The cart has an id', `The token was ${secret}`]),
      concepts: '["trade-off"]',
      type: 'decision',
      files_read: '["src/cart.ts"]',
      files_modified: '["src/server/cart.ts"]',
      ...at(2),
    },
    {
      memory_session_id: 'm-1',
      project: 'shop',
      title: 'Read the tests',
      type: 'discovery',
      facts: 'not json',
      ...at(3),
    },
    {
      memory_session_id: 'm-lost',
      project: 'shop',
      title: 'From a session without a row',
      type: 'change',
      ...at(50),
    },
    { memory_session_id: 'm-2', project: 'blog', title: 'The blog is blue', type: 'decision', ...at(101) },
  ],
  session_summaries: [
    {
      memory_session_id: 'm-1',
      project: 'shop',
      request: 'Make the cart survive a reload',
      learned: 'Private windows have no lasting storage',
      next_steps: 'Expire old carts',
      ...at(5),
    },
  ],
  user_prompts: [
    { content_session_id: 'c-1', prompt_number: 1, prompt_text: 'The cart is gone after a reload', ...at(1) },
    { content_session_id: 'c-2', prompt_number: 1, prompt_text: 'Paint the blog', ...at(100) },
  ],
  memories: [{ text: 'old' }],
}

const contextSchema = {
  frames: `create table frames (frame_id text, run_id text, project_id text, parent_frame_id text, depth integer, type text, name text,
    state text, inputs text, outputs text, digest_text text, digest_json text, created_at integer, closed_at integer);`,
  events: `create table events (event_id text, frame_id text, run_id text, seq integer, event_type text, payload text, ts integer);`,
  anchors: `create table anchors (anchor_id text, frame_id text, project_id text, type text, text text, priority integer,
    created_at integer, metadata text);`,
  contexts: `create table contexts (id text, type text, content text, importance real, created_at integer, last_accessed integer,
    access_count integer);`,
}
const seconds = epoch / 1_000
const contextRows = {
  frames: [
    {
      frame_id: 'f-1',
      type: 'task',
      name: 'Build the cart',
      state: 'closed',
      inputs: '{"goal":"A lasting cart"}',
      digest_text: 'The cart lasts',
      created_at: seconds,
      closed_at: seconds + 600,
    },
    {
      frame_id: 'f-2',
      parent_frame_id: 'f-1',
      type: 'tool_scope',
      name: 'Look around',
      state: 'closed',
      created_at: seconds + 10,
      closed_at: seconds + 60,
    },
    {
      frame_id: 'f-3',
      parent_frame_id: 'f-2',
      type: 'debug',
      name: 'Why it is empty',
      state: 'active',
      created_at: seconds + 20,
      closed_at: null,
    },
    {
      frame_id: 'f-4',
      parent_frame_id: 'f-5',
      type: 'review',
      name: 'One of a circle',
      state: 'closed',
      created_at: seconds + 30,
      closed_at: seconds + 31,
    },
    {
      frame_id: 'f-5',
      parent_frame_id: 'f-4',
      type: 'write',
      name: 'Other of a circle',
      state: 'closed',
      created_at: seconds + 30,
      closed_at: seconds + 31,
    },
  ],
  events: [
    {
      event_id: 'e-1',
      frame_id: 'f-1',
      seq: 1,
      event_type: 'user_message',
      payload: '{"content":"Please build the cart"}',
      ts: epoch,
    },
    {
      event_id: 'e-2',
      frame_id: 'f-3',
      seq: 1,
      event_type: 'tool_call',
      payload: '{"tool":"grep","args":{"pattern":"cart"}}',
      ts: epoch + 21_000,
    },
    {
      event_id: 'e-3',
      frame_id: 'f-3',
      seq: 2,
      event_type: 'decision',
      payload: '{"text":"Carts live on the server"}',
      ts: epoch + 22_000,
    },
    {
      event_id: 'e-4',
      frame_id: 'f-3',
      seq: 3,
      event_type: 'from_the_future',
      payload: '{}',
      ts: epoch + 23_000,
    },
    {
      event_id: 'e-5',
      frame_id: 'f-3',
      seq: 4,
      event_type: 'observation',
      payload: `broken {json ${secret}`,
      ts: epoch + 24_000,
    },
  ],
  anchors: [
    {
      anchor_id: 'a-1',
      frame_id: 'f-1',
      type: 'DECISION',
      text: 'Carts live on the server',
      priority: 8,
      created_at: seconds + 40,
      metadata: '{"rationale":"Private windows"}',
    },
    {
      anchor_id: 'a-2',
      frame_id: 'f-2',
      type: 'INTERFACE_CONTRACT',
      text: 'GET /cart answers with items',
      priority: 0,
      created_at: seconds,
      metadata: null,
    },
    {
      anchor_id: 'a-3',
      frame_id: 'f-1',
      type: 'TODO',
      text: 'Expire old carts',
      priority: 9,
      created_at: seconds,
      metadata: null,
    },
    {
      anchor_id: 'a-4',
      frame_id: 'nowhere',
      type: 'RISK',
      text: 'Carts grow without end',
      priority: 5,
      created_at: seconds,
      metadata: 'nonsense',
    },
    {
      anchor_id: 'a-5',
      frame_id: 'f-1',
      type: 'FACT',
      text: '',
      priority: 5,
      created_at: seconds,
      metadata: null,
    },
  ],
  contexts: [
    {
      id: `decision_${epoch}`,
      type: 'decision',
      content: 'Prices are cents',
      importance: 0.9,
      created_at: null,
    },
    { id: `readme_${epoch}`, type: 'readme', content: 'A long README', importance: 0.5, created_at: seconds },
  ],
}

describe.each(engines)('importing what other tools remember on %s', (engine) => {
  let test: TestMemory
  let folder: Awaited<ReturnType<typeof createFolder>>
  beforeAll(async () => {
    test = await openTestMemory(engine)
  })
  afterAll(async () => test.close())
  beforeEach(async () => {
    await test.newProject()
    folder = await createFolder()
  })
  afterEach(async () => folder.remove())

  const search = async (query: string) =>
    JSON.stringify(await searchMemory(test.context(), test.memory, searchMemoryInput.parse({ query })))
  const undo = async (id: string | null) => undoImport(test.context(), test.memory, id ?? '')
  /** Runs it dry, for real, and once more: the first writes nothing, the last adds nothing. */
  const importThrice = async (run: (options?: { dryRun?: boolean }) => ReturnType<typeof importFrom>) => {
    const before = await inspect(test).everything()
    const dry = await run({ dryRun: true })
    expect(await inspect(test).everything()).toEqual(before)
    const report = await run()
    expect({ ...dry.statements, ...dry.events, ...dry.sessions, ...dry.tasks, ...dry.redacted }).toEqual({
      ...report.statements,
      ...report.events,
      ...report.sessions,
      ...report.tasks,
      ...report.redacted,
    })
    const after = await inspect(test).everything()
    const again = await run()
    expect(await inspect(test).everything()).toEqual(after)
    expect(again.statements.added + again.events.added + again.tasks.added + again.sessions.new).toBe(0)
    expect(JSON.stringify(after)).not.toContain('velvet')
    return report
  }

  it('makes statements of the entities, observations and relations of server-memory [import.server-memory]', async () => {
    const lines = [
      {
        type: 'entity',
        name: 'Ana_Pires',
        entityType: 'person',
        observations: ['Prefers small pull requests', `Her key is ${secret}`],
      },
      { type: 'entity', name: 'Cart', entityType: 'component', observations: ['Must never hold prices', 7] },
      { type: 'entity', name: 'Empty', entityType: 'thing', observations: [] },
      { type: 'relation', from: 'Ana_Pires', to: 'Cart', relationType: 'works_on', addedLater: true },
      { type: 'something', else: 1 },
    ].map((line) => JSON.stringify(line))
    const path = await folder.write('memory.jsonl', `${lines.join('\n')}\n{"type":"entity","name":"Ana_Pi\n`)
    const report = await importThrice(async (options) =>
      importFrom(test, 'server-memory', (source) => readServerMemory(path, source), options),
    )
    expect(await inspect(test).inForce()).toEqual([
      'fact: Ana Pires: Prefers small pull requests',
      'fact: Ana Pires: Her key is [redacted:anthropic_key]',
      'fact: Ana Pires works on Cart',
      'constraint: Cart: Must never hold prices',
    ])
    expect(report).toMatchObject({
      read: { entities: 3, observations: 3, relations: 1 },
      skipped: { 'entities without observations': 1 },
      redacted: { anthropic_key: 1 },
    })
    expect(report.problems.list).toEqual([
      { where: 'line 2', reason: '1 observations are not text' },
      { where: 'line 5', reason: 'is neither an entity nor a relation' },
      { where: 'line 6', reason: 'is not JSON' },
    ])
    const graph = await folder.write(
      'graph.json',
      JSON.stringify({
        entities: [{ name: 'Cart', entityType: 'x', observations: ['Is blue'] }],
        relations: [],
      }),
    )
    await importFrom(test, 'server-memory', (source) => readServerMemory(graph, source))
    expect(await inspect(test).inForce()).toContain('fact: Cart: Is blue')
  })

  it('keeps memories of mem0 by their id, and supersedes what changed in a newer export [import.mem0]', async () => {
    const row = (id: string, memory: unknown, more = {}) => ({
      id,
      memory,
      user_id: 'ana',
      created_at: '2026-01-02T03:04:05-08:00',
      ...more,
    })
    const rows = [
      row('1', 'Ana prefers pnpm', {
        categories: ['preferences'],
        metadata: { type: 'decision', source: 'chat' },
      }),
      row('2', 'Old news', { expiration_date: '2026-01-03' }),
      row('3', null),
      row('4', 'Lives in Porto', { metadata: 'odd' }),
    ]
    const path = await folder.write(
      'export.json',
      JSON.stringify({
        count: 4,
        results: rows,
        relations: [{ source: 'ana', relationship: 'lives_in', target: 'porto' }],
      }),
    )
    const run = async (options = {}) => importFrom(test, 'mem0', (source) => readMem0(path, source), options)
    const report = await importThrice(run)
    expect(await inspect(test).inForce()).toEqual([
      'decision: Ana prefers pnpm',
      'fact: Lives in Porto',
      'fact: ana lives in porto',
    ])
    expect(report).toMatchObject({
      skipped: { 'expired memories': 1 },
      problems: { list: [{ where: 'memory 3' }] },
    })
    const [first] = await inspect(test).rows(`select * from anchors where project_id = $1 and ref_no = 1`)
    expect(first).toMatchObject({
      source: 'import',
      occurred_at: new Date('2026-01-02T11:04:05Z'),
      unit: 'mem0:1',
      places: [{ place: 'memory 1', author: 'ana' }],
      rationale: 'A memory of mem0 (preferences, type: decision, source: chat)',
    })
    await folder.write(
      'export.json',
      JSON.stringify([row('1', 'Ana prefers bun', { metadata: { type: 'decision' } }), row('5', 'New')]),
    )
    const second = await run()
    expect(second.statements).toMatchObject({ changed: 1, added: 1, retracted: 0 })
    expect(await inspect(test).inForce()).not.toContain('decision: Ana prefers pnpm')
    await undo(second.importId)
    expect(await inspect(test).inForce()).toContain('decision: Ana prefers pnpm')
    const other = await folder.write('other.json', '{"full_name":"Ana"}')
    await expect(importFrom(test, 'mem0', (source) => readMem0(other, source))).rejects.toMatchObject({
      code: 'invalid_input',
      publicMessage: expect.stringContaining('no list of memories'),
    })
  })

  it('reads notes of a basic-memory vault and follows what changed in them [import.basic-memory]', async () => {
    const note = `---
title: Authentication Design
type: note
tags: [auth, security]
permalink: authentication-design
created: 2026-02-03T10:00:00Z
---

# Authentication Design

Why we do it ourselves.

## Observations
- [decision] Sessions live in a cookie #security (after the audit)
- [requirement] Tokens expire after 15 minutes
- [ ] not an observation
- [link](https://example.org)

\`\`\`
- [fact] inside of code
\`\`\`

## Relations
- implements [[API Security Requirements]] (partly)
- depends_on [[User Database|the database]]
`
    await folder.write('specs/auth.md', note)
    await folder.write('broken.md', '---\ntitle: [x\n---\n- [fact] Still read\n')
    await folder.write('.obsidian/plugin.md', '- [fact] hidden\n')
    await folder.write(
      'private.md',
      `Some text.\n\n<private>\n- [fact] my salary\n\n- [fact] more of it\n</private>\n`,
    )
    const run = async (options = {}) =>
      importFrom(test, 'basic-memory', (source) => readVault(folder.path, source), options)
    const report = await importThrice(run)
    expect((await inspect(test).inForce()).toSorted()).toEqual([
      'constraint: Authentication Design: Tokens expire after 15 minutes',
      'decision: Authentication Design: Sessions live in a cookie',
      'fact: Authentication Design depends on User Database',
      'fact: Authentication Design implements API Security Requirements',
      'fact: Authentication Design › Observations:\n[ ] not an observation\n\n[link](https://example.org)\n```\n- [fact] inside of code\n```',
      'fact: Authentication Design:\nWhy we do it ourselves.',
      'fact: broken: Still read',
      'fact: private:\nSome text.',
    ])
    expect(report).toMatchObject({
      read: { notes: 3, observations: 3, relations: 2 },
      skipped: { 'hidden folders': 1, 'private or injected blocks': 1 },
      problems: { list: [{ where: 'broken.md', reason: 'its front matter is not YAML' }] },
    })
    const [decision] = await inspect(test).rows(
      `select * from anchors where project_id = $1 and type = 'decision'`,
    )
    expect(decision).toMatchObject({
      occurred_at: new Date('2026-02-03T10:00:00Z'),
      rationale:
        'From the note “Authentication Design” (decision); after the audit; tags: security; tagged auth, security',
      places: [{ place: 'specs/auth.md', line: 14 }],
    })
    // Moved, one observation changed and one gone.
    await folder.remove('specs')
    await folder.write(
      'auth.md',
      note
        .replace('15 minutes', '20 minutes')
        .replace('- implements [[API Security Requirements]] (partly)\n', ''),
    )
    expect((await run()).statements).toMatchObject({ changed: 1, retracted: 1, added: 0 })
    const [moved] = await inspect(test).rows(
      `select places from anchors where project_id = $1 and type = 'decision'`,
    )
    expect(moved).toMatchObject({ places: [{ place: 'auth.md' }] })
  })

  it('reads sessions of claude-mem while it runs, of one project only [import.claude-mem]', async () => {
    const path = join(folder.path, 'claude-mem.db')
    const source = fillSqlite(path, claudeMemSchema, claudeMemRows)
    const run = async (options: { dryRun?: boolean } & ClaudeMemOptions = {}) =>
      importFrom(
        test,
        'claude-mem',
        (report) => readClaudeMem(path, report, { sourceProject: 'shop', ...options }),
        options,
      )
    try {
      await expect(run({ sourceProject: undefined })).rejects.toMatchObject({
        code: 'invalid_input',
        publicMessage: expect.stringContaining('There are: blog, shop.'),
      })
      await expect(run({ sourceProject: 'nothing' })).rejects.toMatchObject({ code: 'invalid_input' })
      const report = await importThrice(run)
      expect(report).toMatchObject({
        sessions: { new: 2 },
        read: { sessions: 2, observations: 3, 'session summaries': 1, 'user prompts': 1 },
        skipped: { 'rows of memories': 1 },
        redacted: { anthropic_key: 2 },
      })
      expect(await inspect(test).inForce()).toEqual([
        'decision: Cart moved to the server\nPrivate windows lost it',
      ])
      const [frame] = await inspect(test).rows('select * from frames where project_id = $1 order by ref_no')
      expect(frame).toMatchObject({
        name: 'Make the cart survive a reload',
        outcome: 'done',
        started_at: new Date(epoch + 60_000),
        closed_at: new Date(epoch + 300_000),
        external_key: 'claude-mem:session:c-1',
      })
      const events = await inspect(test).rows(
        'select kind, role, content, files from events where project_id = $1 order by occurred_at',
      )
      expect(events[0]).toMatchObject({
        kind: 'message',
        role: 'user',
        content: 'The cart is gone after a reload',
      })
      expect(events[1]).toMatchObject({ kind: 'observation', files: ['src/server/cart.ts', 'src/cart.ts'] })
      const [digest] = await inspect(test).rows(
        `select text from digests where project_id = $1 and text like '%Private windows have%'`,
      )
      expect(digest?.['text']).toContain('Next: Expire old carts')
      expect(digest?.['text']).toContain('Cart moved to the server')
      expect(await search('blog blue')).not.toContain('blue')
      // The session goes on, and is imported again; then both are taken back.
      source.add('observations', {
        memory_session_id: 'm-1',
        project: 'shop',
        title: 'Carts expire now',
        type: 'feature',
        ...at(9),
      })
      const second = await run()
      expect(second).toMatchObject({ sessions: { grown: 1 }, events: { added: 1 } })
      expect(await undo(report.importId)).toMatchObject({
        forgotten: { frames: 1 },
        kept: [{ ref: 'F1', reason: `import ${second.importId} added to it since` }],
      })
      expect(await undo(second.importId)).toMatchObject({ forgotten: { frames: 0, events: 1 }, kept: [] })
      expect(await search('carts expire')).not.toContain('Carts expire now')
    } finally {
      source.close()
    }
  })

  it('reads the context.db of another StackMemory in use, and changes nothing of it [import.context-db]', async () => {
    const path = join(folder.path, 'context.db')
    const source = fillSqlite(path, Object.values(contextSchema).join(''), contextRows)
    const state = async () =>
      Promise.all(
        (await readdir(folder.path, { withFileTypes: true })).map(async (entry) => [
          entry.name,
          entry.isFile()
            ? createHash('sha256')
                .update(await readFile(join(folder.path, entry.name)))
                .digest('hex')
            : '',
        ]),
      )
    const before = await state()
    try {
      const report = await importThrice(async (options) =>
        importFrom(test, 'stackmemory', (read) => readContextDb(path, read), options),
      )
      expect(await state()).toEqual(before)
      expect(before.map(([name]) => name)).toContain('context.db-wal')
      expect(report).toMatchObject({
        read: { frames: 5, events: 5, anchors: 4, contexts: 1 },
        sessions: { new: 3 },
        tasks: { added: 1 },
        skipped: {
          'events of the unknown type from_the_future': 1,
          'contexts of the type readme': 1,
          'open states (an imported frame is always closed)': 1,
        },
        redacted: { anthropic_key: 1 },
        problems: { list: [{ where: 'anchors a-5', reason: 'has no text or no id' }] },
      })
      const frames = await inspect(test).rows(
        `select f.name, f.type, f.outcome, f.depth, p.name as parent from frames f
         left join frames p on p.project_id = $1 and p.id = f.parent_id where f.project_id = $1 order by f.ref_no`,
      )
      expect(frames).toEqual(
        expect.arrayContaining([
          { name: 'Build the cart', type: 'task', outcome: 'done', depth: 0, parent: null },
          { name: 'Look around', type: 'subtask', outcome: 'done', depth: 1, parent: 'Build the cart' },
          { name: 'Why it is empty', type: 'debug', outcome: 'abandoned', depth: 2, parent: 'Look around' },
        ]),
      )
      expect((await inspect(test).inForce()).toSorted()).toEqual([
        'decision: Carts live on the server',
        'decision: Prices are cents',
        'interface: GET /cart answers with items',
        'risk: Carts grow without end',
      ])
      const [prices] = await inspect(test).rows(
        `select priority, occurred_at from anchors where project_id = $1 and content like 'Prices%'`,
      )
      expect(prices).toEqual({ priority: 9, occurred_at: new Date(epoch) })
      const [digest] = await inspect(test).rows(
        `select text from digests where project_id = $1 and text like 'Build the cart%'`,
      )
      expect(digest?.['text']).toContain('The cart lasts')
      expect(digest?.['text']).toContain('Look around')
      const [task] = await inspect(test).rows(
        `select t.title, t.priority, f.name as frame from tasks t join frames f on f.project_id = $1 and f.id = t.frame_id where t.project_id = $1`,
      )
      expect(task).toEqual({ title: 'Expire old carts', priority: 'urgent', frame: 'Build the cart' })
      expect(await search('pattern cart grep')).toContain('grep')
      expect(await undo(report.importId)).toMatchObject({
        forgotten: { statements: 4, tasks: 1, frames: 5 },
        kept: [],
      })
      expect(await inspect(test).rows('select from search_entries where project_id = $1')).toEqual([])
      expect(await importFrom(test, 'stackmemory', (read) => readContextDb(path, read))).toMatchObject({
        sessions: { new: 3 },
        tasks: { added: 1 },
        statements: { added: 4 },
      })
    } finally {
      source.close()
    }
  })

  it('reads what is there when tables are missing, and refuses what is no such database [import.context-db]', async () => {
    const path = join(folder.path, 'context.db')
    fillSqlite(path, contextSchema.contexts, { contexts: contextRows.contexts }).close()
    expect(await importFrom(test, 'stackmemory', (read) => readContextDb(path, read))).toMatchObject({
      statements: { added: 1 },
    })
    const other = join(folder.path, 'other.db')
    fillSqlite(other, 'create table things (id integer)', {}).close()
    const text = await folder.write('text.db', 'This is not a database at all.')
    for (const [file, message] of [
      [other, 'none of the tables'],
      [text, 'not a SQLite database'],
    ] as const) {
      const refused = { code: 'invalid_input', publicMessage: expect.stringContaining(message) }
      await expect(
        importFrom(test, 'stackmemory', (read) => readContextDb(file, read)),
      ).rejects.toMatchObject(refused)
      await expect(
        importFrom(test, 'claude-mem', (read) => readClaudeMem(file, read, {})),
      ).rejects.toMatchObject({ code: 'invalid_input' })
    }
  })

  it('can be stopped, and what was stored until then is taken back by its id [import.undo]', async () => {
    const path = await folder.write(
      'memory.jsonl',
      Array.from({ length: 300 }, (_, index) =>
        JSON.stringify({
          type: 'entity',
          name: `Thing ${index}`,
          entityType: 'x',
          observations: [`Number ${index}`],
        }),
      ).join('\n'),
    )
    let asked = 0
    const report = await importFrom(test, 'server-memory', (source) => readServerMemory(path, source), {
      isStopped: () => (asked += 1) > 150,
    })
    expect(report).toMatchObject({ finished: false, statements: { added: 100 } })
    const [run] = await inspect(test).rows('select status from imports where project_id = $1')
    expect(run).toEqual({ status: 'stopped' })
    expect(await undo(report.importId)).toMatchObject({ forgotten: { statements: 100 } })
    expect(await inspect(test).inForce()).toEqual([])
  })
})
