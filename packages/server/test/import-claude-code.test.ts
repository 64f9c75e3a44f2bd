import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { updateMemory } from '../src/domain/anchor/update-memory.ts'
import { importSession } from '../src/domain/ingest/import-session.ts'
import { searchMemory, searchMemoryInput } from '../src/domain/search/search-memory.ts'
import { readTranscript } from '../src/import/claude-code/read-transcript.ts'
import { toImportedSession } from '../src/import/claude-code/to-imported-session.ts'
import { engines } from './harness/test-database.ts'
import { openTestMemory, type TestMemory } from './harness/test-memory.ts'

const fixtures = fileURLToPath(new URL('fixtures/transcripts/', import.meta.url))
const loginRedirect = join(fixtures, 'login-redirect.jsonl')
const openRedirect = join(fixtures, 'open-redirect.jsonl')

describe.each(engines)('importing Claude Code sessions on %s', (engine) => {
  let test: TestMemory
  let folder: string

  beforeAll(async () => {
    test = await openTestMemory(engine)
    folder = await mkdtemp(join(tmpdir(), 'import-'))
  })
  afterAll(async () => {
    await test.close()
    await rm(folder, { recursive: true })
  })
  beforeEach(async () => test.newProject())

  const importFile = async (path: string, options = {}) => {
    const { sessions } = await readTranscript(path)
    const results = []
    for (const session of sessions)
      results.push(await importSession(test.context(), test.memory, toImportedSession(session), options))
    return results
  }
  const rows = async (query: string): Promise<Record<string, unknown>[]> =>
    (await test.pool.query(query, [test.project.id])).rows
  const everything = async () => ({
    frames: await rows('select * from frames where project_id = $1 order by ref_no'),
    events: await rows('select * from events where project_id = $1 order by frame_id, seq'),
    digests: await rows('select * from digests where project_id = $1 order by frame_id'),
    entries: await rows('select * from search_entries where project_id = $1 order by item_id, version, ord'),
  })

  it('adds nothing when a session is imported again [import.idempotent]', async () => {
    const [first] = await importFile(openRedirect)
    const before = await everything()
    const [second] = await importFile(openRedirect)
    expect(first).toMatchObject({ status: 'new', ref: 'F1', eventsKnown: 0 })
    expect(second).toMatchObject({
      status: 'unchanged',
      ref: 'F1',
      eventsAdded: 0,
      eventsKnown: first?.eventsAdded,
    })
    expect(await everything()).toEqual(before)
    expect(before.events.length).toBe(first?.eventsAdded)
  })

  it('adds only what is new of a session that grew, and replaces its digest [import.idempotent]', async () => {
    const path = join(folder, 'grown.jsonl')
    const lines = (await readFile(loginRedirect, 'utf8')).trimEnd().split('\n')
    await writeFile(path, `${lines.slice(0, 12).join('\n')}\n`)
    const [first] = await importFile(path)
    const [early] = await rows('select * from digests where project_id = $1')
    await copyFile(loginRedirect, path)
    const [second] = await importFile(path)
    const digests = await rows('select * from digests where project_id = $1')
    expect(second).toMatchObject({ status: 'grown', eventsKnown: first?.eventsAdded })
    expect(second?.eventsAdded).toBeGreaterThan(0)
    expect(digests).toHaveLength(1)
    expect(early?.['text']).toContain('abandoned')
    expect(digests[0]).toMatchObject({ id: early?.['id'], outcome: 'done' })
    expect(digests[0]?.['summary']).toContain('Root cause')
    const seqs = await rows('select seq from events where project_id = $1 order by seq')
    expect(seqs.map((row) => row['seq'])).toEqual(seqs.map((_, index) => index + 1))
    const entries = await rows(
      `select * from search_entries where project_id = $1 and item_kind = 'digest' and ord = 0 and retired_at is null`,
    )
    expect(entries).toHaveLength(1)
  })

  it('dates frame, events and digest when they happened, and marks them as imported', async () => {
    await importFile(loginRedirect)
    const [frame] = await rows('select * from frames where project_id = $1')
    expect(frame).toMatchObject({
      type: 'session',
      status: 'closed',
      outcome: 'done',
      source: 'import',
      branch: 'fix/login-redirect',
      external_key: 'claude-code:5d0c7f0e-1c52-4a0f-8f51-2f6d3a9b1e01',
      files: ['src/auth/login.ts'],
      started_at: new Date('2026-03-09T09:12:30.000Z'),
    })
    const [digest] = await rows('select * from digests where project_id = $1')
    expect(digest?.['occurred_at']).toEqual(frame?.['closed_at'])
    const events = await rows('select * from events where project_id = $1 order by seq')
    expect(new Set(events.map((event) => event['source']))).toEqual(new Set(['import']))
    expect(
      events.every(
        (event) => event['occurred_at'] instanceof Date && event['occurred_at'] < new Date('2026-03-10'),
      ),
    ).toBe(true)
  })

  it('keeps subagents as frames below their session, and no secret', async () => {
    const [result] = await importFile(openRedirect)
    const frames = await rows('select * from frames where project_id = $1 order by ref_no')
    expect(frames.map(({ name, type, depth, parent_id }) => ({ name, type, depth, parent_id }))).toEqual([
      {
        name: 'Open redirect after sign-in closed with isLocalPath',
        type: 'session',
        depth: 0,
        parent_id: null,
      },
      {
        name: 'Explore: Find redirects to user input',
        type: 'subtask',
        depth: 1,
        parent_id: frames[0]?.['id'],
      },
    ])
    const [digest] = await rows(
      `select text from digests where project_id = $1 and text like 'Open redirect%'`,
    )
    expect(digest?.['text']).toContain('Made of:\n- F2 Explore: Find redirects to user input (done)')
    expect(result?.ref).toBe('F1')
    expect(JSON.stringify(await everything())).not.toContain('velvet')
  })

  it('stops between batches, leaves nothing open, and goes on when it is run again', async () => {
    const { sessions } = await readTranscript(openRedirect)
    const session = sessions[0]
    if (!session) throw new Error('no session')
    const imported = toImportedSession(session)
    const template = imported.events[0]
    if (!template) throw new Error('no event')
    imported.events = Array.from({ length: 250 }, (_, index) => ({ ...template, key: `many:${index}` }))
    let batches = 0
    const isStopped = () => batches >= 2
    const onBatch = () => void (batches += 1)
    const first = await importSession(test.context(), test.memory, imported, { isStopped, onBatch })
    expect(first).toMatchObject({ status: 'stopped', eventsAdded: 200 })
    expect(await rows(`select from frames where project_id = $1 and status = 'open'`)).toEqual([])
    const second = await importSession(test.context(), test.memory, imported)
    expect(second).toMatchObject({ eventsKnown: 200, status: 'grown' })
    expect(await rows('select from digests where project_id = $1')).toHaveLength(2)
  })

  it('does not bring back a session that was forgotten', async () => {
    await importFile(loginRedirect)
    await updateMemory(test.context(), test.memory, { id: 'F1', action: 'forget' })
    const [again] = await importFile(loginRedirect)
    expect(again).toMatchObject({ status: 'forgotten', eventsAdded: 0 })
  })

  it('answers what went wrong and why from what it imported', async () => {
    await importFile(loginRedirect)
    await importFile(openRedirect)
    const ask = async (query: string) =>
      searchMemory(test.context(), test.memory, searchMemoryInput.parse({ query, limit: 3 }))
    expect(JSON.stringify(await ask('why was returnTo lost after sign-in'))).toContain('regenerate')
    expect(JSON.stringify(await ask('browsers read a backslash as a slash'))).toContain('backslash')
  })
})
