import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Project } from '../src/domain/context.ts'
import type { SearchHit } from '../src/domain/search/search-memory.ts'
import { engines } from './harness/test-database.ts'
import { createWorld, refusal, type User, type World } from './support/world.ts'

describe.each(engines)('search_memory on %s', (engine) => {
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

  const refs = async (input: Parameters<User['search']>[0]) =>
    (await olga.search(input)).hits.map((hit) => hit.ref)

  it('never puts a superseded statement above its successor, over a long chain [search.supersession]', async () => {
    const chain: string[] = []
    for (let n = 0; n < 25; n++)
      chain.push(
        (
          await olga.decide({
            content: `Port decision ${n}: the gateway port is ${n % 3 ? 'chosen' : 'chosen, the gateway port, gateway port'}`,
            supersedes: chain.slice(-1),
            priority: n < 5 ? 10 : 1,
          })
        ).ref,
      )
    const found = await refs({ query: 'gateway port', limit: 50 })
    expect(found).toEqual(chain.toReversed())
  })

  it('shows the successor first when only the old words match [search.supersession]', async () => {
    const old = await olga.decide({ content: 'Invoices are rendered by wkhtmltopdf' })
    const next = await olga.decide({ content: 'Chromium prints them', supersedes: [old.ref] })
    const last = await olga.decide({ content: 'Typst sets all documents', supersedes: [next.ref] })
    expect(await refs({ query: 'wkhtmltopdf' })).toEqual([last.ref, next.ref, old.ref])
    expect(await refs({ query: 'wkhtmltopdf', status: 'in_force' })).toEqual([last.ref])
    const { text } = await olga.context({ query: 'wkhtmltopdf' })
    expect(text).toContain('Typst sets all documents')
    expect(text.indexOf('Typst')).toBeLessThan(text.indexOf('wkhtmltopdf'))
  })

  it('narrows by kind, file, time, author, status and branch [search.filters]', async () => {
    const frame = await olga.start({ name: 'Cache work' })
    await olga.record({
      frame: frame.ref,
      events: [
        { content: 'The cache is cold', role: 'user', occurred_at: '2026-01-10T10:00:00Z' },
        {
          content: 'cache error',
          kind: 'error',
          files: ['./src\\cache.ts'],
          occurred_at: '2026-01-12T10:00:00Z',
        },
      ],
    })
    const decision = await mia.decide({ content: 'The cache lives in Redis', files: ['src/cache.ts'] })
    const branch = await olga.decide({ content: 'The cache is off', scope: 'branch', branch: 'spike' })
    const retracted = await olga.decide({ content: 'The cache never expires', type: 'fact' })
    await olga.update({ id: retracted.ref, action: 'retract' })
    const task = await olga.task({ title: 'Warm the cache' })
    const ask = async (filter: object) => (await refs({ query: 'cache', limit: 50, ...filter })).toSorted()
    const all = ['D2', 'D3', 'D4', 'F1', 'F1.1', 'F1.2', 'T5']
    expect(await ask({})).toEqual(all)
    expect(await ask({ kind: ['event'] })).toEqual(['F1.1', 'F1.2'])
    expect(await ask({ kind: ['error', 'task'] })).toEqual(['F1.2', task.ref])
    expect(await ask({ kind: ['anchor'] })).toEqual([decision.ref, branch.ref, retracted.ref])
    expect(await ask({ kind: ['fact', 'frame'] })).toEqual([retracted.ref, frame.ref])
    expect(await ask({ files: ['src/cache.ts'] })).toEqual([decision.ref, 'F1.2'])
    expect(await ask({ files: ['./src/cache.ts'] })).toEqual([decision.ref, 'F1.2'])
    expect(await ask({ since: '2026-01-11', until: '2026-01-13T00:00:00Z' })).toEqual(['F1.2'])
    expect(await ask({ until: '2026-01-12T10:00:00Z' })).toEqual(['F1.1'])
    expect(await ask({ author: world.member.name.toUpperCase() })).toEqual([decision.ref])
    expect(await ask({ author: 'terminal' })).toEqual([decision.ref])
    expect(await ask({ status: 'in_force' })).toEqual(all.filter((ref) => ref !== retracted.ref))
    expect(await ask({ branch: 'spike' })).toEqual(all)
    expect(await ask({ branch: 'main' })).toEqual(all.filter((ref) => ref !== branch.ref))
    expect(await ask({ kind: ['digest'] })).toEqual([])
    expect(
      await refusal(olga.search({ query: 'x', since: '2026-02-02', until: '2026-02-01' })),
    ).toMatchObject({
      code: 'invalid_input',
    })
  })

  it('pages without overlap or gap while others write [search.cursor]', async () => {
    const frame = await olga.start({ name: 'Log' })
    for (let n = 0; n < 4; n++)
      await olga.record({
        frame: frame.ref,
        events: Array.from({ length: 10 }, (_, m) => ({ content: `needle ${n * 10 + m} in the hay` })),
      })
    const first = await olga.search({ query: 'needle', limit: 7 })
    const all = (await olga.search({ query: 'needle', limit: 50 })).hits.map((hit) => hit.ref)
    expect(all).toHaveLength(40)
    const pages: string[] = first.hits.map((hit) => hit.ref)
    let cursor = first.nextCursor
    for (let page = 0; cursor !== null; page++) {
      await mia.record({ frame: frame.ref, events: [{ content: 'needle needle needle', role: 'user' }] })
      await mia.decide({ content: `The needle is number ${page}`, priority: 10 })
      const next = await olga.search({ query: 'needle', limit: 7, cursor })
      pages.push(...next.hits.map((hit) => hit.ref))
      cursor = next.nextCursor
    }
    expect(pages).toEqual(all)
  })

  it('refuses a cursor that was changed, cut, made up or is of another question [search.cursor]', async () => {
    const frame = await olga.start({ name: 'Log' })
    await olga.record({
      frame: frame.ref,
      events: Array.from({ length: 12 }, (_, n) => ({ content: `needle ${n}` })),
    })
    const { nextCursor } = await olga.search({ query: 'needle', limit: 5 })
    const cursor = nextCursor ?? ''
    const held: Record<string, unknown> = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const changed = Object.keys(held).flatMap((key) => [
      encode({
        ...held,
        [key]: typeof held[key] === 'number' ? held[key] + 1 : `${String(held[key])}x`,
      }),
      encode({ ...held, [key]: null }),
    ])
    const bad = [...changed, cursor.slice(0, -4), 'AAAA', '%%%', encode([]), encode({ ...held, more: 1 })]
    for (const each of bad) {
      const { code, message } = await refusal(olga.search({ query: 'needle', limit: 5, cursor: each }))
      expect([each, code, message]).toEqual([each, 'invalid_input', expect.stringContaining('cursor')])
    }
    for (const other of [{ query: 'hay' }, { query: 'needle', kind: ['event' as const] }])
      expect(await refusal(olga.search({ ...other, limit: 5, cursor }))).toMatchObject({
        code: 'invalid_input',
      })
    const elsewhere = world.user(world.owner, { project: world.acme.side })
    expect(await refusal(elsewhere.search({ query: 'needle', limit: 5, cursor }))).toMatchObject({
      code: 'invalid_input',
    })
    expect((await olga.search({ query: 'needle', limit: 5, cursor })).hits).toHaveLength(5)
  })

  it('shows date, title, status and author of every hit [search.hit-fields]', async () => {
    const frame = await olga.start({ name: 'Widget frame' })
    await olga.record({ frame: frame.ref, events: [{ content: 'widget seen', actor: 'Ana', role: 'user' }] })
    const old = await mia.decide({ content: 'widget one' })
    await mia.decide({ content: 'widget two', supersedes: [old.ref] })
    await olga.task({ title: 'widget task' })
    await olga.close({ frame: frame.ref, summary: 'widget done' })
    const { hits } = await olga.search({ query: 'widget', limit: 50 })
    const shown = new Map(hits.map((hit) => [`${hit.kind} ${hit.ref}`, hit]))
    expect([...shown.keys()].toSorted()).toEqual([
      'decision D2',
      'decision D3',
      'digest F1',
      'frame F1',
      'message F1.1',
      'task T4',
    ])
    for (const hit of hits) {
      expect(hit.date).toMatch(/^2026-03-02T\d\d:\d\d:00\.000Z$/)
      for (const field of ['title', 'status', 'author', 'snippet'] as const satisfies (keyof SearchHit)[])
        expect(hit[field], `${hit.ref} ${field}`).not.toBe('')
    }
    expect(shown.get('decision D2')).toMatchObject({ status: 'superseded', supersededBy: 'D3' })
    expect(shown.get('decision D3')).toMatchObject({
      title: 'widget two',
      status: 'active',
      author: `${world.member.name} via terminal`,
    })
    expect(shown.get('message F1.1')).toMatchObject({
      author: `Ana (${world.owner.name} via editor)`,
      frame: 'F1',
      frameName: 'Widget frame',
    })
    expect(shown.get('digest F1')).toMatchObject({ status: 'done' })
    expect(shown.get('task T4')).toMatchObject({ status: 'todo' })
  })
})
