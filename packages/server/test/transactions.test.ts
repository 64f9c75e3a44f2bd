/** What a transaction promises to those who do not wait for each of its statements. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { invalidInput } from '../src/domain/errors.ts'
import { createDatabase, type Database } from '../src/postgres/database.ts'
import { sql } from '../src/postgres/statement.ts'
import { createTestDatabase, engines, type TestDatabase } from './harness/test-database.ts'

const insertUser = sql<never, readonly [string]>(
  'test.insert-user',
  `insert into users (id, name, auth_provider, auth_id) values (gen_random_uuid(), 'U', 'local', $1)`,
)
const countUsers = sql<{ count: number }>('test.count-users', 'select count(*)::int as count from users')
/** What the call is rejected with, and the cause of it. */
const rejection = async (call: Promise<unknown>) =>
  call.then(
    () => 'the call succeeded',
    (error: unknown) => error,
  )

const divide = sql<{ one: number }, readonly [number]>('test.divide', 'select 1 / $1::int as one')

describe.each(engines)('a transaction on %s', (engine) => {
  let test: TestDatabase
  let database: Database
  const scope = { role: 'stackmemory_account', signal: AbortSignal.timeout(60_000) } as const

  beforeAll(async () => {
    test = await createTestDatabase(engine)
    database = createDatabase(test.pool, engine)
  })
  afterAll(async () => {
    await database.close()
    await test.close()
  })
  const users = async () => (await database.read(scope, countUsers, []))[0]?.count

  it('stores deferred writes before it is done', async () => {
    const before = (await users()) ?? 0
    await database.transact(scope, async (tx) => {
      tx.defer(tx.run(insertUser, ['first']))
      tx.defer(tx.run(insertUser, ['second']))
    })
    expect(await users()).toBe(before + 2)
  })

  it('takes no statement after its end, from a branch that outlives a failure', async () => {
    const before = await users()
    let straggler: Promise<unknown> = Promise.resolve()
    const failing = database.transact(scope, async (tx) => {
      straggler = sleep(50).then(async () => tx.run(insertUser, ['straggler']))
      straggler.catch(() => {})
      throw invalidInput('The other branch failed.')
    })
    expect(await rejection(failing)).toMatchObject({ code: 'invalid_input' })
    expect(String(await rejection(straggler))).toContain('after the end of its transaction')
    expect(await users()).toBe(before)
  })

  it('fails with its deferred write, for the reason of that write, and nothing of it remains', async () => {
    const before = await users()
    const failing = database.transact(scope, async (tx) => {
      tx.defer(tx.run(insertUser, ['third']))
      tx.defer(tx.run(divide, [0]))
      tx.defer(tx.run(insertUser, ['fourth']))
      return 'done'
    })
    expect(await rejection(failing)).toMatchObject({ cause: { code: '22012' } })
    const late = database.transact(scope, async (tx) => {
      tx.defer(tx.run(divide, [0]))
      await tx.run(insertUser, ['fifth'])
    })
    expect(await rejection(late)).toMatchObject({ cause: { code: '22012' } })
    expect(await users()).toBe(before)
  })

  it('is refused with what the work refuses, whatever failed before', async () => {
    const refusing = database.transact(scope, async (tx) => {
      tx.defer(tx.run(divide, [0]))
      throw invalidInput('The work says no.')
    })
    expect(await rejection(refusing)).toMatchObject({ publicMessage: 'The work says no.' })
  })

  it('reads in one go, tells why a read failed, and does not let it write', async () => {
    expect(await database.read(scope, divide, [1])).toEqual([{ one: 1 }])
    expect(await rejection(database.read(scope, divide, [0]))).toMatchObject({ cause: { code: '22012' } })
    expect(await rejection(database.read(scope, insertUser, ['sixth']))).toMatchObject({
      code: 'unavailable',
    })
    expect(await database.read(scope, divide, [1])).toEqual([{ one: 1 }])
  })
})
