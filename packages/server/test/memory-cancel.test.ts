import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createServedWorld, type Era, type ServedWorld } from './support/served-world.ts'

const eras: readonly Era[] = ['modern', 'legacy']
const patienceMs = 5_000

// PGlite runs one statement at a time in its own process: there is nothing to wait for and nobody to tell.
describe('cancelling a call', () => {
  let world: ServedWorld
  let key: string

  beforeAll(async () => {
    world = await createServedWorld('postgres')
    key = (await world.createKey(world.owner)).key
    await world.user(world.owner).decide({ content: 'The first takes the counter' })
  })
  afterAll(async () => world.close())

  const until = async (what: string, isTrue: () => Promise<boolean>) => {
    const deadline = performance.now() + patienceMs
    while (!(await isTrue())) {
      if (performance.now() > deadline) throw new Error(`${what} did not happen within ${patienceMs} ms`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const waiting = async () =>
    (
      await world.test.pool.query<{ pid: number }>(
        `select pid from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and state = 'active'`,
      )
    ).rows.map((row) => row.pid)

  const holdCounter = async () => {
    const holder = new Client({ connectionString: world.test.url })
    await holder.connect()
    await holder.query('begin')
    await holder.query('select 1 from project_counters where project_id = $1 for update', [
      world.acme.main.id,
    ])
    return { release: async () => holder.end() }
  }

  it.each(eras)(
    'stops the statement that waits for a lock, %s, and nothing of it remains [memory.cancel]',
    async (era) => {
      const caller = await world.connect(era, key)
      const holder = await holdCounter()
      try {
        const controller = new AbortController()
        const call = caller.call(
          'add_decision',
          { content: `Cancelled, ${era}`, project: 'main' },
          controller.signal,
        )
        await until('waiting for the lock', async () => (await waiting()).length === 1)
        controller.abort(new Error('the user pressed escape'))
        expect(await call).toMatchObject({ kind: 'refused' })
        await until('the end of the statement', async () => (await waiting()).length === 0)
      } finally {
        await holder.release()
      }
      const { rows } = await world.test.pool.query(`select 1 from anchors where content like 'Cancelled%'`)
      expect(rows).toEqual([])
      const after = await caller.call('add_decision', { content: `After it, ${era}`, project: 'main' })
      expect(after.kind).toBe('ok')
    },
  )

  it('stops many at once, and leaves the pool whole [memory.cancel]', async () => {
    const caller = await world.connect('modern', key)
    const holder = await holdCounter()
    const controller = new AbortController()
    const calls = Array.from({ length: 40 }, async (_, n) =>
      caller.call('add_decision', { content: `Many ${n}`, project: 'main' }, controller.signal),
    )
    await until('many waiting', async () => (await waiting()).length >= 20)
    controller.abort()
    await Promise.all(calls)
    await until('the end of all', async () => (await waiting()).length === 0)
    await holder.release()
    const after = await Promise.all(
      Array.from({ length: 40 }, async (_, n) =>
        caller.call('add_decision', { content: `Afterwards number ${n}`, project: 'main' }),
      ),
    )
    expect(after.filter((each) => each.kind !== 'ok')).toEqual([])
    const { rows } = await world.test.pool.query(`select 1 from anchors where content like 'Many%'`)
    expect(rows).toEqual([])
  })
})
