/** What happened, what there is, and projects for a moment: operations behind the commands for a person. */
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { getOverview } from '../src/domain/activity/get-overview.ts'
import { listActivity, listActivityInput } from '../src/domain/activity/list-activity.ts'
import { createScratchProject, removeScratchProject } from '../src/domain/scratch-project.ts'
import { engines } from './harness/test-database.ts'
import { createWorld, refusal, type Person, type World } from './support/world.ts'

describe.each(engines)('activity on %s', (engine) => {
  let world: World
  let frame: string
  beforeAll(async () => {
    world = await createWorld(engine)
    const user = world.user(world.owner)
    frame = (await user.start({ name: 'Canary frame' })).ref
    await user.decide({ content: 'Canary decision', frame })
    await user.record({ frame, events: [{ content: 'said' }, { content: 'Canary failed', kind: 'error' }] })
    await user.task({ title: 'Canary task' })
  })
  afterAll(async () => world.close())

  const list = async (person: Person, input: object = {}, options: Parameters<World['as']>[1] = {}) =>
    listActivity(world.as(person, options), world.memory, listActivityInput.parse(input))

  it('is of one project, for whoever may read it [tenancy.activity]', async () => {
    const { acme, globex } = world
    expect((await list(acme.people.viewer)).map(({ kind }) => kind)).toEqual([
      'task',
      'error',
      'decision',
      'frame',
    ])
    expect(await list(globex.people.owner)).toEqual([])
    expect(await list(world.owner, {}, { project: acme.side })).toEqual([])
    expect((await getOverview(world.as(globex.people.owner), world.memory)).counts).toMatchObject({
      frames: 0,
      events: 0,
      tasks: 0,
    })
    for (const options of [{ project: globex.main }, { scopes: [] }]) {
      expect(await refusal(list(world.owner, {}, options))).toMatchObject({ code: 'forbidden' })
      expect(await refusal(getOverview(world.as(world.owner, options), world.memory))).toMatchObject({
        code: 'forbidden',
      })
    }
    const unknown = await refusal(list(globex.people.owner, { frame: 'F999' }))
    const foreign = await refusal(list(globex.people.owner, { frame }))
    expect(foreign).toEqual({ ...unknown, message: unknown.message.replace('F999', frame) })
  })

  it('has nothing of what was forgotten [tenancy.activity]', async () => {
    const user = world.user(world.owner)
    const secret = await user.decide({ content: 'To be forgotten' })
    expect((await list(world.owner)).map(({ ref }) => ref)).toContain(secret.ref)
    await user.update({ id: secret.ref, action: 'forget' })
    const after = await list(world.owner)
    expect(JSON.stringify(after)).not.toContain('forgotten')
    expect((await getOverview(world.as(world.owner), world.memory)).counts).toMatchObject({
      frames: 1,
      openFrames: 1,
      events: 2,
      statementsInForce: 1,
      tasks: 1,
      readyTasks: 1,
    })
  })

  it('of a scratch project is removed with it, by whoever may, and no other project is [tenancy.scratch]', async () => {
    const { accounts, acme, globex } = world
    const signal = AbortSignal.timeout(30_000)
    const make = async (person: Person) =>
      createScratchProject(
        { accounts, principal: world.as(person).principal, signal },
        { id: uuidv7(), name: 'Scratch' },
      )
    for (const person of [acme.people.admin, acme.people.member, acme.people.viewer])
      expect(await refusal(make(person))).toMatchObject({ code: 'forbidden' })
    const project = await make(world.owner)
    const user = world.user(world.owner, { project })
    const parent = await user.start({ name: 'Parent' })
    const child = await user.start({ name: 'Child', parent: parent.ref })
    const first = await user.decide({ content: 'First', frame: child.ref })
    await user.decide({
      content: 'Second',
      supersedes: [first.ref],
      frame: child.ref,
      idempotency_key: 'once',
    })
    const task = await user.task({ title: 'One', frame: parent.ref })
    await user.task({ title: 'Two', blocked_by: [task.ref], parent: task.ref })
    await user.record({ frame: child.ref, events: [{ content: 'said', key: 'k' }] })
    await user.close({ frame: parent.ref })
    await user.context({ query: 'first' })
    expect((await accounts.listProjects(acme.id, signal)).map(({ slug }) => slug)).toEqual(['main', 'side'])

    for (const [person, chosen] of [
      [globex.people.owner, project],
      [acme.people.member, project],
      [acme.people.viewer, project],
      [world.owner, acme.main],
      [world.owner, { ...acme.main, slug: project.slug }],
    ] as const) {
      const removing = removeScratchProject(world.as(person, { project: chosen }), accounts)
      if (chosen.id === acme.main.id && chosen.slug === project.slug) expect(await removing).toBe(false)
      else expect(await refusal(removing)).toMatchObject({ code: 'forbidden' })
    }
    expect((await list(world.owner)).length).toBeGreaterThan(3)
    expect(await removeScratchProject(world.as(world.owner, { project }), accounts)).toBe(true)
    expect(await removeScratchProject(world.as(world.owner, { project }), accounts)).toBe(false)
    const { rows: tables } = await world.test.pool.query<{ name: string }>(
      `select table_name as name from information_schema.columns where table_schema = 'public' and column_name = 'project_id'`,
    )
    expect(tables.length).toBeGreaterThan(14)
    for (const { name } of tables)
      expect(
        (await world.test.pool.query(`select 1 from ${name} where project_id = $1`, [project.id])).rowCount,
        name,
      ).toBe(0)
    expect(await accounts.findProject({ id: project.id }, signal)).toBeUndefined()
  })

  it('of a scratch project needs a name that no other project may have [tenancy.scratch]', async () => {
    const project = { id: uuidv7(), organizationId: world.acme.id, userId: world.owner.id, name: 'x' }
    const make = async (slug: string, isScratch: boolean) =>
      refusal(world.accounts.createProject({ ...project, slug, isScratch }, AbortSignal.timeout(10_000)))
    expect(await make('scratch--mine', false)).toMatchObject({ code: 'invalid_input' })
    expect(await make('mine', true)).toMatchObject({ code: 'invalid_input' })
  })
})
