import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { addDecision, addDecisionInput } from '../src/domain/anchor/add-decision.ts'
import { updateMemory } from '../src/domain/anchor/update-memory.ts'
import { importSession } from '../src/domain/ingest/import-session.ts'
import { undoImport } from '../src/domain/ingest/undo-import.ts'
import { exportProject } from '../src/domain/transfer/export-project.ts'
import { importProject } from '../src/domain/transfer/import-project.ts'
import { createTransfer } from '../src/postgres/transfer.ts'
import { engines } from './harness/test-database.ts'
import { openTestMemory, type TestMemory } from './harness/test-memory.ts'
import { inspect } from './support/import-fixture.ts'
import { growingSession, importTwice } from './support/import-twice.ts'

describe.each(engines)('taking back imports of sessions on %s', (engine) => {
  let test: TestMemory
  beforeAll(async () => {
    test = await openTestMemory(engine)
  })
  afterAll(async () => test.close())
  beforeEach(async () => test.newProject())

  const undo = async (id: string | undefined) => undoImport(test.context(), test.memory, id ?? '')
  const digests = async () =>
    inspect(test).rows(
      `select summary, outcome, occurred_at from digests where project_id = $1 and deleted_at is null`,
    )
  const living = async (table: string) =>
    (await inspect(test).rows(`select from ${table} where project_id = $1 and deleted_at is null`)).length

  it('gives a frame that grew its earlier digest and end back, then takes the frame back too [import.undo]', async () => {
    const [first, second] = await importTwice(test.context(), test.memory)
    const [grown] = await digests()
    expect(grown?.['summary']).toBe('It said 2 things, at last: two')
    expect(await undo(first)).toMatchObject({
      wasUndone: false,
      kept: [{ ref: 'F1', reason: `import ${second} added to it since` }],
    })
  })

  it('takes imports back in the other order without a trace in search [import.undo]', async () => {
    const [first, second] = await importTwice(test.context(), test.memory)
    expect(await undo(second)).toMatchObject({ forgotten: { events: 1, frames: 0 }, kept: [] })
    expect(await digests()).toEqual([
      {
        summary: 'It said 1 things, at last: one',
        outcome: 'done',
        occurred_at: new Date('2026-01-05T09:01:00Z'),
      },
    ])
    const [frame] = await inspect(test).rows('select closed_at from frames where project_id = $1')
    expect(frame).toEqual({ closed_at: new Date('2026-01-05T09:01:00Z') })
    expect(await undo(first)).toMatchObject({ forgotten: { events: 1, frames: 1 }, kept: [] })
    expect(await inspect(test).rows('select from search_entries where project_id = $1')).toEqual([])
    expect([await living('frames'), await living('events'), await living('digests')]).toEqual([0, 0, 0])
  })

  it('keeps a frame that holds what others recorded, and says so [import.undo]', async () => {
    const [, second] = await importTwice(test.context(), test.memory)
    const key = 'test:other'
    await importSession(test.context(), test.memory, growingSession(key, ['three']))
    const run = { ...test.context(), importId: second }
    await importSession(run, test.memory, growingSession('test:mine', ['four']))
    const [mine] = await inspect(test).rows<{ id: string; ref_no: number }>(
      `select id, ref_no from frames where project_id = $1 and external_key = 'test:mine'`,
    )
    await test.pool.query(`update anchors set frame_id = $1 where id = $2`, [
      mine?.id,
      (await addDecision(test.context(), test.memory, addDecisionInput.parse({ content: 'Built on it' }))).id,
    ])
    expect(await undo(second)).toMatchObject({
      forgotten: { frames: 0, events: 1 },
      kept: [{ ref: `F${mine?.ref_no}`, reason: 'it holds 1 statement of others' }],
    })
    expect(await living('frames')).toBe(3)
  })

  it('leaves forgotten what a person forgot, also when the rest is imported again [import.undo]', async () => {
    const [first, second] = await importTwice(test.context(), test.memory)
    await updateMemory(test.context(), test.memory, { id: 'F1.1', action: 'forget' })
    await undo(second)
    await undo(first)
    const [key] = await inspect(test).rows<{ external_key: string }>(
      'select external_key from events where project_id = $1 and external_key is not null',
    )
    const session = growingSession((key?.external_key ?? '').replace(/:0$/, ''), ['one', 'two'])
    expect(await importSession(test.context(), test.memory, session)).toMatchObject({
      status: 'new',
      eventsAdded: 1,
      eventsKnown: 1,
    })
  })

  it('works in a copy of the project as in the original [import.undo]', async () => {
    const transfer = createTransfer(test.pool)
    const [, second] = await importTwice(test.context(), test.memory)
    const lines: string[] = []
    for await (const part of exportProject(test.context(), transfer))
      lines.push(...part.trimEnd().split('\n'))
    await test.newProject()
    await importProject(test.context(), transfer, async function* () {
      yield* lines
    })
    expect(await undo(second)).toMatchObject({ forgotten: { events: 1 }, kept: [] })
    expect(await digests()).toMatchObject([{ summary: 'It said 1 things, at last: one' }])
  })
})
