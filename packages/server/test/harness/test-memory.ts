import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import { v7 as uuidv7 } from 'uuid'
import type { Context, Principal, Project } from '../../src/domain/context.ts'
import type { Memory } from '../../src/domain/ports.ts'
import { allScopes } from '../../src/first-start.ts'
import { createAccounts } from '../../src/postgres/accounts.ts'
import { createDatabase } from '../../src/postgres/database.ts'
import { createMemory } from '../../src/postgres/memory.ts'
import { createTestDatabase, silentLog, type Engine } from './test-database.ts'

/** A database with an owner, and projects of hers to work in, for tests of operations. */
export interface TestMemory {
  readonly pool: Pool
  readonly memory: Memory
  /** The project of the last `newProject`. */
  readonly project: Project
  readonly newProject: (slug?: string) => Promise<Project>
  /** A call by the owner, through the command line, in `project` or the given one. */
  readonly context: (project?: Project, overrides?: Partial<Context>) => Context
  readonly close: () => Promise<void>
}

export const openTestMemory = async (engine: Engine): Promise<TestMemory> => {
  const test = await createTestDatabase(engine)
  const database = createDatabase(test.pool, engine)
  const accounts = createAccounts(database)
  const signal = new AbortController().signal
  const organization = { id: uuidv7(), slug: 'ana', name: 'Ana', kind: 'personal' as const }
  const user = { id: uuidv7(), email: null, name: 'Ana', authProvider: 'local', authId: 'owner' }
  const first = { id: uuidv7(), slug: 'first', name: 'First' }
  await accounts.createOwner({ organization, user, project: first }, signal)
  const principal: Principal = {
    userId: user.id,
    userName: user.name,
    organizationId: organization.id,
    role: 'owner',
    scopes: allScopes,
    credential: { kind: 'local', id: user.id },
    client: { name: 'stackmemory-cli', version: '1.0.0' },
  }
  const find = async (id: string) => {
    const project = await accounts.findProject({ id }, signal)
    if (!project) throw new Error('no project')
    return project
  }
  let project = await find(first.id)
  return {
    pool: test.pool,
    memory: createMemory(database),
    get project() {
      return project
    },
    async newProject(slug = `p-${randomUUID().slice(0, 8)}`) {
      const id = uuidv7()
      await accounts.createProject(
        { id, organizationId: organization.id, userId: user.id, slug, name: slug },
        signal,
      )
      return (project = await find(id))
    },
    context: (chosen = project, overrides = {}) => ({
      principal,
      project: chosen,
      requestId: uuidv7(),
      signal,
      now: new Date(),
      newId: () => uuidv7(),
      log: silentLog,
      ...overrides,
    }),
    close: async () => {
      await database.close()
      await test.close()
    },
  }
}
