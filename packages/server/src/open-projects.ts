/** Which projects a principal may enter. */
import type { Accounts } from './domain/accounts.ts'
import type { Principal, Project } from './domain/context.ts'
import { parseRepository } from './domain/project/repository-project.ts'

export interface OpenProjects {
  /** A list that is a few seconds old, unless it must be fresh. */
  listFor(principal: Principal, isFresh?: boolean): Promise<Project[]>
  /** The project of a path `/{org}/{project}`, when it is there and open to the principal. */
  resolve(principal: Principal, org: string, slug: string): Promise<Project | undefined>
  /** The project that a repository is linked to, when it is open to the principal. */
  ofRepository(principal: Principal, repository: string): Promise<Project | undefined>
}

const cacheMs = 2_000
const organizationsMax = 1_000
const timeoutMs = 10_000

const isOpenTo = (principal: Principal, project: Project) =>
  project.organizationId === principal.organizationId &&
  (principal.projectId === undefined || principal.projectId === project.id)

export const createOpenProjects = (accounts: Accounts): OpenProjects => {
  const list = cachedList(accounts)
  const findLinked = cachedLinks(accounts)
  const listFor = async (principal: Principal, isFresh = false): Promise<Project[]> => {
    const all = await list(principal.organizationId, AbortSignal.timeout(timeoutMs), isFresh)
    const open = all.filter((project) => isOpenTo(principal, project))
    return open.length > 0 || isFresh ? open : listFor(principal, true)
  }
  return {
    listFor,
    ofRepository: async (principal, repository) => {
      const found = await findLinked(principal, repository)
      return found && isOpenTo(principal, found) ? found : undefined
    },
    async resolve(principal, org, slug) {
      const isAsked = (project: Project) => project.organizationSlug === org && project.slug === slug
      return (await listFor(principal)).find(isAsked) ?? (await listFor(principal, true)).find(isAsked)
    },
  }
}

/** Projects change rarely and are asked for on every call; whoever misses one asks again without the cache. */
const cachedList = (accounts: Accounts) => {
  const cache = new Map<string, { at: number; projects: Promise<Project[]> }>()
  return async (organizationId: string, signal: AbortSignal, isFresh: boolean) => {
    const held = cache.get(organizationId)
    if (held && !isFresh && Date.now() - held.at < cacheMs) return held.projects
    if (cache.size > organizationsMax) cache.clear()
    const projects = accounts.listProjects(organizationId, signal)
    projects.catch(() => cache.delete(organizationId))
    cache.set(organizationId, { at: Date.now(), projects })
    return projects
  }
}

const linksMax = 10_000

/** Only what was found is kept, so that a repository is known from the moment it is linked. */
const cachedLinks = (accounts: Accounts) => {
  const cache = new Map<string, { at: number; project: Project }>()
  return async (principal: Principal, repository: string): Promise<Project | undefined> => {
    const identity = parseRepository(repository)
    if (identity === undefined) return undefined
    const key = `${principal.organizationId} ${identity}`
    const held = cache.get(key)
    if (held && Date.now() - held.at < cacheMs) return held.project
    cache.delete(key)
    const [found] = await accounts.findRepository(
      principal.organizationId,
      [identity],
      AbortSignal.timeout(timeoutMs),
    )
    if (cache.size > linksMax) cache.clear()
    if (found) cache.set(key, { at: Date.now(), project: found.project })
    return found?.project
  }
}
