import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { v7 as uuidv7 } from 'uuid'
import { aliases } from '../src/mcp/tools/aliases.ts'
import { tools } from '../src/mcp/tools/index.ts'
import { engines } from './harness/test-database.ts'
import { type Caller, createServedWorld, type Era, type ServedWorld } from './support/served-world.ts'
import { type Actor, actors, matrix, type Row } from './tenancy-matrix.ts'

const eras: readonly Era[] = ['modern', 'legacy']
const canary = 'canary of acme'

/** Ids of one set of things, fresh for every call, so that closing or forgetting one spoils no other cell. */
type Things = Record<'$frame' | '$anchor' | '$task' | '$other-task' | '$event', string>

const fillIn = (args: unknown, things: Record<string, string>): unknown => {
  if (typeof args === 'string') return things[args] ?? args
  if (Array.isArray(args)) return args.map((each) => fillIn(each, things))
  if (typeof args !== 'object' || args === null) return args
  return Object.fromEntries(Object.entries(args).map(([key, value]) => [key, fillIn(value, things)]))
}

/** What may differ between two answers that tell the same: ids that were asked for, and the request's own. */
const comparable = (text: string) => text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>')

describe('the tenancy matrix', () => {
  it('has rows for every tool under each of its names [tenancy.matrix]', () => {
    const named = new Set(matrix.map((row) => row.tool))
    const existing = [...tools, ...aliases].map((tool) => tool.name)
    expect([...named].toSorted()).toEqual(existing.toSorted())
  })

  it('lets no outsider in, and nobody write who may only read [tenancy.matrix]', () => {
    const writers = new Set([
      ...tools.filter((tool) => tool.scope === 'memory:write').map((tool) => tool.name),
      ...aliases.filter((alias) => alias.tool.scope === 'memory:write').map((alias) => alias.name),
    ])
    for (const { tool, outcomes } of matrix) {
      expect([tool, outcomes.anonymous, outcomes.revoked_key]).toEqual([tool, '401', '401'])
      expect(['not_found', 'own']).toContain(outcomes.other_tenant)
      expect([tool, outcomes.viewer, outcomes.no_scope]).toEqual([
        tool,
        writers.has(tool) ? 'forbidden' : 'ok',
        'forbidden',
      ])
    }
  })
})

describe.each(engines)('tenancy on %s', (engine) => {
  let world: ServedWorld
  /** For callers who change nothing. */
  let kept: Things
  const keys = new Map<Actor, string | undefined>()
  const callers = new Map<string, Caller>()

  beforeAll(async () => {
    world = await createServedWorld(engine)
    const { people } = world.acme
    const keyOf = async (...args: Parameters<ServedWorld['createKey']>) =>
      (await world.createKey(...args)).key
    keys.set('owner', await keyOf(people.owner))
    keys.set('admin', await keyOf(people.admin))
    keys.set('member', await keyOf(people.member))
    keys.set('viewer', await keyOf(people.viewer))
    keys.set('read_only_key', await keyOf(people.member, { scopes: ['memory:read'] }))
    keys.set('no_scope', await keyOf(people.member, { scopes: [] }))
    keys.set('other_tenant', await keyOf(world.globex.people.owner))
    const revoked = await world.createKey(people.owner)
    await world.accounts.revokeKey(world.acme.id, revoked.id, new Date(), AbortSignal.timeout(10_000))
    keys.set('revoked_key', revoked.key)
    keys.set('anonymous', undefined)
    for (const era of eras)
      for (const actor of actors.filter((each) => each !== 'anonymous' && each !== 'revoked_key'))
        callers.set(`${era} ${actor}`, await world.connect(era, keys.get(actor)))
    kept = await things()
    const globex = world.user(world.globex.people.owner)
    await globex.decide({ content: 'The canary of globex sings' })
  })
  afterAll(async () => world.close())

  let made = 0
  const things = async (): Promise<Things> => {
    const number = ++made
    const user = world.user(world.owner)
    const frame = await user.start({ name: `${canary}, frame ${number}` })
    const { recorded } = await user.record({
      frame: frame.ref,
      events: [{ content: `${canary}, event ${number}` }],
    })
    const anchor = await user.decide({ content: `${canary}, decision ${number}` })
    const task = await user.task({ title: `${canary}, task ${number}` })
    const other = await user.task({ title: `${canary}, other task ${number}` })
    return {
      $frame: frame.id,
      $anchor: anchor.id,
      $task: task.id,
      '$other-task': other.id,
      $event: recorded[0]?.id ?? '',
    }
  }
  const nothing = (): Things => ({
    $frame: uuidv7(),
    $anchor: uuidv7(),
    $task: uuidv7(),
    '$other-task': uuidv7(),
    $event: uuidv7(),
  })

  const argumentsOf = (row: Row, held: Things, mark: string) => {
    const args = fillIn(row.arguments, held) as Record<string, unknown>
    for (const name of ['content', 'text', 'replacement'])
      if (typeof args[name] === 'string') args[name] = `${args[name]} ${mark}`
    return { ...args, project: 'main' }
  }

  const expectCell = async (era: Era, actor: Actor, row: Row) => {
    const caller = callers.get(`${era} ${actor}`)
    const call = async (held: Things) => {
      if (!caller) throw new Error(`nobody is connected as ${actor}`)
      return caller.call(row.tool, argumentsOf(row, held, `${era} ${actor} ${made}`))
    }
    const what = `${row.tool} ${JSON.stringify(row.arguments)} as ${actor}, ${era}`
    switch (row.outcomes[actor]) {
      case 'ok': {
        const given = await call(await things())
        expect([what, given.kind, given.kind === 'ok' ? '' : given.text]).toEqual([what, 'ok', ''])
        break
      }
      case 'own': {
        const given = await call(kept)
        expect([what, given.kind]).toEqual([what, 'ok'])
        expect(given.text + JSON.stringify(given.structured)).not.toContain(canary)
        break
      }
      case 'not_found': {
        const [theirs, none] = [await call(kept), await call(nothing())]
        expect([what, theirs.kind]).toEqual([what, 'error'])
        expect(theirs.text).toContain('code: not_found')
        expect(theirs.text).not.toContain(canary)
        expect(comparable(theirs.text)).toBe(comparable(none.text))
        break
      }
      case 'forbidden': {
        const [given, none] = [await call(kept), await call(nothing())]
        expect([what, given.kind]).toEqual([what, 'error'])
        expect(given.text).toContain('code: forbidden')
        expect(comparable(given.text)).toBe(comparable(none.text))
        break
      }
      case '401': {
        const response = await post('/mcp', keys.get(actor), {
          method: 'tools/call',
          params: { name: row.tool, arguments: argumentsOf(row, kept, actor) },
        })
        expect([what, response.status]).toEqual([what, 401])
        expect(await response.text()).not.toContain(canary)
        break
      }
    }
  }

  const post = async (path: string, key: string | undefined, message: object) =>
    fetch(new URL(path, world.url), {
      method: 'POST',
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }),
    })

  describe.each(eras)('over MCP, %s', (era) => {
    it.each(actors)(
      'answers every row of the matrix for: %s [tenancy.matrix]',
      { timeout: 120_000 },
      async (actor) => {
        for (const row of matrix) await expectCell(era, actor, row)
      },
    )

    it('left everything of the first tenant as it was, whatever the others tried [tenancy.matrix]', async () => {
      const held = await things()
      const before = await snapshot()
      for (const actor of ['other_tenant', 'viewer', 'read_only_key', 'no_scope'] as const)
        for (const row of matrix)
          if (row.outcomes[actor] !== 'ok')
            await callers.get(`${era} ${actor}`)?.call(row.tool, argumentsOf(row, held, 'intruder'))
      expect(await snapshot()).toEqual(before)
    })

    it('lists for each caller exactly the tools that work for them [tenancy.matrix]', async () => {
      for (const actor of actors) {
        const listed = await callers.get(`${era} ${actor}`)?.tools()
        if (!listed) continue
        for (const tool of tools.filter((each) => each.visibility === 'listed')) {
          const works = matrix.some((row) => row.tool === tool.name && row.outcomes[actor] !== 'forbidden')
          expect([actor, tool.name, listed.includes(tool.name)]).toEqual([actor, tool.name, works])
        }
      }
    })

    it('gives resources of another tenant the answer of those that never were [tenancy.matrix]', async () => {
      const held = await things()
      const caller = callers.get(`${era} other_tenant`)
      const pairs = [
        [
          `stackmemory://acme/main/memory/${held.$anchor}`,
          `stackmemory://nobody/main/memory/${held.$anchor}`,
        ],
        ['stackmemory://acme/main/decisions', 'stackmemory://nobody/main/decisions'],
        ['stackmemory://acme/main/stack', 'stackmemory://acme/nothing/stack'],
        [`stackmemory://globex/main/memory/${held.$anchor}`, `stackmemory://globex/main/memory/${uuidv7()}`],
      ] as const
      for (const [theirs, none] of pairs) {
        const [given, missing] = [await caller?.read(theirs), await caller?.read(none)]
        expect([theirs, given?.kind]).toEqual([theirs, 'refused'])
        const plain = (text = '') => comparable(text).replaceAll(/acme\/nothing|nobody\/main/g, 'acme/main')
        expect(plain(given?.text)).toBe(plain(missing?.text))
      }
      expect((await callers.get(`${era} viewer`)?.read(pairs[0][0]))?.text).toContain(canary)
      expect((await callers.get(`${era} no_scope`)?.read(pairs[0][0]))?.kind).toBe('refused')
    })
  })

  const snapshot = async () => {
    const counts: Record<string, unknown> = {}
    for (const table of [
      'frames',
      'events',
      'anchors',
      'anchor_versions',
      'digests',
      'tasks',
      'task_versions',
      'task_dependencies',
    ]) {
      const { rows } = await world.test.pool.query(
        `select count(*)::int as n, md5(string_agg(t::text, '' order by t::text)) as hash from ${table} t where project_id = $1`,
        [world.acme.main.id],
      )
      counts[table] = rows[0]
    }
    return counts
  }

  it('refuses another project by argument and by URL as if it did not exist [tenancy.matrix]', async () => {
    const caller = callers.get('modern other_tenant')
    const [theirs, none] = [
      await caller?.call('get_active_tasks', { project: 'acme/main' }),
      await caller?.call('get_active_tasks', { project: 'acme/nope' }),
    ]
    expect(theirs?.kind).toBe('error')
    expect(comparable(theirs?.text ?? '').replaceAll('acme/main', 'acme/nope')).toBe(
      comparable(none?.text ?? ''),
    )
    const key = keys.get('other_tenant')
    const bodies: string[] = []
    for (const path of ['/mcp/acme/main', '/mcp/acme/nope', '/mcp/nobody/main']) {
      const response = await post(path, key, { method: 'tools/list' })
      bodies.push(`${response.status} ${comparable(await response.text())}`)
    }
    expect(bodies[0]).toMatch(/^404 /)
    expect(new Set(bodies).size).toBe(1)
    expect((await post('/mcp/acme/main', keys.get('viewer'), initialize)).status).toBe(200)
  })

  it('opens only its own project to a key of one project [tenancy.matrix]', async () => {
    const { key } = await world.createKey(world.member, { projectId: world.acme.side.id })
    const held = await things()
    for (const era of eras) {
      const caller = await world.connect(era, key)
      expect((await caller.call('get_memory', { ids: [held.$anchor] })).text).toContain('code: not_found')
      expect((await caller.call('search_memory', { query: 'canary' })).text).not.toContain(canary)
      expect((await caller.read(`stackmemory://acme/main/memory/${held.$anchor}`)).kind).toBe('refused')
    }
    expect((await post('/mcp/acme/main', key, initialize)).status).toBe(404)
  })

  it('says the same to every credential that is not valid [tenancy.matrix]', async () => {
    const { key } = await world.createKey(world.member)
    const answers: string[] = []
    for (const each of [
      keys.get('revoked_key'),
      `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`,
      'nonsense',
    ]) {
      const response = await post('/mcp', each, initialize)
      answers.push(
        `${response.status} ${comparable(await response.text())} ${response.headers.get('www-authenticate')}`,
      )
    }
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).toMatch(/^401 /)
  })
})

const initialize = {
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '0' } },
}
