import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { addDecision, addDecisionInput } from '../src/domain/anchor/add-decision.ts'
import { updateMemory } from '../src/domain/anchor/update-memory.ts'
import type { Context, Project } from '../src/domain/context.ts'
import { recordEvents, recordEventsInput } from '../src/domain/event/record-events.ts'
import { closeFrame, closeFrameInput } from '../src/domain/frame/close-frame.ts'
import { startFrame, startFrameInput } from '../src/domain/frame/start-frame.ts'
import { importSession } from '../src/domain/ingest/import-session.ts'
import type { Transfer } from '../src/domain/ports.ts'
import { searchMemory, searchMemoryInput } from '../src/domain/search/search-memory.ts'
import { createTask, createTaskInput } from '../src/domain/task/create-task.ts'
import { updateTaskStatus, updateTaskStatusInput } from '../src/domain/task/update-task-status.ts'
import { exportProject } from '../src/domain/transfer/export-project.ts'
import { keyOf, tablesNotExported, transferTables } from '../src/domain/transfer/format.ts'
import { importProject } from '../src/domain/transfer/import-project.ts'
import { readTranscript } from '../src/import/claude-code/read-transcript.ts'
import { toImportedSession } from '../src/import/claude-code/to-imported-session.ts'
import { createTransfer } from '../src/postgres/transfer.ts'
import { engines } from './harness/test-database.ts'
import { importTwice } from './support/import-twice.ts'
import { openTestMemory, type TestMemory } from './harness/test-memory.ts'

const fixture = fileURLToPath(new URL('fixtures/transcripts/open-redirect.jsonl', import.meta.url))

/** One of everything, with every kind of link, a later version of each thing, and something forgotten. */
const fill = async ({ context, memory }: TestMemory) => {
  const at = (minute: number): Context =>
    context(undefined, { now: new Date(Date.UTC(2026, 3, 1, 9, minute)) })
  const start = (minute: number, input: object) =>
    startFrame(at(minute), memory, startFrameInput.parse(input))
  const { sessions } = await readTranscript(fixture)
  for (const session of sessions) await importSession(at(0), memory, toImportedSession(session))
  await importTwice(at(0), memory)
  const build = await createTask(
    at(1),
    memory,
    createTaskInput.parse({ title: 'Build the cart', tags: ['cart'] }),
  )
  const ship = await createTask(
    at(2),
    memory,
    createTaskInput.parse({ title: 'Ship the cart', blocked_by: [build.ref], parent: build.ref }),
  )
  const outer = await start(3, { name: 'Cart', goal: 'A cart that survives a reload', task: build.ref })
  const inner = await start(4, {
    name: 'Persistence',
    parent: outer.ref,
    branch: 'cart',
    files: ['src/cart.ts'],
  })
  await recordEvents(
    at(5),
    memory,
    recordEventsInput.parse({
      frame: inner.ref,
      events: [
        { content: 'Never keep prices in the browser.', role: 'user' },
        {
          content: 'TypeError: cart is undefined\n  at load (src/cart.ts:12)',
          kind: 'error',
          is_error: true,
          key: 'e-1',
        },
        { content: 'Zeile mit Umlauten, “quotes”, emoji 🛒 and a line separator\u2028inside' },
        { content: 'This one will be forgotten: walrus' },
      ],
    }),
  )
  const first = await addDecision(
    at(6),
    memory,
    addDecisionInput.parse({
      content: 'The cart lives in IndexedDB',
      rationale: 'It is large',
      frame: inner.ref,
      files: ['src/cart.ts'],
    }),
  )
  await updateMemory(at(7), memory, {
    id: first.ref,
    action: 'supersede',
    replacement: 'The cart lives on the server',
  })
  await updateMemory(at(8), memory, { id: `${inner.ref}.4`, action: 'forget' })
  // Somebody else's frame below moves up when the one above it is closed.
  const guest = { ...at(8).principal, client: { name: 'another-client', version: '1' } }
  await startFrame(
    { ...at(8), principal: guest },
    memory,
    startFrameInput.parse({ name: 'Guest work', parent: inner.ref }),
  )
  await closeFrame(
    at(9),
    memory,
    closeFrameInput.parse({
      frame: inner.ref,
      summary: 'Moved the cart to the server',
      dead_ends: ['IndexedDB: lost in private windows'],
    }),
  )
  const change = async (minute: number, input: object) =>
    updateTaskStatus(at(minute), memory, updateTaskStatusInput.parse({ task: ship.ref, ...input }))
  await change(10, { note: 'Waits for the migration', remove_blocked_by: [build.ref] })
  await change(11, { note: 'The migration is done', progress: 50, add_blocked_by: [build.ref] })
}

describe.each(engines)('export and import of a project on %s', (engine) => {
  let test: TestMemory
  let transfer: Transfer
  const now = new Date('2026-05-01T00:00:00.000Z')

  beforeAll(async () => {
    test = await openTestMemory(engine)
    transfer = createTransfer(test.pool)
  })
  afterAll(async () => test.close())
  beforeEach(async () => test.newProject())

  const exported = async (project: Project = test.project): Promise<string[]> => {
    let text = ''
    for await (const part of exportProject(test.context(project, { now }), transfer)) text += part
    return text.trimEnd().split('\n')
  }
  const bring = async (lines: readonly string[], project: Project = test.project) =>
    importProject(test.context(project), transfer, async function* () {
      yield* lines
    })
  /** Changes one line and makes trailer and checksum fit again, as somebody who edits an export could. */
  const edited = (
    lines: readonly string[],
    change: (row: { table: string; row: Record<string, unknown> }) => void,
  ) => {
    const body = lines.slice(0, -1).map((line, index) => {
      if (index === 0) return line
      const parsed = JSON.parse(line) as { table: string; row: Record<string, unknown> }
      change(parsed)
      return JSON.stringify(parsed)
    })
    return [...body, trailerFor(body)]
  }
  const trailerFor = (body: readonly string[]) =>
    JSON.stringify({
      end: true,
      rows: body.length - 1,
      sha256: createHash('sha256')
        .update(body.map((line) => `${line}\n`).join(''))
        .digest('hex'),
    })
  const countRows = async (project: Project) => {
    const counts = await Promise.all(
      transferTables.map(
        async (table) =>
          (await test.pool.query(`select from ${table} where project_id = $1`, [project.id])).rowCount ?? 0,
      ),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }
  /** A filled project, in an installation of its own: ids may repeat in another project. */
  const original = async () => {
    const project = test.project
    await fill(test)
    return { project, lines: await exported(project) }
  }

  it('loses nothing: ids, references, counters, times, versions and names [transfer.roundtrip]', async () => {
    const { lines } = await original()
    const copy = await test.newProject()
    const result = await bring(lines, copy)
    const again = await exported(copy)
    expect(again.slice(1, -1)).toEqual(lines.slice(1, -1))
    expect(JSON.parse(again[0] ?? '')).toEqual({
      ...(JSON.parse(lines[0] ?? '') as object),
      project: { organization: 'ana', slug: copy.slug, name: copy.name },
    })
    expect(Object.values(result.added).every((count) => count > 0)).toBe(true)
    expect(Object.values(result.added).reduce((sum, count) => sum + count, 0)).toBe(lines.length - 2)
    const next = await createTask(test.context(copy), test.memory, createTaskInput.parse({ title: 'Next' }))
    expect(next.ref).toBe(`T${(JSON.parse(lines[0] ?? '') as { lastRef: number }).lastRef + 1}`)
  })

  it('answers searches the same, also as of an earlier moment [transfer.search]', async () => {
    const { project, lines } = await original()
    const copy = await test.newProject()
    await bring(lines, copy)
    const entries = async ({ id }: Project) =>
      (
        await test.pool.query(
          `select to_jsonb(e) - 'project_id' as entry from search_entries e where project_id = $1 order by item_id, version, ord`,
          [id],
        )
      ).rows
    expect(await entries(copy)).toEqual(await entries(project))
    for (const query of [
      'where does the cart live',
      'open redirect backslash',
      'migration',
      'TypeError cart.ts',
    ])
      expect(
        await searchMemory(test.context(copy), test.memory, searchMemoryInput.parse({ query, limit: 50 })),
      ).toEqual({
        ...(await searchMemory(
          test.context(project),
          test.memory,
          searchMemoryInput.parse({ query, limit: 50 }),
        )),
      })
  })

  it('accepts the same export again, and adds nothing', async () => {
    const { project, lines } = await original()
    expect(await bring(lines, project)).toMatchObject({ identical: lines.length - 2 })
    const copy = await test.newProject()
    await bring(lines, copy)
    const before = await exported(copy)
    expect(await bring(lines, copy)).toMatchObject({ identical: lines.length - 2 })
    expect(await exported(copy)).toEqual(before)
  })

  it('refuses a project whose numbers or rows are others, and writes nothing', async () => {
    const { lines } = await original()
    const copy = await test.newProject()
    await createTask(test.context(copy), test.memory, createTaskInput.parse({ title: 'Mine' }))
    await expect(bring(lines, copy)).rejects.toMatchObject({
      code: 'conflict',
      publicMessage: expect.stringMatching(/^The number 1 belongs to one thing/),
    })
    expect(await countRows(copy)).toBe(2)
    const other = await test.newProject()
    await bring(lines, other)
    const changed = edited(lines, ({ table, row }) => {
      if (table === 'digests') row['summary'] = 'Something else'
    })
    const before = await exported(other)
    await expect(bring(changed, other)).rejects.toMatchObject({ code: 'conflict' })
    expect(await exported(other)).toEqual(before)
  })

  it('leaves the words of what was forgotten out', async () => {
    const { lines } = await original()
    expect(lines.join('\n')).not.toContain('walrus')
    expect(lines.filter((line) => line.includes('"deleted_at": "'))).toHaveLength(1)
  })

  const wrong: [string, (lines: string[]) => string[], RegExp][] = [
    ['a line that is not JSON', (lines) => lines.with(4, '{"table":'), /^Line 5 is not JSON/],
    ['a missing end', (lines) => lines.slice(0, -1), /^Line \d+ is not the end of an export/],
    ['a missing row', (lines) => lines.toSpliced(-2, 1), /^Line \d+ says that there are/],
    [
      'a changed row',
      (lines) => lines.map((line) => line.replace('Ship the cart', 'Sink the cart')),
      /checksum/,
    ],
    ['another format', (lines) => lines.with(0, '{"format":"something"}'), /^Line 1 is not the header/],
    ['an empty file', () => [], /^Line 1 is not the header/],
    [
      'a later version',
      (lines) => lines.with(0, (lines[0] ?? '').replace('"version":1', '"version":2')),
      /version 2/,
    ],
    ['an unknown table', (lines) => lines.with(2, '{"table":"api_keys","row":{}}'), /^Line 3 is not a row/],
    [
      'a parent that is below its child',
      (lines) => {
        const frames = lines.flatMap((line) =>
          line.startsWith('{"table":"frames"') ? [JSON.parse(line) as { row: Record<string, unknown> }] : [],
        )
        const child = frames.find(({ row }) => row['name'] === 'Persistence')?.row
        return edited(lines, ({ table, row }) => {
          if (table === 'frames' && row['id'] === child?.['parent_id']) row['parent_id'] = child?.['id']
        })
      },
      /closes a circle/,
    ],
    [
      'tasks that wait for each other',
      (lines) => {
        const row = lines.findLast((line) => line.startsWith('{"table":"task_dependencies"')) ?? ''
        const parsed = JSON.parse(row) as { table: string; row: Record<string, unknown> }
        const back = {
          ...parsed.row,
          task_id: parsed.row['blocked_by_id'],
          blocked_by_id: parsed.row['task_id'],
        }
        const body = [...lines.slice(0, -1), JSON.stringify({ table: parsed.table, row: back })]
        body[0] = (body[0] ?? '').replace(/("name":"task_dependencies".*?"rows":)2/, '$13')
        return [...body, trailerFor(body)]
      },
      /closes a circle/,
    ],
    [
      'a value of the wrong type',
      (lines) =>
        edited(lines, ({ table, row }) => void (table === 'events' && (row['occurred_at'] = 'yesterday'))),
      /^Line \d+ has a value that cannot be stored in "occurred_at"/,
    ],
    [
      'a value that only the database knows to be wrong',
      (lines) => edited(lines, ({ table, row }) => void (table === 'events' && (row['kind'] = 'gossip'))),
      /^The database refused a row of events in lines \d+ to \d+/,
    ],
    [
      'a row without the row it belongs to',
      (lines) =>
        edited(lines, ({ table, row }) => void (table === 'events' && (row['frame_id'] = row['id']))),
      /^Line \d+ refers to a row of frames that is not in the export/,
    ],
  ]
  it('refuses a damaged export, says where, and writes nothing', async () => {
    const { lines } = await original()
    const copy = await test.newProject()
    for (const [what, damage, message] of wrong) {
      await expect(bring(damage(lines), copy), what).rejects.toMatchObject({
        code: 'invalid_input',
        publicMessage: expect.stringMatching(message),
      })
      expect(await countRows(copy), what).toBe(0)
    }
  })

  it('exports one moment, whatever is written meanwhile', async () => {
    if (engine === 'pglite') return // one session: nobody can write meanwhile
    const { project } = await original()
    const parts: string[] = []
    for await (const part of exportProject(test.context(project, { now }), transfer)) {
      if (parts.length === 0)
        await createTask(test.context(project), test.memory, createTaskInput.parse({ title: 'Too late' }))
      parts.push(part)
    }
    const lines = parts.join('').trimEnd().split('\n')
    expect(parts.join('')).not.toContain('Too late')
    const copy = await test.newProject()
    await expect(bring(lines, copy)).resolves.toBeDefined()
  })

  it('needs the scope project:admin to import', async () => {
    const ctx = test.context()
    const principal = { ...ctx.principal, scopes: ['memory:write' as const] }
    await expect(
      importProject({ ...ctx, principal }, transfer, async function* () {
        yield ''
      }),
    ).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('identifies rows as the database does', async () => {
    const { rows } = await test.pool.query<{ name: string; key: string[] }>(
      `select c.relname as name, array(select a.attname::text from unnest(i.indkey) with ordinality k (attnum, n)
         join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
         where a.attname <> 'project_id' order by k.n) as key
       from pg_index i join pg_class c on c.oid = i.indrelid
       where i.indisprimary and c.relname = any ($1::text[])`,
      [transferTables],
    )
    expect(Object.fromEntries(rows.map(({ name, key }) => [name, key]))).toEqual(keyOf)
  })

  it('knows every table of a project', async () => {
    const { rows } = await test.pool.query<{ name: string }>(
      `select table_name as name from information_schema.columns
       where table_schema = 'public' and column_name = 'project_id' and table_name not in ('api_keys', 'repositories')`,
    )
    expect(rows.map((row) => row.name).toSorted()).toEqual(
      [...transferTables, ...tablesNotExported].toSorted(),
    )
  })
})
