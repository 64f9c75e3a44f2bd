/** Two organizations with people of every role, on a real database; and operations as a person would call them. */
import { Pool } from 'pg'
import { v7 as uuidv7 } from 'uuid'
import type { z } from 'zod'
import { addDecision, addDecisionInput } from '../../src/domain/anchor/add-decision.ts'
import { updateMemory, updateMemoryInput } from '../../src/domain/anchor/update-memory.ts'
import { getContext, getContextInput } from '../../src/domain/bundle/get-context.ts'
import type { Context, Project, Role, Scope } from '../../src/domain/context.ts'
import { recordEvents, recordEventsInput } from '../../src/domain/event/record-events.ts'
import { closeFrame, closeFrameInput } from '../../src/domain/frame/close-frame.ts'
import { startFrame, startFrameInput } from '../../src/domain/frame/start-frame.ts'
import type { Memory, Stores } from '../../src/domain/ports.ts'
import { getMemory, getMemoryInput } from '../../src/domain/search/get-memory.ts'
import { searchMemory, searchMemoryInput } from '../../src/domain/search/search-memory.ts'
import { createTask, createTaskInput } from '../../src/domain/task/create-task.ts'
import { getActiveTasks, getActiveTasksInput } from '../../src/domain/task/get-active-tasks.ts'
import { updateTaskStatus, updateTaskStatusInput } from '../../src/domain/task/update-task-status.ts'
import { createAccounts } from '../../src/postgres/accounts.ts'
import { createDatabase, type Database } from '../../src/postgres/database.ts'
import { createMemory } from '../../src/postgres/memory.ts'
import { createTestDatabase, type Engine, silentLog, type TestDatabase } from '../harness/test-database.ts'

export const allScopes: readonly Scope[] = ['memory:read', 'memory:write', 'project:admin', 'org:admin']

export interface Person {
  readonly id: string
  readonly name: string
  readonly organizationId: string
  readonly role: Role
}

export interface ContextOptions {
  project?: Project
  now?: Date
  client?: string
  signal?: AbortSignal
  scopes?: readonly Scope[]
  organizationId?: string
  progress?: Context['progress']
}

export type World = Awaited<ReturnType<typeof createWorld>>

const startedAt = Date.UTC(2026, 2, 2, 9)
const stepMs = 60_000
const poolSize = 24

/** Every new context is one minute later than the one before, so that ages and moments are exact in tests. */
const createClock = () => {
  let ticks = 0
  return () => new Date(startedAt + stepMs * ticks++)
}

const openDatabase = (test: TestDatabase): Database =>
  createDatabase(
    test.url === undefined ? test.pool : new Pool({ connectionString: test.url, max: poolSize }),
    test.engine,
  )

const createOrganization = async (accounts: ReturnType<typeof createAccounts>, slug: string) => {
  const signal = AbortSignal.timeout(30_000)
  const organizationId = uuidv7()
  const person = (name: string, role: Role): Person => ({ id: uuidv7(), name, organizationId, role })
  const people = {
    owner: person(`Olga of ${slug}`, 'owner'),
    admin: person(`Adam of ${slug}`, 'admin'),
    member: person(`Mia of ${slug}`, 'member'),
    viewer: person(`Vera of ${slug}`, 'viewer'),
  }
  const account = ({ id, name }: Person) => ({ id, name, email: null, authProvider: 'test', authId: id })
  const project = (projectSlug: string): Project => ({
    id: uuidv7(),
    organizationId,
    organizationSlug: slug,
    slug: projectSlug,
    name: projectSlug,
  })
  const [main, side] = [project('main'), project('side')]
  await accounts.createOwner(
    {
      organization: { id: organizationId, slug, name: slug, kind: 'team' },
      user: account(people.owner),
      project: main,
    },
    signal,
  )
  await accounts.createProject({ ...side, userId: people.owner.id }, signal)
  for (const each of [people.admin, people.member, people.viewer])
    await accounts.addMember({ organizationId, user: account(each), role: each.role }, signal)
  return { id: organizationId, slug, people, main, side }
}

export const createWorld = async (engine: Engine) => {
  const test = await createTestDatabase(engine)
  const database = openDatabase(test)
  const accounts = createAccounts(database)
  const memory = createMemory(database)
  const acme = await createOrganization(accounts, 'acme')
  const globex = await createOrganization(accounts, 'globex')
  const now = createClock()
  const { owner, member } = acme.people

  /** The context of one call. */
  const as = (person: Person, options: ContextOptions = {}): Context => ({
    principal: {
      userId: person.id,
      userName: person.name,
      organizationId: options.organizationId ?? person.organizationId,
      role: person.role,
      scopes: options.scopes ?? allScopes,
      credential: { kind: 'api_key', id: person.id },
      client: { name: options.client ?? 'editor', version: '1.0.0' },
    },
    project: options.project ?? (person.organizationId === acme.id ? acme.main : globex.main),
    requestId: 'test',
    signal: options.signal ?? AbortSignal.timeout(60_000),
    now: options.now ?? now(),
    newId: uuidv7,
    log: silentLog,
    progress: options.progress,
  })
  /** A new, empty project in the first organization. */
  const newProject = async (): Promise<Project> => {
    const id = uuidv7()
    const project = {
      id,
      organizationId: acme.id,
      organizationSlug: acme.slug,
      slug: `p-${id}`,
      name: 'Another',
    }
    await accounts.createProject({ ...project, userId: owner.id }, AbortSignal.timeout(30_000))
    return project
  }
  return {
    engine,
    test,
    database,
    accounts,
    memory,
    acme,
    globex,
    owner,
    member,
    as,
    now,
    newProject,
    /** Operations of `person` in `project`, each call a minute after the last. */
    user: (person: Person, options: ContextOptions = {}) => operationsOf(memory, () => as(person, options)),
    async close() {
      if (test.url !== undefined) await database.close()
      await test.close()
    },
  }
}

export type User = ReturnType<typeof operationsOf>

/** The operations with their inputs as a caller writes them: defaults are filled in by the schemas. */
export const operationsOf = (memory: Memory, context: () => Context) => {
  const call =
    <Schema extends z.ZodType, Result>(
      operation: (ctx: Context, memory: Memory, input: z.output<Schema>) => Promise<Result>,
      schema: Schema,
    ) =>
    async (input: z.input<Schema>, ctx: Context = context()) =>
      operation(ctx, memory, schema.parse(input))
  return {
    start: call(startFrame, startFrameInput),
    close: call(closeFrame, closeFrameInput),
    record: call(recordEvents, recordEventsInput),
    decide: call(addDecision, addDecisionInput),
    update: call(updateMemory, updateMemoryInput),
    task: call(createTask, createTaskInput),
    setTask: call(updateTaskStatus, updateTaskStatusInput),
    tasks: call(getActiveTasks, getActiveTasksInput),
    search: call(searchMemory, searchMemoryInput),
    get: call(getMemory, getMemoryInput),
    context: call(getContext, getContextInput),
    /** Straight at the stores, for what no answer shows. */
    stores: async <T>(work: (stores: Stores) => Promise<T>) => memory.transact(context(), work),
    /** The item behind one reference. */
    one: async (ref: string) => {
      const { items } = await getMemory(
        context(),
        memory,
        getMemoryInput.parse({ ids: [ref], include: ['history'] }),
      )
      const [item] = items
      if (!item) throw new Error(`${ref} is not there`)
      return item
    },
  }
}

/** The code and sentence of a refusal; fails when the call succeeds. */
export const refusal = async (call: Promise<unknown>): Promise<{ code: string; message: string }> => {
  const error: unknown = await call.then(
    () => new Error('the call was expected to be refused, and succeeded'),
    (reason: unknown) => reason,
  )
  if (error instanceof Error && 'code' in error && 'publicMessage' in error)
    return { code: String(error.code), message: String(error.publicMessage) }
  throw error
}
