import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Project } from '../src/domain/context.ts'
import { engines } from './harness/test-database.ts'
import { createWorld, refusal, type User, type World } from './support/world.ts'

describe.each(engines)('tasks on %s', (engine) => {
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
    olga = world.user({ ...world.owner, role: 'member' }, { project })
    mia = world.user(world.member, { project })
  })

  const titles = async (input: Parameters<User['tasks']>[0] = {}) =>
    (await olga.tasks(input)).tasks.map((task) => task.title)

  it('wait for others and are ready when the last of them is finished [tasks.cycle]', async () => {
    const schema = await olga.task({ title: 'Schema' })
    const api = await olga.task({ title: 'API', blocked_by: [schema.ref] })
    const ui = await olga.task({ title: 'UI', blocked_by: [api.ref, schema.ref] })
    expect((await olga.tasks({})).tasks.map((task) => [task.ref, task.ready, task.blockedBy])).toEqual([
      [schema.ref, true, []],
      [ui.ref, false, [schema.ref, api.ref]],
      [api.ref, false, [schema.ref]],
    ])
    await olga.setTask({ task: schema.ref, status: 'done' })
    expect((await olga.tasks({ ready: true })).tasks.map((task) => task.ref)).toEqual([api.ref])
    expect(await olga.setTask({ task: ui.ref, remove_blocked_by: [api.ref] })).toMatchObject({
      blockedBy: [],
    })
    expect((await olga.tasks({ ready: true })).tasks.map((task) => task.ref)).toEqual([ui.ref, api.ref])
    expect(await olga.setTask({ task: ui.ref, add_blocked_by: [api.ref] })).toMatchObject({
      blockedBy: [api.ref],
    })
    await olga.setTask({ task: api.ref, status: 'cancelled' })
    expect(await titles({ ready: true })).toEqual(['UI'])
  })

  it('cannot wait for themselves, directly or around [tasks.cycle]', async () => {
    const [a, b, c] = [
      await olga.task({ title: 'A' }),
      await olga.task({ title: 'B' }),
      await olga.task({ title: 'C' }),
    ]
    await olga.setTask({ task: a.ref, add_blocked_by: [b.ref] })
    await olga.setTask({ task: b.ref, add_blocked_by: [c.ref] })
    for (const [task, blocker] of [
      [a.ref, a.ref],
      [b.ref, a.ref],
      [c.ref, a.id],
    ] as const) {
      const { code, message } = await refusal(
        olga.setTask({ task, status: 'done', add_blocked_by: [blocker] }),
      )
      expect([code, message]).toEqual(['invalid_input', expect.stringContaining('waits for it already')])
    }
    expect((await olga.tasks({})).tasks.map((task) => task.status)).toEqual(['todo', 'todo', 'todo'])
    await olga.setTask({ task: a.ref, remove_blocked_by: [b.ref] })
    expect(await olga.setTask({ task: c.ref, add_blocked_by: [a.ref] })).toMatchObject({ blockedBy: [a.ref] })
  })

  it('cannot be tied into a circle by writers at both ends at once [tasks.cycle]', async () => {
    for (let round = 0; round < 6; round++) {
      const tasks = await Promise.all(
        [0, 1, 2].map(async (n) => olga.task({ title: `Round ${round} task ${n}` })),
      )
      const results = await Promise.allSettled(
        tasks.map(async (task, n) =>
          (n % 2 ? olga : mia).setTask({ task: task.ref, add_blocked_by: [tasks[(n + 1) % 3]?.ref ?? ''] }),
        ),
      )
      expect(results.filter((each) => each.status === 'rejected')).toHaveLength(1)
    }
    const { rows } = await world.test.pool.query(
      `with recursive reach as (
         select task_id as start, blocked_by_id as at from task_dependencies where project_id = $1
         union
         select r.start, d.blocked_by_id from reach r join task_dependencies d on d.task_id = r.at)
       select start from reach where start = at`,
      [project.id],
    )
    expect(rows).toEqual([])
  })

  it('do not deadlock when one claims a task for a frame while another changes what it waits for [tasks.claim]', async () => {
    const blocker = await olga.task({ title: 'Blocker' })
    const tasks = await Promise.all(
      Array.from({ length: 8 }, async (_, n) => olga.task({ title: `Task ${n}` })),
    )
    const startedAt = performance.now()
    await Promise.all(
      tasks.flatMap((task) => [
        olga.start({ name: 'Work', task: task.ref }),
        mia.setTask({ task: task.ref, add_blocked_by: [blocker.ref] }),
      ]),
    )
    // PostgreSQL looks for deadlocks after one second.
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect((await olga.tasks({})).tasks.filter((task) => task.claimedBy === world.owner.name)).toHaveLength(8)
  })

  it('have one claim, which only its holder gives back [tasks.claim]', async () => {
    const { ref } = await olga.task({ title: 'Popular' })
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, async (_, n) => (n % 2 ? olga : mia).setTask({ task: ref, claim: true })),
    )
    expect(results.filter((each) => each.status === 'fulfilled')).toHaveLength(5)
    const [row] = (await olga.tasks({})).tasks
    const [holder, other] = row?.claimedBy === world.owner.name ? [olga, mia] : [mia, olga]
    const { code, message } = await refusal(other.setTask({ task: ref, claim: true }))
    expect([code, message]).toEqual(['conflict', expect.stringContaining('is claimed by')])
    expect(await refusal(other.setTask({ task: ref, claim: false }))).toMatchObject({ code: 'conflict' })
    expect(await refusal(other.start({ name: 'Mine now', task: ref }))).toMatchObject({
      code: 'invalid_input',
    })
    const admin = world.user(world.acme.people.admin, { project })
    expect(await refusal(admin.setTask({ task: ref, claim: true }))).toMatchObject({ code: 'conflict' })
    expect(await admin.setTask({ task: ref, claim: false })).toMatchObject({ claimedBy: null })
    await holder.setTask({ task: ref, claim: true })
    await holder.setTask({ task: ref, claim: false })
    expect(await other.setTask({ task: ref, claim: true })).toMatchObject({ claimedBy: expect.any(String) })
    expect((await other.tasks({ mine: true })).tasks).toHaveLength(1)
    expect((await holder.tasks({ mine: true })).tasks).toHaveLength(0)
  })

  it('are claimed and started by the frame that is for them [tasks.claim]', async () => {
    const { ref } = await olga.task({ title: 'Do it' })
    expect(await olga.start({ name: 'Doing', task: ref })).toMatchObject({ task: ref })
    expect((await olga.tasks({})).tasks[0]).toMatchObject({
      status: 'in_progress',
      claimedBy: world.owner.name,
    })
    await olga.setTask({ task: ref, status: 'done' })
    expect((await olga.one(ref)).history.map((each) => each.status)).toEqual(['todo', 'in_progress', 'done'])
    expect(await refusal(olga.start({ name: 'Again', task: ref }))).toMatchObject({ code: 'invalid_input' })
  })

  it('come ready first, then by priority, then the one touched last, and are counted [tasks.ready]', async () => {
    const low = await olga.task({ title: 'low', priority: 'low', tags: ['db'] })
    const urgent = await olga.task({ title: 'urgent but waiting', priority: 'urgent', blocked_by: [low.ref] })
    await olga.task({ title: 'medium, older' })
    await olga.task({ title: 'medium, newer', tags: ['db', 'api'] })
    await olga.task({ title: 'high', priority: 'high' })
    const stuck = await olga.task({ title: 'stuck', priority: 'urgent' })
    await olga.setTask({ task: stuck.ref, status: 'blocked', note: 'Needs a licence' })
    const done = await olga.task({ title: 'done' })
    expect(await olga.setTask({ task: done.ref, status: 'done' })).toMatchObject({ progress: 100 })
    expect(await titles()).toEqual([
      'high',
      'medium, newer',
      'medium, older',
      'low',
      'stuck',
      'urgent but waiting',
    ])
    expect(await titles({ tags: ['db'] })).toEqual(['medium, newer', 'low'])
    expect(await titles({ priority: 'urgent' })).toEqual(['stuck', 'urgent but waiting'])
    expect(await titles({ status: ['done'] })).toEqual(['done'])
    expect(await titles({ limit: 2 })).toEqual(['high', 'medium, newer'])
    expect((await olga.tasks({ metrics: true })).metrics).toEqual({
      total: 7,
      todo: 5,
      in_progress: 0,
      blocked: 1,
      done: 1,
      cancelled: 0,
      ready: 4,
    })
    await olga.setTask({ task: low.ref, status: 'done' })
    expect((await titles())[0]).toBe('urgent but waiting')
    expect(urgent.blockedBy).toEqual([low.ref])
    const { text } = await olga.context({})
    expect(text.indexOf('urgent but waiting')).toBeLessThan(text.indexOf('medium, newer'))
  })

  it('find ready tasks behind more than a page of waiting ones [tasks.ready]', async () => {
    const gate = await olga.task({ title: 'gate', priority: 'low' })
    for (let n = 0; n < 30; n++)
      await olga.task({ title: `waiting ${n}`, priority: 'urgent', blocked_by: [gate.ref] })
    expect(await titles({ ready: true, limit: 5 })).toEqual(['gate'])
    expect((await titles({ limit: 5 }))[0]).toBe('gate')
  })
})
