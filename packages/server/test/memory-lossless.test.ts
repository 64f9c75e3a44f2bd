import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase } from '../src/postgres/database.ts'
import { createMemory } from '../src/postgres/memory.ts'
import { engines } from './harness/test-database.ts'
import { createWorld, operationsOf, refusal, type User, type World } from './support/world.ts'
import type { Project } from '../src/domain/context.ts'
import { Pool } from 'pg'

describe.each(engines)('concurrent writers on %s', (engine) => {
  let world: World
  let project: Project
  let olga: User
  let mia: User

  beforeAll(async () => {
    world = await createWorld(engine)
  })
  afterAll(async () => world.close())
  beforeEach(async () => {
    project = await world.newProject()
    olga = world.user(world.owner, { project })
    mia = world.user(world.member, { project, client: 'terminal' })
  })

  const query = async <Row extends object>(text: string) =>
    (await world.test.pool.query<Row>(text, [project.id])).rows

  it('leave 50 decisions under 50 references when 50 are added at once [memory.fifty]', async () => {
    const added = await Promise.all(
      Array.from({ length: 50 }, async (_, n) =>
        (n % 2 ? olga : mia).decide({ content: `Service number ${n} listens on port ${4000 + n}` }),
      ),
    )
    expect(new Set(added.map((each) => each.ref)).size).toBe(50)
    const rows = await query<{ ref_no: number; content: string }>(
      'select ref_no, content from anchors where project_id = $1 order by ref_no',
    )
    expect(rows.map((row) => row.ref_no)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1))
    expect(new Set(rows.map((row) => row.content)).size).toBe(50)
    const [versions] = await query<{ n: number }>(
      'select count(distinct anchor_id)::int as n from anchor_versions where project_id = $1 and version = 1',
    )
    const [entries] = await query<{ n: number }>(
      'select count(distinct item_id)::int as n from search_entries where project_id = $1',
    )
    expect([versions?.n, entries?.n]).toEqual([50, 50])
  })

  it('lose no event of 50 batches into one frame, and number them without a gap [memory.fifty]', async () => {
    const frame = await olga.start({ name: 'Load' })
    const batches = await Promise.all(
      Array.from({ length: 50 }, async (_, batch) =>
        (batch % 2 ? olga : mia).record({
          frame: frame.ref,
          events: [0, 1, 2].map((n) => ({ content: `batch ${batch} event ${n}` })),
        }),
      ),
    )
    const rows = await query<{ seq: number; content: string }>(
      'select seq, content from events where project_id = $1 order by seq',
    )
    expect(rows.map((row) => row.seq)).toEqual(Array.from({ length: 150 }, (_, n) => n + 1))
    batches.forEach(({ recorded }, batch) => {
      const seqs = recorded.map((each) => Number(each.ref.split('.')[1]))
      expect(seqs.map((seq) => rows[seq - 1]?.content)).toEqual(
        [0, 1, 2].map((n) => `batch ${batch} event ${n}`),
      )
    })
    expect(await query('select event_count from frames where project_id = $1')).toEqual([
      { event_count: 150 },
    ])
  })

  it('store an event with a key once, however many send it [memory.idempotent]', async () => {
    const frame = await olga.start({ name: 'Hook' })
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () =>
        olga.record({ frame: frame.ref, events: [{ content: 'said once', key: 'message-1' }] }),
      ),
    )
    expect(answers.filter((each) => each.recorded.length === 1)).toHaveLength(1)
    expect(answers.filter((each) => each.skipped[0]?.reason === 'already recorded')).toHaveLength(19)
    const twice = await olga.record({
      frame: frame.ref,
      events: [
        { content: 'a', key: 'message-2' },
        { content: 'b', key: 'message-2' },
      ],
    })
    expect(twice).toMatchObject({ recorded: [{ ref: `${frame.ref}.2` }], skipped: [{ index: 1 }] })
    expect(await query('select seq from events where project_id = $1 order by seq')).toEqual([
      { seq: 1 },
      { seq: 2 },
    ])
  })

  it('do the work of one idempotency key once and all get its answer [memory.idempotent]', async () => {
    const root = await olga.start({ name: 'Root' })
    const task = await olga.task({ title: 'Existing' })
    const anchor = await olga.decide({ content: 'Existing decision' })
    const same = async <T>(call: () => Promise<T>) => {
      const answers = await Promise.all(Array.from({ length: 20 }, call))
      expect(new Set(answers.map((each) => JSON.stringify(sortKeys(each)))).size).toBe(1)
    }
    const idempotency_key = 'key-1'
    await same(async () => olga.decide({ content: 'Only once', idempotency_key }))
    await same(async () => olga.start({ name: 'Only once', parent: root.ref, idempotency_key }))
    await same(async () => olga.task({ title: 'Only once', idempotency_key }))
    await same(async () => olga.record({ frame: root.ref, events: [{ content: 'once' }], idempotency_key }))
    await same(async () => olga.setTask({ task: task.ref, status: 'in_progress', idempotency_key }))
    await same(async () => olga.update({ id: anchor.ref, action: 'confirm', idempotency_key }))
    await same(async () => olga.close({ frame: root.ref, summary: 'Done', idempotency_key }))
    const [counts] = await query(
      `select (select count(*)::int from anchors where project_id = $1) as anchors,
         (select count(*)::int from frames where project_id = $1) as frames,
         (select count(*)::int from tasks where project_id = $1) as tasks,
         (select count(*)::int from events where project_id = $1) as events,
         (select max(version) from tasks where project_id = $1) as "taskVersion",
         (select max(version) from anchors where project_id = $1) as "anchorVersion",
         (select count(*)::int from digests where project_id = $1) as digests`,
    )
    expect(counts).toEqual({
      anchors: 2,
      frames: 2,
      tasks: 2,
      events: 1,
      taskVersion: 2,
      anchorVersion: 2,
      digests: 2,
    })
  })

  it('are refused when a key comes with other arguments, and keys of two people differ [memory.idempotent]', async () => {
    await olga.decide({ content: 'First', idempotency_key: 'k' })
    const { code, message } = await refusal(olga.decide({ content: 'Second', idempotency_key: 'k' }))
    expect([code, message]).toEqual(['conflict', expect.stringContaining('new key')])
    expect(await mia.decide({ content: 'Second', idempotency_key: 'k' })).toMatchObject({
      alreadyRecorded: false,
    })
    expect(await olga.task({ title: 'Same key, other operation', idempotency_key: 'k' })).toMatchObject({
      ref: 'T3',
    })
  })

  it('leave a key free when its call failed [memory.idempotent]', async () => {
    const call = { content: 'Needs its frame', frame: 'F9', idempotency_key: 'k' }
    expect(await refusal(olga.decide(call))).toMatchObject({ code: 'not_found' })
    expect(await olga.decide({ content: 'Other', idempotency_key: 'k' })).toMatchObject({
      alreadyRecorded: false,
    })
  })

  it('find the open stack again from another client and after a restart of the server [frames.stack]', async () => {
    const root = await olga.start({ name: 'Root' })
    const inner = await olga.start({ name: 'Inner', parent: root.ref })
    const pool =
      world.test.url === undefined ? world.test.pool : new Pool({ connectionString: world.test.url })
    const restarted = createDatabase(pool, engine)
    const later = operationsOf(createMemory(restarted), () =>
      world.as(world.owner, { project, client: 'laptop' }),
    )
    const { text } = await later.context({ frame: inner.ref })
    expect(text).toContain(`${root.ref} Root (open`)
    expect(text).toContain(`${inner.ref} Inner (open`)
    expect((await later.context({})).text).toContain(`${inner.ref} Inner (open`)
    expect((await later.start({ name: 'Deeper', parent: inner.ref })).stack.map((each) => each.ref)).toEqual([
      root.ref,
      inner.ref,
      'F3',
    ])
    if (world.test.url !== undefined) await restarted.close()
  })
})

/** An answer that went through the database comes back with its keys in another order. */
const sortKeys = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, each]) => [key, sortKeys(each)]),
      )
    : Array.isArray(value)
      ? value.map(sortKeys)
      : value
