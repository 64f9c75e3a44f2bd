import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Project } from '../src/domain/context.ts'
import { engines } from './harness/test-database.ts'
import { createWorld, refusal, type User, type World } from './support/world.ts'

describe.each(engines)('anchors on %s', (engine) => {
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

  const history = async (ref: string) =>
    (await olga.one(ref)).history.map(({ version, status, by, reason }) => ({ version, status, by, reason }))

  it('keep every state they were in, with who and why [anchors.versions]', async () => {
    const { ref } = await olga.decide({ content: 'Deploy on Fridays', rationale: 'Traffic is low' })
    await mia.update({ id: ref, action: 'confirm', reason: 'Still true' })
    await mia.update({ id: ref, action: 'pin' })
    await mia.update({ id: ref, action: 'unpin' })
    await olga.update({ id: ref, action: 'expire', reason: 'New team' })
    await mia.update({ id: ref, action: 'retract', reason: 'Never worked' })
    const by = 'Olga of acme via editor'
    const other = 'Mia of acme via terminal'
    expect(await history(ref)).toEqual([
      { version: 1, status: 'active', by, reason: '' },
      { version: 2, status: 'active', by: other, reason: 'Still true' },
      { version: 3, status: 'active', by: other, reason: 'Still true' },
      { version: 4, status: 'active', by: other, reason: 'Still true' },
      { version: 5, status: 'expired', by, reason: 'New team' },
      { version: 6, status: 'retracted', by: other, reason: 'Never worked' },
    ])
    const { rows } = await world.test.pool.query(
      'select pinned, confirmed_at is not null as confirmed from anchor_versions where project_id = $1 order by version',
      [project.id],
    )
    expect(rows.map((row) => [row.pinned, row.confirmed])).toEqual([
      [false, false],
      [false, true],
      [true, true],
      [false, true],
      [false, true],
      [false, true],
    ])
  })

  it('chain: each successor names what it replaced, and only the last is in force [anchors.versions]', async () => {
    const refs: string[] = []
    for (const port of [4000, 5000, 6000, 7000]) {
      const supersedes = refs.slice(-1)
      refs.push((await olga.decide({ content: `The API listens on ${port}`, supersedes })).ref)
    }
    const items = (await olga.get({ ids: refs })).items
    expect(items.map((item) => [item.status, item.supersededBy])).toEqual([
      ['superseded', refs[1]],
      ['superseded', refs[2]],
      ['superseded', refs[3]],
      ['active', null],
    ])
    const inForce = await olga.stores(async (stores) => stores.anchors.listInForce(10, null))
    expect(inForce.map((anchor) => anchor.content)).toEqual(['The API listens on 7000'])
  })

  it('are replaced in place by update_memory, in the same scope and priority [anchors.versions]', async () => {
    const { ref } = await olga.decide({
      content: 'Use yarn',
      type: 'constraint',
      priority: 9,
      files: ['package.json'],
    })
    const updated = await mia.update({
      id: ref,
      action: 'supersede',
      replacement: 'Use npm',
      reason: 'Workspaces',
    })
    expect(updated).toMatchObject({ ref, status: 'superseded', version: 2, replacement: 'D2' })
    expect(await olga.one('D2')).toMatchObject({
      kind: 'constraint',
      status: 'active',
      files: ['package.json'],
    })
    expect((await olga.one('D2')).text).toContain('Why: Workspaces')
    const [anchor] = await olga.stores(async (stores) => stores.anchors.listInForce(1, null))
    expect(anchor).toMatchObject({ priority: 9, type: 'constraint' })
  })

  it('cannot be superseded twice, by whatever name and from wherever [anchors.versions]', async () => {
    const first = await olga.decide({ content: 'Tabs' })
    await olga.decide({ content: 'Spaces', supersedes: [first.ref, first.id] })
    expect(await history(first.ref)).toHaveLength(2)
    for (const call of [
      async () => olga.decide({ content: 'Both', supersedes: [first.ref] }),
      async () => olga.update({ id: first.ref, action: 'supersede', replacement: 'None' }),
    ])
      expect(await refusal(call())).toMatchObject({
        code: 'invalid_input',
        message: expect.stringContaining('superseded before'),
      })
    await olga.update({ id: first.ref, action: 'expire' })
    expect(await refusal(olga.decide({ content: 'Both', supersedes: [first.ref] }))).toMatchObject({
      code: 'invalid_input',
    })
    expect(await refusal(olga.update({ id: first.ref, action: 'confirm' }))).toMatchObject({
      code: 'invalid_input',
    })
  })

  it('let one of two concurrent successors win [anchors.versions]', async () => {
    const first = await olga.decide({ content: 'Shard by tenant' })
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, async (_, n) =>
        (n % 2 ? olga : mia).decide({ content: `Shard plan ${n}`, supersedes: [first.ref] }),
      ),
    )
    expect(results.filter((each) => each.status === 'fulfilled')).toHaveLength(1)
    const inForce = await olga.stores(async (stores) => stores.anchors.listInForce(10, null))
    expect(inForce).toHaveLength(1)
  })

  it('confirm brings back what was retracted or expired, and its end is gone [anchors.versions]', async () => {
    const { ref } = await olga.decide({ content: 'Node 20 is enough' })
    await olga.update({ id: ref, action: 'expire' })
    expect((await olga.context({})).text).not.toContain('Node 20 is enough')
    expect(await olga.update({ id: ref, action: 'confirm' })).toMatchObject({ status: 'active' })
    const [anchor] = await olga.stores(async (stores) => stores.anchors.listInForce(1, null))
    expect(anchor).toMatchObject({ content: 'Node 20 is enough', expiresAt: null })
  })

  it('answer a duplicate with the statement in force, also from many writers at once [anchors.versions]', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, async (_, n) =>
        (n % 2 ? olga : mia).decide({ content: n % 3 ? 'Logs are JSON lines' : ' logs  ARE json\nlines ' }),
      ),
    )
    expect(new Set(answers.map((each) => each.ref)).size).toBe(1)
    expect(answers.filter((each) => !each.alreadyRecorded)).toHaveLength(1)
    expect(await olga.decide({ content: 'Logs are JSON lines', type: 'fact' })).toMatchObject({
      alreadyRecorded: false,
    })
    expect(
      await olga.decide({ content: 'Logs are JSON lines', scope: 'branch', branch: 'next' }),
    ).toMatchObject({ alreadyRecorded: false })
  })

  it('still supersede when the new statement was in force already [anchors.versions]', async () => {
    const old = await olga.decide({ content: 'Retry three times' })
    const current = await olga.decide({ content: 'Retry five times with jitter' })
    const again = await mia.decide({ content: 'Retry five times with jitter', supersedes: [old.ref] })
    expect(again).toMatchObject({ ref: current.ref, alreadyRecorded: true, superseded: [old.ref] })
    expect(await olga.one(old.ref)).toMatchObject({ status: 'superseded', supersededBy: current.ref })
  })

  it('point out what they may contradict or repeat [anchors.versions]', async () => {
    const first = await olga.decide({ content: 'Session cookies use SameSite=Lax' })
    await olga.decide({ content: 'The build runs on arm64' })
    const second = await olga.decide({ content: 'Session cookies use SameSite=Strict' })
    expect(second.possibleConflicts.map((each) => each.ref)).toEqual([first.ref])
    const third = await olga.decide({
      content: 'Session cookies use SameSite=None',
      supersedes: [first.ref, second.ref],
    })
    expect(third.possibleConflicts).toEqual([])
  })

  it('are compared with what is in force, however much history says the same [anchors.versions]', async () => {
    const first = await olga.decide({ content: 'Session cookies use SameSite=Lax' })
    for (let n = 0; n < 20; n++) {
      const { ref } = await olga.decide({ content: `Session cookies use SameSite=Lax for ${n} minutes` })
      await olga.update({ id: ref, action: n % 2 ? 'retract' : 'expire' })
    }
    const compared = async (content: string) => {
      const { ref, possibleConflicts } = await olga.decide({ content, rationale: `because ${content}` })
      await olga.update({ id: ref, action: 'forget' })
      return possibleConflicts.map((each) => each.ref)
    }
    expect(await compared('Session cookies use SameSite=Strict')).toEqual([first.ref])
    const { replacement } = await olga.update({
      id: first.ref,
      action: 'supersede',
      replacement: 'Session cookies use SameSite=None',
    })
    expect(await compared('Session cookies use SameSite=Strict')).toEqual([replacement])
    await olga.update({ id: replacement ?? '', action: 'retract' })
    expect(await compared('Session cookies use SameSite=Strict')).toEqual([])
    await olga.update({ id: replacement ?? '', action: 'confirm' })
    expect(await compared('Session cookies use SameSite=Strict')).toEqual([replacement])
    await olga.update({ id: replacement ?? '', action: 'forget' })
    expect(await compared('Session cookies use SameSite=Strict')).toEqual([])
  })

  it('tell what they may contradict again when the call is repeated [memory.idempotent]', async () => {
    const first = await olga.decide({ content: 'Session cookies use SameSite=Lax' })
    const call = { content: 'Session cookies use SameSite=Strict', idempotency_key: 'same' }
    const answers = [await olga.decide(call), await olga.decide(call)]
    expect(answers[0]?.possibleConflicts.map((each) => each.ref)).toEqual([first.ref])
    expect(answers[1]).toEqual(answers[0])
  })

  it('use up no reference when they were in force already [anchors.versions]', async () => {
    const first = await olga.decide({ content: 'Logs are JSON lines' })
    for (let n = 0; n < 3; n++) await mia.decide({ content: 'Logs are JSON lines' })
    const second = await olga.decide({ content: 'Metrics are counters' })
    expect(Number(second.ref.slice(1))).toBe(Number(first.ref.slice(1)) + 1)
  })

  it('are refused when nothing is left to say after cleaning [anchors.versions]', async () => {
    const { ref } = await olga.decide({ content: 'Something' })
    const nothing = '<private>all of it</private>'
    for (const call of [
      async () => olga.decide({ content: nothing }),
      async () => olga.update({ id: ref, action: 'supersede', replacement: nothing }),
    ])
      expect(await refusal(call())).toMatchObject({ code: 'invalid_input' })
    expect(await history(ref)).toHaveLength(1)
  })

  describe('forget', () => {
    const secretWord = 'zanzibar'

    /** Everything an agent could read, before and after, with and without a moment. */
    const everything = async (moment: Date, receipt: string) => {
      const bundles = await Promise.all([
        olga.context({ query: secretWord, detail: 'full', budget_tokens: 8000 }),
        olga.context({ budget_tokens: 8000 }),
        olga.context({ frame: 'F1', budget_tokens: 8000 }),
        olga.context({ as_of: moment.toISOString(), query: secretWord, budget_tokens: 8000 }),
        olga.context({ as_of: moment.toISOString(), frame: 'F2', budget_tokens: 8000 }),
        olga.context({ as_of: receipt }),
      ])
      const { hits } = await olga.search({ query: secretWord })
      const open: string[] = []
      for (const ref of ['F1', 'F2', 'F3', 'F2.1', 'F2.2', 'D4', 'D5', 'T6', 'T7', 'F8']) {
        const found = await olga
          .get({ ids: [ref], around: true, include: ['events', 'history'] })
          .catch(() => undefined)
        if (found) open.push(JSON.stringify(found))
      }
      const tasks = await olga.tasks({ status: ['todo', 'done', 'in_progress'] })
      return [...bundles.map((bundle) => bundle.text), JSON.stringify(hits), JSON.stringify(tasks), ...open]
    }

    const about = (text: string) => `${text} ${secretWord}`

    it('takes an item out of every answer, earlier bundles and digests included [memory.forget]', async () => {
      const root = await olga.start({ name: 'Root' })
      const inner = await olga.start({ name: 'Inner', parent: root.ref })
      const forgettable = await olga.start({
        name: about('Side work'),
        parent: inner.ref,
        goal: about('Goal'),
      })
      const anchor = await olga.decide({ content: about('The office is in'), frame: inner.ref })
      const old = await olga.decide({
        content: about('Formerly in'),
        rationale: about('Because'),
        frame: inner.ref,
      })
      const task = await olga.task({ title: about('Fly to'), description: about('By plane to') })
      await olga.task({ title: 'Waits', blocked_by: [task.ref] })
      await olga.record({
        frame: inner.ref,
        events: [
          { content: about('Error: no flight to'), kind: 'error', files: ['flights.ts'] },
          { content: about('Never go to'), role: 'user' },
        ],
      })
      await olga.close({ frame: forgettable.ref })
      await olga.update({ id: old.ref, action: 'retract', reason: about('Moved to') })
      const { summary } = await olga.context({ query: secretWord, budget_tokens: 8000 })
      const moment = world.now()
      expect((await everything(moment, summary.receipt)).join('\n')).toContain(secretWord)
      await olga.close({ frame: inner.ref, dead_ends: ['Trains'] })
      await olga.close({ frame: root.ref, summary: 'Over' })
      expect((await olga.one(root.ref)).text).toContain(secretWord)

      for (const id of [anchor.ref, old.id, task.ref, `${inner.ref}.1`, `${inner.ref}.2`, forgettable.ref])
        expect(await mia.update({ id, action: 'forget' })).toMatchObject({ status: 'forgotten' })

      for (const answer of await everything(moment, summary.receipt)) expect(answer).not.toContain(secretWord)
      const digest = (await olga.one(root.ref)).text
      expect(digest).toContain('Over')
      expect((await olga.one(inner.ref)).text).toContain('Trains')
      expect(digest).not.toContain('flights.ts')
      expect((await olga.tasks({})).tasks.map((each) => [each.ready, each.blockedBy])).toEqual([[true, []]])
      const { rows } = await world.test.pool.query(
        `select 1 from search_entries where project_id = $1 and tsv @@ 'zanzibar'::tsquery`,
        [project.id],
      )
      expect(rows).toEqual([])
    })

    it('is not undone by asking an earlier call again under its key [memory.forget]', async () => {
      const root = await olga.start({ name: 'Root', idempotency_key: 'start' })
      const old = await olga.decide({ content: about('The office of 20 people is in'), frame: root.ref })
      const calls = [
        async () =>
          olga.decide({ content: about('The office of 30 people is in'), idempotency_key: 'decide' }),
        async () => olga.close({ frame: root.ref, idempotency_key: 'close' }),
      ]
      const before = []
      for (const call of calls) before.push(await call())
      expect(JSON.stringify(before[0])).toContain(secretWord)
      expect(JSON.stringify(before[1])).toContain(secretWord)
      await olga.update({ id: old.ref, action: 'forget' })
      for (const [n, call] of calls.entries()) {
        const again = await call()
        expect(JSON.stringify(again)).not.toContain(secretWord)
        expect(again.ref).toBe(before[n]?.ref)
      }
      expect((await olga.start({ name: 'Root', idempotency_key: 'start' })).ref).toBe(root.ref)
    })

    it('keeps an open frame, and says how to go on [memory.forget]', async () => {
      const { ref } = await olga.start({ name: 'Open' })
      const { code, message } = await refusal(olga.update({ id: ref, action: 'forget' }))
      expect([code, message]).toEqual(['invalid_input', expect.stringContaining('close_frame')])
    })

    it('finds nothing to forget twice, nor what never was [memory.forget]', async () => {
      const { ref, id } = await olga.decide({ content: 'Gone soon' })
      await olga.update({ id: ref, action: 'forget' })
      for (const each of [ref, id, 'D99', 'F1.1', 'T99', '01900000-0000-7000-8000-000000000000'])
        expect(await refusal(olga.update({ id: each, action: 'forget' }))).toMatchObject({
          code: 'not_found',
        })
      expect(await olga.decide({ content: 'Gone soon' })).toMatchObject({ alreadyRecorded: false })
    })
  })
})
