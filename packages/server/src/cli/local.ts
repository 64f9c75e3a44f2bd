/**
 * Commands that work on the data itself open the database as its owner, in this process. The embedded database
 * belongs to one process: while a server or broker has it open, they run inside that.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { destination } from 'pino'
import { v7 as uuidv7 } from 'uuid'
import { version } from '../version.ts'
import type { Accounts } from '../domain/accounts.ts'
import type { Context, Log, Principal, Project } from '../domain/context.ts'
import { conflict, isDomainError } from '../domain/errors.ts'
import type { Memory } from '../domain/ports.ts'
import { loadEnv, type Env } from '../env.ts'
import { allScopes, prepareOwner } from '../first-start.ts'
import { readLock } from '../local/owner.ts'
import { findRepository } from '../local/repository.ts'
import { createLog } from '../log.ts'
import { openDatabase, type OpenDatabase } from '../open-database.ts'
import { createAccounts } from '../postgres/accounts.ts'
import { createMemory } from '../postgres/memory.ts'
import { CommandFailure, dataError, exitCodes, usageError, type Io } from './io.ts'
import { createProgress, type Progress } from './progress.ts'
import { OwnedElsewhere } from './run-in-owner.ts'

export interface Local {
  env: Env
  database: OpenDatabase
  accounts: Accounts
  memory: Memory
  principal: Principal
  progress: Progress
  /** Aborted when the process is asked to stop, unless the command stops in a way of its own. */
  signal: AbortSignal
  context(project: Project): Context
  /** The project of the repository that the person is in, if it has one. */
  projectHere(): Promise<Project | undefined>
}

export interface LocalOptions {
  /** What the command does, for the sentence about a directory in use: "to import", "to export". */
  purpose: string
  /** Refuse where there is no memory yet, instead of creating one. */
  mustExist?: boolean
  /** The command watches `io.stopped` itself and finishes what it has begun. */
  stopsItself?: boolean
}

export const createCommandLog = (env: Env): Log =>
  createLog(env.LOG_LEVEL ?? 'warn', destination({ fd: 2, sync: true }))

export const withLocal = async <T>(
  io: Io,
  options: LocalOptions,
  work: (local: Local) => Promise<T>,
): Promise<T> => {
  const env = io.opened?.env ?? loadEnv(io.env)
  if (options.mustExist) assertExists(env)
  const stop = new AbortController()
  if (!options.stopsItself) void io.stopped.then((signal) => stop.abort(signal))
  const progress = createProgress(io)
  try {
    const { log, database } = io.opened ?? (await open(env, progress, options.purpose))
    try {
      return await runIn(io, { env, log, database, progress, signal: stop.signal }, work)
    } finally {
      if (!io.opened) await database.close()
    }
  } catch (error) {
    if (stop.signal.aborted)
      throw new CommandFailure(exitCodes.interrupted, 'Stopped before it was finished.', { cause: error })
    throw error
  } finally {
    progress.done()
  }
}

/** Whether there is a memory that was begun, or a server that may have one. */
export const hasMemory = (variables: NodeJS.ProcessEnv): boolean => isBegun(loadEnv(variables))

const isBegun = (env: Env) => env.DATABASE_URL !== undefined || existsSync(join(env.DATA_DIR, 'pg'))

const assertExists = (env: Env) => {
  if (isBegun(env)) return
  throw dataError(
    `There is no memory in ${env.DATA_DIR} yet. Begin one with "stackmemory serve", or set DATA_DIR to where it is.`,
  )
}

const open = async (env: Env, progress: Progress, purpose: string) => {
  const log = createCommandLog(env)
  try {
    return { log, database: await openDatabase(env, log, progress.step) }
  } catch (error) {
    const pid = isDomainError(error) && error.code === 'conflict' ? error.details?.['pid'] : undefined
    if (!isDomainError(error) || typeof pid !== 'number') throw error
    const info = readLock(env.DATA_DIR)?.info
    if (info?.['kind'] === 'server' || info?.['kind'] === 'broker') throw new OwnedElsewhere(info['local'])
    const url = error.details?.['url']
    const owner = typeof url === 'string' ? `The server at ${url} (process ${pid})` : `Process ${pid}`
    throw conflict(
      `${owner} has the data directory ${env.DATA_DIR} open, and only one process can. ` +
        `Stop it ${purpose}, then start it again; or set DATABASE_URL to use a PostgreSQL server, which many can share.`,
      error.details,
    )
  }
}

const runIn = async <T>(
  io: Io,
  {
    env,
    log,
    database,
    progress,
    signal,
  }: Pick<Local, 'env' | 'database' | 'progress' | 'signal'> & { log: Log },
  work: (local: Local) => Promise<T>,
): Promise<T> => {
  const accounts = createAccounts(database.database)
  await prepareOwner(accounts, AbortSignal.timeout(60_000))
  const owner = await accounts.findOwner(signal)
  if (!owner) throw dataError('This memory has users but no owner. Check that it was restored completely.')
  const principal: Principal = {
    ...owner,
    role: 'owner',
    scopes: allScopes,
    credential: { kind: 'local', id: owner.userId },
    client: { name: 'stackmemory-cli', version },
  }
  const context = (project: Project): Context => ({
    principal,
    project,
    requestId: uuidv7(),
    signal,
    now: new Date(),
    newId: () => uuidv7(),
    log,
    source: 'person',
  })
  const memory = createMemory(database.database)
  const projectHere = async () => {
    const repository = findRepository(io.cwd, io.env)?.repository
    if (repository === undefined) return undefined
    return (await accounts.findRepository(principal.organizationId, [repository], signal))[0]?.project
  }
  try {
    return await work({ env, database, accounts, memory, principal, progress, signal, context, projectHere })
  } catch (error) {
    // The configuration was right, or we would not be here: what is wrong is what the command was given.
    if (isDomainError(error) && (error.code === 'invalid_input' || error.code === 'not_found'))
      throw dataError(error.publicMessage, error)
    throw error
  }
}

/**
 * The project named `slug` or `organization/slug`; without a name that of the repository that the person is in, or
 * the only one there is.
 */
export const chooseProject = async (local: Local, name: string | undefined): Promise<Project> => {
  const projects = await local.accounts.listProjects(local.principal.organizationId, local.signal)
  const nameOf = (project: Project) => `${project.organizationSlug}/${project.slug}`
  if (name === undefined) {
    const here = await local.projectHere()
    if (here) return here
    const [only, second] = projects
    if (only && !second) return only
    throw usageError(
      `Say which project with --project. There are: ${projects.map(nameOf).slice(0, 20).join(', ') || 'none'}.`,
    )
  }
  const found = projects.find((project) => nameOf(project) === name || project.slug === name)
  if (found) return found
  throw dataError(
    `There is no project ${name}. See "stackmemory projects list", or make it with "stackmemory projects create <slug>".`,
  )
}
