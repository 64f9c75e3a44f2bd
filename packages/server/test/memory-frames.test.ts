import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Project } from '../src/domain/context.ts'
import { limits } from '../src/domain/limits.ts'
import { engines } from './harness/test-database.ts'
import { createWorld, refusal, type User, type World } from './support/world.ts'

describe.each(engines)('frames on %s', (engine) => {
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

  const frameOf = async (user: User, refNo: number) =>
    user.stores(async (stores) => stores.frames.find({ refNo }))
  const numberOf = (ref: string) => Number(ref.slice(1))

  it('form a tree, and the handle of a frame gives its call stack, root first [frames.stack]', async () => {
    const root = await olga.start({ name: 'Rewrite the login', goal: 'One session per device' })
    const left = await olga.start({ name: 'Cookies', parent: root.ref })
    const right = await olga.start({ name: 'Redirects', parent: root.ref })
    const leaf = await olga.start({ name: 'SameSite', parent: left.ref })
    expect(leaf.stack).toEqual([
      { ref: root.ref, name: 'Rewrite the login' },
      { ref: left.ref, name: 'Cookies' },
      { ref: leaf.ref, name: 'SameSite' },
    ])
    expect(right.stack.map((each) => each.ref)).toEqual([root.ref, right.ref])
    expect((await frameOf(olga, numberOf(leaf.ref)))?.depth).toBe(2)
    expect((await olga.one(leaf.id)).stack).toEqual([
      `${root.ref} Rewrite the login`,
      `${left.ref} Cookies`,
      `${leaf.ref} SameSite`,
    ])
    expect((await olga.context({ frame: leaf.ref })).text).toContain('Goal: One session per device')
  })

  it('give each of several agents a stack of its own in one project [frames.stack]', async () => {
    const agents = await Promise.all(
      Array.from({ length: 5 }, async (_, agent) => {
        const user = agent % 2 ? olga : mia
        const root = await user.start({ name: `Root of agent ${agent}` })
        const inner = await user.start({ name: `Inner of agent ${agent}`, parent: root.ref })
        return { root, inner }
      }),
    )
    expect(agents.map(({ inner }) => inner.stack.map((each) => each.name))).toEqual(
      agents.map((_, agent) => [`Root of agent ${agent}`, `Inner of agent ${agent}`]),
    )
    await olga.close({ frame: agents[1]?.inner.ref ?? '' })
    const open = await olga.stores(async (stores) => stores.frames.listOpen(50, null))
    expect(open).toHaveLength(9)
  })

  it('close what the same agent left open below, deepest first, each with a digest [frames.close]', async () => {
    const root = await olga.start({ name: 'Root' })
    const child = await olga.start({ name: 'Child', parent: root.ref })
    const grandchild = await olga.start({ name: 'Grandchild', parent: child.ref })
    const closed = await olga.close({ frame: root.ref, summary: 'All of it works.' })
    expect(closed.closedWithIt).toEqual([grandchild.ref, child.ref])
    expect(closed.movedUp).toEqual([])
    for (const [ref, outcome] of [
      [root.ref, 'done'],
      [child.ref, 'abandoned'],
      [grandchild.ref, 'abandoned'],
    ] as const) {
      expect(await frameOf(olga, numberOf(ref))).toMatchObject({ status: 'closed', outcome })
      expect(await olga.one(ref)).toMatchObject({ kind: 'digest', status: outcome })
    }
    expect((await olga.one(child.ref)).text).toContain(`${grandchild.ref} Grandchild (abandoned)`)
    expect((await olga.one(child.ref)).text).toContain(`Closed together with ${root.ref}`)
  })

  it("move somebody else's open frames up to the nearest open one, with their subtree [frames.close]", async () => {
    const root = await olga.start({ name: 'Root' })
    const middle = await olga.start({ name: 'Middle', parent: root.ref })
    const lower = await olga.start({ name: 'Lower', parent: middle.ref })
    const guest = await mia.start({ name: 'Guest', parent: lower.ref })
    const below = await mia.start({ name: 'Below the guest', parent: guest.ref })
    const direct = await mia.start({ name: 'Direct guest', parent: middle.ref })
    const closed = await olga.close({ frame: middle.ref })
    expect(closed.closedWithIt).toEqual([lower.ref])
    expect(closed.movedUp.toSorted()).toEqual([guest.ref, direct.ref].toSorted())
    const parentId = (await frameOf(olga, numberOf(root.ref)))?.id
    expect(await frameOf(mia, numberOf(guest.ref))).toMatchObject({ status: 'open', parentId, depth: 1 })
    expect(await frameOf(mia, numberOf(direct.ref))).toMatchObject({ status: 'open', parentId, depth: 1 })
    expect(await frameOf(mia, numberOf(below.ref))).toMatchObject({ status: 'open', depth: 2 })
    expect((await mia.one(below.ref)).stack.map((each) => each.split(' ')[0])).toEqual([
      root.ref,
      guest.ref,
      below.ref,
    ])
    expect((await olga.close({ frame: root.ref })).movedUp.toSorted()).toEqual(
      [guest.ref, direct.ref].toSorted(),
    )
    expect(await frameOf(mia, numberOf(guest.ref))).toMatchObject({
      status: 'open',
      parentId: null,
      depth: 0,
    })
    expect(await frameOf(mia, numberOf(below.ref))).toMatchObject({ depth: 1 })
  })

  it('tell two programs of one person apart when they close [frames.close]', async () => {
    const editor = world.user(world.owner, { project, client: 'editor' })
    const terminal = world.user(world.owner, { project, client: 'terminal' })
    const root = await editor.start({ name: 'Root' })
    const other = await terminal.start({ name: 'From the terminal', parent: root.ref })
    expect(await editor.close({ frame: root.ref })).toMatchObject({ closedWithIt: [], movedUp: [other.ref] })
  })

  it('hand off with what is below, and the hand-off comes first in the next bundle [frames.close]', async () => {
    const root = await olga.start({ name: 'Migrate the queue' })
    const child = await olga.start({ name: 'Dual writes', parent: root.ref })
    const closed = await olga.close({
      frame: root.ref,
      outcome: 'handoff',
      summary: 'Readers are moved; writers are not.',
      next_steps: ['Move the invoice writer'],
    })
    expect(closed).toMatchObject({ outcome: 'handoff', closedWithIt: [child.ref] })
    expect(await frameOf(olga, numberOf(child.ref))).toMatchObject({ outcome: 'handoff' })
    const { text } = await mia.context({})
    expect(text).toContain('## Hand-off')
    expect(text).toContain('Move the invoice writer')
    expect(text.indexOf('Readers are moved')).toBeGreaterThan(-1)
  })

  it('leave no open frame under a closed one when a start and a close meet [frames.close]', async () => {
    for (let round = 0; round < 8; round++) {
      const root = await olga.start({ name: 'Root' })
      const child = await olga.start({ name: 'Child', parent: root.ref })
      await Promise.allSettled([
        olga.start({ name: 'Late', parent: child.ref }),
        olga.close({ frame: root.ref }),
        olga.start({ name: 'Later', parent: child.ref }),
      ])
    }
    const { rows } = await world.test.pool.query(
      `select c.name from frames c join frames p on p.project_id = c.project_id and p.id = c.parent_id
       where c.status = 'open' and p.status = 'closed'`,
    )
    expect(rows).toEqual([])
  })

  it('close with a digest that says what happened, below included [frames.digest]', async () => {
    const root = await olga.start({
      name: 'Fix the importer',
      goal: 'No row is lost',
      files: ['src/import.ts'],
    })
    const child = await olga.start({ name: 'Parser', parent: root.ref })
    await olga.record({
      frame: child.ref,
      events: [
        { content: 'Quotes break it', role: 'user' },
        {
          content: 'TypeError: row is undefined\n  at parse (csv.ts:4)',
          kind: 'error',
          files: ['src/csv.ts'],
        },
        { content: 'TypeError: row is undefined\n  at parse (csv.ts:9)', kind: 'error' },
        { content: 'exit code 1', kind: 'tool_result', role: 'tool', is_error: true },
      ],
    })
    const pinned = await olga.decide({ content: 'The importer streams rows', frame: child.ref })
    await olga.close({ frame: child.ref, dead_ends: ['Regular expressions'] })
    const started = await frameOf(olga, numberOf(root.ref))
    const at = new Date((started?.startedAt.getTime() ?? 0) + 125 * 60_000)
    const ctx = world.as(world.owner, { project, now: at })
    const closed = await olga.close(
      {
        frame: root.ref,
        summary: 'Rows survive quotes.',
        decisions: ['CSV is parsed by the tokenizer'],
        dead_ends: ['Splitting at commas'],
        next_steps: ['Import the backlog'],
      },
      ctx,
    )
    const [digest] = await olga.stores(async (stores) => stores.digests.findByFrames([started?.id ?? '']))
    expect(digest).toMatchObject({
      outcome: 'done',
      durationMs: 125 * 60_000,
      summary: 'Rows survive quotes.',
    })
    expect(digest?.body).toEqual({
      summary: 'Rows survive quotes.',
      decisions: [
        `${pinned.ref} (decision) The importer streams rows`,
        `${closed.pinned[0]} (decision) CSV is parsed by the tokenizer`,
      ],
      deadEnds: ['Splitting at commas'],
      nextSteps: ['Import the backlog'],
      files: ['src/csv.ts', 'src/import.ts'],
      errors: [
        { text: 'TypeError: row is undefined', count: 2 },
        { text: 'exit code 1', count: 1 },
      ],
      counts: { error: 2, message: 1, tool_result: 1 },
    })
    expect(closed.digest.split('\n')).toEqual([
      'Fix the importer: done, 2 hours 5 min, 2 errors, 1 message, 1 tool result',
      'Goal: No row is lost',
      'Rows survive quotes.',
      'Decisions:',
      `- ${pinned.ref} (decision) The importer streams rows`,
      `- ${closed.pinned[0]} (decision) CSV is parsed by the tokenizer`,
      'Dead ends:',
      '- Splitting at commas',
      'Next steps:',
      '- Import the backlog',
      'Errors:',
      '- TypeError: row is undefined (2 times)',
      '- exit code 1',
      'Made of:',
      `- ${child.ref} Parser (done)`,
      'Files: src/csv.ts, src/import.ts',
    ])
  })

  it('do not list in a digest what no longer holds, nor pin a statement twice [frames.digest]', async () => {
    const root = await olga.start({ name: 'Choose a cache' })
    const first = await olga.decide({ content: 'Cache in memory', frame: root.ref })
    const second = await olga.decide({ content: 'Cache in Redis', frame: root.ref, supersedes: [first.ref] })
    const closed = await olga.close({ frame: root.ref, decisions: ['cache in  redis', 'cache in  redis'] })
    expect(closed.pinned).toEqual([second.ref])
    expect(closed.digest).toContain(`${second.ref} (decision) Cache in Redis`)
    expect(closed.digest).not.toContain('Cache in memory')
  })

  it('refuse work once closed, and say what to do instead [frames.close]', async () => {
    const root = await olga.start({ name: 'Root' })
    await olga.close({ frame: root.ref })
    const calls = [
      async () => olga.start({ name: 'Child', parent: root.ref }),
      async () => olga.record({ frame: root.ref, events: [{ content: 'late' }] }),
      async () => olga.decide({ content: 'late', frame: root.ref }),
    ]
    for (const call of calls) {
      const { code, message } = await refusal(call())
      expect(code).toBe('invalid_input')
      expect(message).toContain(`${root.ref} is closed`)
      expect(message).toContain('start_frame')
    }
    const again = await refusal(olga.close({ frame: root.ref }))
    expect(again).toMatchObject({ code: 'invalid_input' })
    expect(again.message).toContain('get_memory')
    expect((await olga.get({ ids: [root.ref], include: ['events'] })).items[0]?.timeline).toEqual([])
  })

  it('are refused beyond the depth limit, where a new stack still begins [frames.stack]', async () => {
    let parent: string | undefined
    for (let depth = 0; depth < limits.frameDepth; depth++)
      parent = (await olga.start({ name: `Level ${depth}`, parent })).ref
    const { code, message } = await refusal(olga.start({ name: 'One too deep', parent }))
    expect([code, message]).toEqual(['invalid_input', expect.stringContaining('at most 64 frames')])
    expect((await olga.start({ name: 'Fresh' })).stack).toHaveLength(1)
    expect((await olga.one(parent ?? '')).stack).toHaveLength(limits.frameDepth)
  })

  it('cannot become their own ancestor: the database refuses a frame that is its own parent [frames.stack]', async () => {
    const root = await olga.start({ name: 'Root' })
    await expect(
      olga.stores(async (stores) => stores.frames.reparent(root.id, root.id, 0, world.now())),
    ).rejects.toMatchObject({ code: 'internal' })
    await expect(
      refusal(olga.start({ name: 'Child of nobody', parent: '01900000-0000-7000-8000-000000000000' })),
    ).resolves.toMatchObject({ code: 'not_found' })
  })
})
