/** The project that a repository's memory belongs to, found by the name that all clones of it share. */
import type { Accounts } from '../accounts.ts'
import { createCleaner } from '../clean.ts'
import type { Principal, Project } from '../context.ts'
import { forbidden, invalidInput, unavailable } from '../errors.ts'
import { limits } from '../limits.ts'
import { isAllowed } from '../policy.ts'
import { normaliseRemote } from './normalise-remote.ts'

export interface RepositoryProjectInput {
  /** Its remote in any form, or `local:<hash>`. Without it the default project is meant. */
  readonly repository?: string
  /** The `local:<hash>` under which it may have been known before it had a remote. */
  readonly localIdentity?: string
  /** A short name for a new project. */
  readonly name?: string
}

export interface RepositoryCall {
  readonly principal: Principal
  readonly newId: () => string
  readonly signal: AbortSignal
}

const localPattern = /^local:[0-9a-f]{16,64}$/

/** `host/owner/name`, or `local:<hash>` for a repository without a remote; undefined for anything else. */
export const parseRepository = (text: string): string | undefined =>
  localPattern.test(text.trim()) ? text.trim() : normaliseRemote(text)

/**
 * Finds the project of a repository, or makes one and links it. A repository that was known without a remote keeps
 * its project when it gets one.
 * @throws forbidden when the caller may not make projects; invalid_input for a text that names no repository
 */
export const openRepositoryProject = async (
  accounts: Accounts,
  call: RepositoryCall,
  input: RepositoryProjectInput,
): Promise<Project> => {
  if (!isAllowed(call.principal, 'project:admin') || call.principal.projectId !== undefined)
    throw forbidden('This caller may not make projects. Name one with /mcp/{organization}/{project}.')
  if (input.repository === undefined) return defaultProject(accounts, call)
  const identity = parseRepository(input.repository)
  if (identity === undefined)
    throw invalidInput('repository names no repository. Give the address of its remote, or leave it out.')
  const local = input.localIdentity && localPattern.test(input.localIdentity) ? input.localIdentity : identity
  return (await findLinked(accounts, call, identity, local)) ?? create(accounts, call, identity, input.name)
}

const findLinked = async (accounts: Accounts, call: RepositoryCall, identity: string, local: string) => {
  const { principal, signal } = call
  const found = await accounts.findRepository(principal.organizationId, [identity, local], signal)
  const exact = found.find((each) => each.identity === identity)
  if (exact) return exact.project
  const [before] = found
  // Another repository may lie in its place by now: then its project has a remote of its own.
  if (!before || before.hasRemote) return undefined
  await accounts.linkRepository(
    { organizationId: principal.organizationId, identity, projectId: before.project.id },
    signal,
  )
  return before.project
}

const attemptsMax = 50

const create = async (accounts: Accounts, call: RepositoryCall, identity: string, given?: string) => {
  const { principal, newId, signal } = call
  const parts = identity.startsWith('local:') ? [] : identity.split('/').slice(1)
  const name = cleanName(given) || parts.at(-1) || 'Repository'
  const slugs = slugsOf(name, parts.at(-2))
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const project = {
      id: newId(),
      organizationId: principal.organizationId,
      userId: principal.userId,
      slug: slugs(attempt),
      name,
    }
    const made = await accounts.createRepositoryProject(project, identity, signal)
    if (made) return made
    // The slug is taken, or somebody else was faster with the repository.
    const [found] = await accounts.findRepository(principal.organizationId, [identity], signal)
    if (found) return found.project
  }
  throw unavailable(
    'No free name was found for the project of this repository. Create it with "projects create".',
  )
}

const cleanName = (given: string | undefined): string =>
  createCleaner()
    .cleanLine(given ?? '')
    .slice(0, limits.nameChars)
    .trim()

/** `shop`, then `ana-shop`, then `shop-2` and so on. */
const slugsOf = (name: string, owner: string | undefined) => {
  const base = slugOf(name) || 'project'
  const withOwner = owner === undefined ? undefined : slugOf(`${owner}-${name}`)
  return (attempt: number): string => {
    if (attempt === 0) return base
    if (attempt === 1 && withOwner) return withOwner
    return `${base}-${attempt + (withOwner ? 0 : 1)}`
  }
}

const slugCharsMax = 55

const slugOf = (text: string) =>
  text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, slugCharsMax)
    .replaceAll(/^-+|-+$/g, '')

/** The one named `default`, else the oldest; made when there is none. */
const defaultProject = async (accounts: Accounts, call: RepositoryCall): Promise<Project> => {
  const { principal, newId, signal } = call
  const { organizationId, userId } = principal
  const find = async () => {
    const all = await accounts.listProjects(organizationId, signal)
    return all.find((project) => project.slug === 'default') ?? all[0]
  }
  const found = await find()
  if (found) return found
  await accounts.createProject(
    { id: newId(), organizationId, userId, slug: 'default', name: 'Default' },
    signal,
  )
  const made = await find()
  if (!made) throw unavailable('The default project could not be made. Try again.')
  return made
}
