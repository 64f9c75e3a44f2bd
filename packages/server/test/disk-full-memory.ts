import type { Pool } from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { addDecision, addDecisionInput } from '../src/domain/anchor/add-decision.ts'
import type { Context } from '../src/domain/context.ts'
import type { Memory } from '../src/domain/ports.ts'
import { allScopes } from '../src/first-start.ts'
import { createAccounts } from '../src/postgres/accounts.ts'
import type { Database } from '../src/postgres/database.ts'
import { createMemory } from '../src/postgres/memory.ts'
import { createRandom } from './harness/random.ts'
import { silentLog } from './harness/test-database.ts'

const random = createRandom(7)
const word = () => Math.floor(random() * 36 ** 5).toString(36)
/** Words that compress badly, so that the files and the log grow by what is written. */
const words = (count: number) => Array.from({ length: count }, word).join(' ')

export interface MemoryWriter {
  /** Statements whose call was answered. */
  readonly acknowledged: string[]
  add(): Promise<void>
  /** Adds until that many calls in a row were refused; the errors of all that were. */
  addUntilRefused(times: number): Promise<unknown[]>
}

/** Somebody who adds decisions through the operation that every edge calls. */
export const createWriter = async (database: Database): Promise<MemoryWriter> => {
  const memory: Memory = createMemory(database)
  const accounts = createAccounts(database)
  const signal = new AbortController().signal
  const organization = { id: uuidv7(), slug: 'ana', name: 'Ana', kind: 'personal' as const }
  const user = { id: uuidv7(), email: null, name: 'Ana', authProvider: 'local', authId: 'owner' }
  const project = { id: uuidv7(), slug: 'first', name: 'First' }
  await accounts.createOwner({ organization, user, project }, signal)
  const context = (): Context => ({
    principal: {
      userId: user.id,
      userName: user.name,
      organizationId: organization.id,
      role: 'owner',
      scopes: allScopes,
      credential: { kind: 'local', id: user.id },
      client: { name: 'editor', version: '1.0.0' },
    },
    project: { ...project, organizationId: organization.id, organizationSlug: organization.slug },
    requestId: uuidv7(),
    signal,
    now: new Date(),
    newId: uuidv7,
    log: silentLog,
  })
  const acknowledged: string[] = []
  const add = async () => {
    const content = `We decided ${words(250)}`
    await addDecision(context(), memory, addDecisionInput.parse({ content }))
    acknowledged.push(content)
  }
  const addUntilRefused = async (times: number) => {
    const errors: unknown[] = []
    let inARow = 0
    for (let calls = 0; calls < 2_000; calls++) {
      const error: unknown = await add().then(
        () => undefined,
        (reason: unknown) => reason,
      )
      inARow = error === undefined ? 0 : inARow + 1
      if (error !== undefined) errors.push(error)
      if (inARow === times) break
    }
    return errors
  }
  return { acknowledged, add, addUntilRefused }
}

/** Every statement in the database, and the ones of which a part is missing. */
export const storedDecisions = async (pool: Pool) => {
  const { rows } = await pool.query<{ content: string; whole: boolean }>(
    `select content, exists (select from anchor_versions v where v.anchor_id = a.id)
       and exists (select from search_entries s where s.item_id = a.id) as whole
     from anchors a order by ref_no`,
  )
  return {
    contents: rows.map((row) => row.content),
    incomplete: rows.filter((row) => !row.whole).map((row) => row.content),
  }
}
