/** The shortcuts that keep search quick in a large project must not change what a small one is told. */
import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SearchEntry, SearchStore } from '../src/domain/ports.ts'
import { tokenise, toTsquery, toTsvector } from '../src/domain/retrieval/tokenise.ts'
import { createDatabase, type Database } from '../src/postgres/database.ts'
import { createSearchStore } from '../src/postgres/search.ts'
import { createTestDatabase, engines, type TestDatabase } from './harness/test-database.ts'

const at = new Date('2026-01-01T00:00:00Z')
const authorId = randomUUID()

const entry = (lexemes: readonly string[], change: Partial<SearchEntry> = {}): SearchEntry => ({
  itemId: uuidv7(),
  ord: 0,
  itemKind: 'event',
  version: 1,
  frameId: null,
  seq: null,
  kind: 'message',
  role: 'user',
  actor: '',
  authorId,
  branch: null,
  files: [],
  len: lexemes.length,
  tokens: 10,
  startOffset: 0,
  endOffset: 10,
  instruction: false,
  occurredAt: at,
  createdAt: at,
  tsv: toTsvector(lexemes),
  ...change,
})

describe.each(engines)('the search index on %s', (engine) => {
  let test: TestDatabase
  let database: Database
  let projectIds: string[]

  const inProject = async <T>(projectId: string, work: (search: SearchStore) => Promise<T>): Promise<T> =>
    database.transact(
      { role: 'stackmemory_app', projectId, signal: AbortSignal.timeout(60_000), durable: false },
      async (tx) => work(createSearchStore(tx, projectId)),
    )

  beforeAll(async () => {
    test = await createTestDatabase(engine)
    database = createDatabase(test.pool, engine)
    const organizationId = randomUUID()
    const userId = randomUUID()
    projectIds = [randomUUID(), randomUUID(), randomUUID()]
    await test.pool.query(`insert into organizations (id, slug, name, kind) values ($1, 'o', 'O', 'team')`, [
      organizationId,
    ])
    await test.pool.query(
      `insert into users (id, name, auth_provider, auth_id) values ($1, 'U', 'local', 'u')`,
      [userId],
    )
    for (const [index, id] of projectIds.entries())
      await test.pool.query(
        `insert into projects (id, organization_id, user_id, slug, name) values ($1, $2, $3, $4, 'P')`,
        [id, organizationId, userId, `p${index}`],
      )
  })
  afterAll(async () => {
    await database.close()
    await test.close()
  })

  const fill = async (projectId: string, count: number) => {
    for (let from = 0; from < count; from += 2_000)
      await inProject(projectId, async (search) =>
        search.insertMany(
          Array.from({ length: Math.min(2_000, count - from) }, (_, index) =>
            entry([
              'everywhere',
              ...((from + index) % 2 === 0 ? ['half'] : []),
              ...((from + index) % 1_000 === 0 ? ['rare'] : []),
            ]),
          ),
        ),
      )
  }

  it('counts exactly while a project is small', async () => {
    const [projectId = ''] = projectIds
    await fill(projectId, 3_000)
    await inProject(projectId, async (search) => {
      expect(await search.size(null)).toEqual({ entries: 3_000, averageLength: expect.closeTo(1.501, 6) })
      expect(await search.documentFrequencies(['everywhere', 'half', 'rare', 'none'], null)).toEqual(
        new Map([
          ['everywhere', 3_000],
          ['half', 1_500],
          ['rare', 3],
          ['none', 0],
        ]),
      )
    })
  })

  it('estimates common lexemes of a large project, counts rare ones, and does so at every moment', async () => {
    const [, projectId = ''] = projectIds
    await fill(projectId, 20_000)
    const later = new Date(at.getTime() + 1)
    await inProject(projectId, async (search) => search.insertMany([entry(['fresh'], { createdAt: later })]))
    await inProject(projectId, async (search) => {
      const lexemes = ['everywhere', 'half', 'rare', 'fresh', 'none']
      const { entries, averageLength } = await search.size(null)
      const df = await search.documentFrequencies(lexemes, null)
      // Four standard errors of a sample of 625: it fails once in ten thousand runs.
      expect(Math.abs(entries / 20_000 - 1)).toBeLessThan(0.16)
      expect(averageLength).toBeCloseTo(1.5, 0)
      expect(Math.abs((df.get('everywhere') ?? 0) / 20_000 - 1)).toBeLessThan(0.16)
      expect(Math.abs((df.get('half') ?? 0) / 10_000 - 1)).toBeLessThan(0.23)
      expect([df.get('rare'), df.get('fresh'), df.get('none')]).toEqual([20, 1, 0])
      const before = await search.documentFrequencies(lexemes, at)
      expect(before).toEqual(new Map([...df, ['fresh', 0]]))
      expect(await search.documentFrequencies(lexemes, later)).toEqual(df)
    })
  })

  it.runIf(engine === 'postgres')(
    'reads no entry of another project, however common the words are [rls.search-plan]',
    async () => {
      const [, projectId = ''] = projectIds // most of the table: reading all of it looks cheap
      const plans = await plansOf(test.pool, projectId, [
        `select count(*) from search_candidates($1, 'everywhere | half', '{everywhere}', '{1}', '{everywhere}', null,
           null, null, null, null, null, null, null, 600, 10)`,
        `select count(*) from search_anchor_candidates($1, 'everywhere', '{everywhere}', '{1}', '{everywhere}', null,
           null, null, null, null, null, null, null, 600, 10)`,
        `select count(*) from search_statements($1, 'everywhere', '{everywhere}', 15)`,
        `select count(*) from search_statistics($1, '{everywhere,half,rare}', null)`,
        `select count(*) from search_size($1, null)`,
      ])
      const scans = plans.flatMap((plan) => plan.match(/^.*Scan .*search_entries.*$/gm) ?? [])
      expect(scans.length).toBeGreaterThan(50)
      expect(scans.filter((scan) => scan.includes('Seq Scan'))).toEqual([])
      const conditions = plans.flatMap((plan) => plan.match(/Index Cond: .*$/gm) ?? [])
      expect(conditions.length).toBeGreaterThan(50)
      expect(conditions.filter((condition) => !condition.includes('(project_id = '))).toEqual([])
    },
  )

  it('tells how often each lexeme stands in a candidate, whatever signs are in it', async () => {
    const [, , projectId = ''] = projectIds
    const odd = ["it's", String.raw`c:\temp\x`, "''", String.raw`\'`, 'a:1', '=src/a b.ts', 'x', 'été']
    const lexemes = odd.flatMap((lexeme, index) => Array.from({ length: index + 1 }, () => lexeme))
    const anchor = entry([...lexemes, ...tokenise('unrelated words')], {
      itemKind: 'anchor',
      kind: 'decision',
    })
    const event = entry(['x'], {})
    await inProject(projectId, async (search) => search.insertMany([anchor, event]))
    const asked = ['absent', ...odd]
    const query = {
      gate: toTsquery(odd),
      lexemes: asked,
      weights: asked.map(() => 1),
      averageLength: 10,
      asOf: null,
      limit: 10,
    }
    const found = await inProject(projectId, async (search) => search.candidates(query))
    expect(found.map(({ itemId, tf }) => [itemId, tf])).toEqual([
      [anchor.itemId, [0, 1, 2, 3, 4, 5, 6, 7, 8]],
      [event.itemId, [0, 0, 0, 0, 0, 0, 0, 1, 0]],
    ])
    const anchors = await inProject(projectId, async (search) =>
      search.candidates({ ...query, itemKinds: ['anchor'] }),
    )
    expect(anchors).toEqual(found.slice(0, 1))
  })
})

/** Plans of what the functions run, the first times and later: auto_explain sends them to its session. */
const plansOf = async (pool: Pool, projectId: string, texts: readonly string[]): Promise<string[]> => {
  const client = await pool.connect()
  const plans: string[] = []
  const note = ({ message = '' }: { message?: string | undefined }) => void plans.push(message)
  client.on('notice', note)
  try {
    await client.query('vacuum analyze search_entries')
    await client.query(`load 'auto_explain'`)
    await client.query('set auto_explain.log_min_duration = 0')
    await client.query('set auto_explain.log_nested_statements = on')
    await client.query('set client_min_messages = log')
    await client.query(`select set_config('app.project_id', $1, false)`, [projectId])
    for (let time = 0; time < 8; time++) for (const text of texts) await client.query(text, [projectId])
  } finally {
    client.off('notice', note)
    client.release(true)
  }
  return plans
}
