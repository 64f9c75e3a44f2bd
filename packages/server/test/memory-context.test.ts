import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { v7 as uuidv7 } from 'uuid'
import type { Context, Project } from '../src/domain/context.ts'
import { limits } from '../src/domain/limits.ts'
import { countTokens } from '../src/domain/retrieval/tokens.ts'
import { createRandom } from './harness/random.ts'
import { engines } from './harness/test-database.ts'
import { createWorld, operationsOf, refusal, type User, type World } from './support/world.ts'

const seed = Number(process.env['CONTEXT_SEED'] ?? 7)
const words =
  'cache redis session cookie login parser retry queue migration index vacuum deploy token budget frame socket error timeout zürich 日本語 naïve 🚀 src/app.ts refactor-the-importer https://example.test/a?b=c'.split(
    ' ',
  )

describe.each(engines)('get_context on %s', (engine) => {
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

  const tokensOf = (bundle: Awaited<ReturnType<User['context']>>) =>
    countTokens(bundle.text) + countTokens(JSON.stringify(bundle.summary))

  const random = createRandom(seed)
  const below = (max: number) => Math.floor(random() * max)
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T
  const say = (max: number) =>
    Array.from({ length: 1 + below(max) }, () => pick(words)).join(pick([' ', ' ', '\n', '. ']))

  /** A project with a random history; returns references of its frames. */
  const fill = async (user: User) => {
    const frames: string[] = []
    const anchors: string[] = []
    for (let step = 0; step < 14 + below(10); step++) {
      const what = below(7)
      if (what === 0 || frames.length === 0) {
        const parent = frames.length && below(2) ? pick(frames) : undefined
        const started = await user
          .start({ name: say(6).slice(0, 200), goal: say(30), constraints: [say(12)], parent })
          .catch(() => undefined)
        if (started) frames.push(started.ref)
      } else if (what <= 2)
        await user
          .record({
            frame: pick(frames),
            events: Array.from({ length: 1 + below(6) }, () => ({
              content: say(pick([5, 40, 400])),
              role: pick(['user', 'assistant', 'tool'] as const),
              kind: pick(['message', 'tool_result', 'error'] as const),
              files: below(3) ? [] : ['src/app.ts'],
            })),
          })
          .catch(() => undefined)
      else if (what <= 4)
        anchors.push(
          (
            await user.decide({
              content: `${step} ${say(pick([8, 60]))}`,
              type: pick(['decision', 'constraint', 'fact']),
              rationale: say(20),
              pinned: below(6) === 0,
            })
          ).ref,
        )
      else if (what === 5)
        await user.task({ title: say(10).slice(0, 200), priority: pick(['low', 'urgent']) })
      else
        await user
          .close({
            frame: pick(frames),
            summary: say(60),
            outcome: pick(['done', 'handoff']),
            next_steps: [say(8)],
            dead_ends: [say(12)],
          })
          .catch(() => undefined)
    }
    return frames
  }

  it(
    'never exceeds its budget, text and summary together, in 200 random questions [context.budget]',
    { timeout: 240_000 },
    async () => {
      let questions = 0
      for (let round = 0; round < 10; round++) {
        const own = await world.newProject()
        const user = world.user(world.owner, { project: own })
        const frames = await fill(user)
        for (let n = 0; n < 20; n++) {
          const budget = below(3) ? 200 + below(1_800) : pick([200, 201, 230, 500, limits.budgetTokensMax])
          const bundle = await user.context({
            budget_tokens: budget,
            query: below(4) ? say(12) : undefined,
            frame: below(2) ? pick(frames) : undefined,
            files: below(3) ? [] : ['src/app.ts'],
            detail: pick(['index', 'standard', 'full']),
          })
          const tokens = tokensOf(bundle)
          expect(tokens, `seed ${seed}, round ${round}, question ${n}`).toBeLessThanOrEqual(budget)
          expect(Math.abs(bundle.summary.tokens - tokens)).toBeLessThanOrEqual(2)
          expect(bundle.summary.budget_tokens).toBe(budget)
          questions++
        }
      }
      expect(questions).toBe(200)
    },
  )

  it('stays within the smallest budget in a project with the longest names [context.budget]', async () => {
    const slug = 'zq-9x7-'.repeat(9)
    const long = { ...project, slug, organizationSlug: slug }
    const ctx = () => world.as(world.owner, { project: long })
    const user = operationsOf(world.memory, ctx)
    for (let n = 0; n < 12; n++)
      await user.decide({ content: `Rule ${n}: ${'never '.repeat(20)}`, type: 'constraint' })
    for (const detail of ['index', 'standard', 'full'] as const) {
      const bundle = await user.context({ budget_tokens: limits.budgetTokensMin, detail, query: 'rule' })
      expect(tokensOf(bundle)).toBeLessThanOrEqual(limits.budgetTokensMin)
      expect(bundle.text).toContain('</stackmemory>')
    }
  })

  it('uses the room it is given, and says how much it left out [context.budget]', async () => {
    for (let n = 0; n < 40; n++)
      await olga.decide({ content: `${uuidv7()} ${uuidv7()}: ${words[n % words.length]}` })
    const small = await olga.context({ budget_tokens: 600 })
    expect(tokensOf(small)).toBeGreaterThan(450)
    expect(small.summary.left_out).toBeGreaterThan(10)
    expect(small.summary.left_out + small.summary.shown).toBe(40)
    expect(small.text).toContain(
      `Left out: ${small.summary.left_out} (${small.summary.left_out} for want of room`,
    )
  })

  it('shows or counts every match: also plain events of an open frame [context.complete]', async () => {
    const frame = await olga.start({ name: 'Login' })
    await olga.record({
      frame: frame.ref,
      events: [{ content: 'The redirect loses the query string when SameSite=Strict' }],
    })
    const lax = await olga.decide({ content: 'Session cookies use SameSite=Lax' })
    await olga.decide({ content: 'Session cookies use SameSite=Strict', supersedes: [lax.ref] })
    for (const given of [{}, { frame: frame.ref }]) {
      const { text } = await olga.context({ query: 'session cookie SameSite', ...given })
      expect(text).toContain('The redirect loses the query string')
    }
    const tight = await olga.context({ query: 'session cookie SameSite', budget_tokens: 220 })
    expect(tight.text).toMatch(/F1\.1 |Left out: \d/)
    expect(tight.summary.shown + tight.summary.left_out).toBeGreaterThanOrEqual(3)
  })

  it('shows what matched although its words stand next to signs [context.complete]', async () => {
    const frame = await olga.start({ name: 'Flags' })
    await olga.record({ frame: frame.ref, events: [{ content: 'Set MAX_RETRY=5;TIMEOUT=30 in the env' }] })
    for (const query of ['max retry', 'MAX_RETRY', 'timeout'])
      expect((await olga.context({ query })).text, query).toContain('MAX_RETRY=5')
  })

  it('shows statements in force side by side that differ in one number [context.complete]', async () => {
    for (let n = 0; n < 12; n++)
      await olga.decide({ content: `Service ${n} owns table number ${n} and nobody else writes to it` })
    for (const query of [undefined, 'which service owns the table']) {
      const { text } = await olga.context({ query, budget_tokens: 2_000 })
      for (let n = 0; n < 12; n++) expect(text).toContain(`Service ${n} owns`)
    }
  })

  it('counts tasks, frames and steps that found no room [context.complete]', async () => {
    for (let n = 0; n < 30; n++) await olga.task({ title: `${uuidv7()} to do` })
    const frames = []
    for (let n = 0; n < 20; n++) frames.push(await olga.start({ name: `${uuidv7()} open` }))
    const { summary } = await olga.context({ budget_tokens: 500 })
    expect(summary.shown + summary.left_out).toBe(50)
    const frame = frames[0]?.ref ?? ''
    await olga.record({
      frame,
      events: Array.from({ length: 12 }, () => ({ content: `${uuidv7()} ${uuidv7()} ${uuidv7()}` })),
    })
    const inFrame = await olga.context({ frame, budget_tokens: 600 })
    expect(inFrame.summary.shown + inFrame.summary.left_out).toBeGreaterThanOrEqual(30 + 1 + 12)
  })

  it('is the same for the same memory, question and moment [context.as-of]', async () => {
    const frames = await fill(olga)
    const now = world.now()
    const fixed = (): Context => ({
      ...world.as(world.owner, { project, now }),
      newId: () => '01900000-0000-7000-8000-0000000000aa',
    })
    const ask = async () => olga.context({ query: 'cache session error', frame: frames[0] }, fixed())
    const first = await ask()
    await world.test.pool.query('delete from receipts where project_id = $1', [project.id])
    expect(await ask()).toEqual(first)
  })

  /** A world in which everything that can change later has happened before. */
  const settle = async () => {
    const root = await olga.start({ name: 'Root', goal: 'Ship the cache' })
    const inner = await olga.start({ name: 'Inner cache work', parent: root.ref })
    const guest = await mia.start({ name: 'Guest cache work', parent: inner.ref })
    await olga.record({ frame: inner.ref, events: [{ content: 'The cache is cold', role: 'user' }] })
    const rule = await olga.decide({ content: 'The cache lives in Redis', frame: inner.ref })
    const fact = await mia.decide({ content: 'The cache holds 2 GB', type: 'fact' })
    const old = await olga.decide({ content: 'The cache expires after an hour', type: 'constraint' })
    const warm = await olga.task({ title: 'Warm the cache' })
    const measure = await mia.task({ title: 'Measure the cache', blocked_by: [warm.ref] })
    const handed = await mia.start({ name: 'Earlier cache work' })
    await mia.close({ frame: handed.ref, outcome: 'handoff', next_steps: ['Look at the cache'] })
    return { root, inner, guest, rule, fact, old, warm, measure }
  }

  const change = async ({
    root,
    inner,
    guest,
    rule,
    fact,
    old,
    warm,
    measure,
  }: Awaited<ReturnType<typeof settle>>) => {
    await olga.decide({ content: 'The cache lives in memory', supersedes: [rule.ref], priority: 10 })
    await mia.update({ id: fact.ref, action: 'pin' })
    await mia.update({ id: fact.ref, action: 'confirm', reason: 'Measured' })
    await olga.update({ id: old.ref, action: 'retract', reason: 'No' })
    await olga.setTask({
      task: measure.ref,
      remove_blocked_by: [warm.ref],
      priority: 'urgent',
      note: 'cache cache',
    })
    await olga.setTask({ task: warm.ref, status: 'done', claim: true })
    await mia.record({ frame: guest.ref, events: [{ content: 'cache cache cache', role: 'user' }] })
    await olga.record({ frame: inner.ref, events: [{ content: 'The cache is warm' }] })
    await olga.close({ frame: inner.ref, summary: 'The cache works' })
    await olga.close({ frame: root.ref, outcome: 'handoff', summary: 'The cache is yours' })
    await mia.start({ name: 'New cache work', parent: guest.ref })
    await mia.close({ frame: guest.ref, decisions: ['The cache is done'] })
    await olga.task({ title: 'Celebrate the cache', priority: 'urgent' })
  }

  it('says of a decision in an old digest that it was superseded or retracted since [context.outdated]', async () => {
    const { ref: frame } = await olga.start({ name: 'Where sessions live' })
    const redis = await olga.decide({ content: 'Sessions live in Redis', frame })
    const ttl = await olga.decide({ content: 'Sessions end after ten days', frame })
    const kept = await olga.decide({ content: 'Session ids are random', frame })
    await olga.close({ frame, summary: 'Sessions were moved.' })
    const before = await olga.context({ query: 'where do sessions live' })
    expect(before.text).toContain(`${redis.ref} (decision) Sessions live in Redis`)
    const postgres = await olga.decide({ content: 'Sessions live in PostgreSQL', supersedes: [redis.ref] })
    await olga.update({ id: ttl.ref, action: 'retract', reason: 'wrong' })
    const after = await olga.context({ query: 'where do sessions live' })
    expect(after.text).toContain(
      `${redis.ref} (decision, superseded by ${postgres.ref}) Sessions live in Redis`,
    )
    expect(after.text).toContain(`${ttl.ref} (decision, now retracted) Sessions end`)
    expect(after.text).toContain(`${kept.ref} (decision) Session ids`)
    const rebuilt = await mia.context({ as_of: before.summary.receipt })
    expect(rebuilt.text).toBe(before.text)
  })

  it('is rebuilt byte for byte from its receipt, by anybody, whatever happened since [context.as-of]', async () => {
    const held = await settle()
    const questions = [
      {},
      { query: 'cache' },
      { query: 'how long does the cache keep things', detail: 'full' as const, budget_tokens: 700 },
      { frame: held.guest.ref },
      { frame: held.inner.ref, query: 'cache work', detail: 'index' as const },
    ]
    const before = []
    for (const question of questions) before.push(await mia.context(question))
    await change(held)
    for (const [n, bundle] of before.entries()) {
      for (const reader of [mia, olga])
        expect(await reader.context({ as_of: bundle.summary.receipt }), `question ${n}`).toEqual(bundle)
      expect((await mia.context(questions[n] ?? {})).text).not.toEqual(bundle.text)
    }
  })

  it('answers for a moment as it would have answered then [context.as-of]', async () => {
    const held = await settle()
    const bundle = await olga.context({ query: 'cache', frame: held.inner.ref })
    await change(held)
    const then = await olga.context({ query: 'cache', frame: held.inner.ref, as_of: bundle.summary.as_of })
    const withoutReceipt = (text: string) => text.replace(/receipt="[^"]*"/, '')
    expect(withoutReceipt(then.text)).toBe(withoutReceipt(bundle.text))
    expect(then.summary).toMatchObject({ as_of: bundle.summary.as_of, shown: bundle.summary.shown })
    expect(await refusal(olga.context({ as_of: '2999-01-01T00:00:00Z' }))).toMatchObject({
      code: 'invalid_input',
    })
    expect(await refusal(olga.context({ as_of: uuidv7() }))).toMatchObject({ code: 'not_found' })
    const late = await olga.start({ name: 'Later' })
    expect(await refusal(olga.context({ frame: late.ref, as_of: bundle.summary.as_of }))).toMatchObject({
      code: 'not_found',
    })
  })

  it('does not know frames and receipts of another project [tenancy.matrix]', async () => {
    const elsewhere = world.user(world.owner, { project: world.acme.side })
    const frame = await elsewhere.start({ name: 'Elsewhere' })
    const { summary } = await elsewhere.context({ frame: frame.id })
    const nothing = await refusal(olga.context({ frame: uuidv7() }))
    const theirs = await refusal(olga.context({ frame: frame.id }))
    expect(theirs.code).toBe('not_found')
    expect(theirs.message.replaceAll(/[0-9a-f-]{36}/g, '')).toBe(
      nothing.message.replaceAll(/[0-9a-f-]{36}/g, ''),
    )
    expect(await refusal(olga.context({ as_of: summary.receipt }))).toMatchObject({ code: 'not_found' })
    expect((await olga.context({ query: 'Elsewhere' })).text).not.toContain('Elsewhere')
  })

  it('carries standing instructions into a bundle about something else [context.instructions]', async () => {
    const early = await olga.start({ name: 'First day' })
    await olga.record({
      frame: early.ref,
      events: [
        {
          content: 'From now on always run the linter before you commit, and never push to main.',
          role: 'user',
        },
        {
          content: 'From now on I will always run the linter, said the tool.',
          role: 'tool',
          kind: 'tool_result',
        },
      ],
    })
    await olga.close({ frame: early.ref, summary: 'Setup' })
    const work = await olga.start({ name: 'Work' })
    for (let batch = 0; batch < 4; batch++)
      await olga.record({
        frame: work.ref,
        events: Array.from({ length: 10 }, (_, n) => ({
          content: `The websocket gateway number ${batch * 10 + n} drops frames under load, measured ${n} times today`,
          role: 'user' as const,
        })),
      })
    for (const query of ['websocket gateway drops frames', undefined])
      expect((await olga.context({ query, budget_tokens: 800 })).text).toContain(
        'always run the linter before you commit',
      )
  })
})
