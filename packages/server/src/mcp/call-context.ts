/** From an MCP call to the context that the domain wants. */
import type { ServerContext } from '@modelcontextprotocol/server'
import { v7 as uuidv7 } from 'uuid'
import type { Context, Log, Principal, Project } from '../domain/context.ts'
import { invalidInput, notFound } from '../domain/errors.ts'
import { requestIdOf } from './transport/wrap-tool.ts'

export interface Projects {
  /** Projects that this principal may enter; a list that is a few seconds old unless it must be fresh. */
  listFor(principal: Principal, isFresh?: boolean): Promise<Project[]>
  /** The project that a repository is linked to, when the principal may enter it. */
  ofRepository?(principal: Principal, repository: string): Promise<Project | undefined>
}

/**
 * The project of a call: the pinned one, the one that was asked for, or the only one there is.
 * @throws not_found, or invalid_input when there are several and none was named.
 */
export const chooseProject = async (
  projects: Projects,
  principal: Principal,
  pinned: Project | undefined,
  asked: string | undefined,
): Promise<Project> => {
  if (pinned) return pinned
  const all = await projects.listFor(principal)
  const [only] = all
  if (asked !== undefined) {
    const isAsked = (project: Project) =>
      asked === project.slug || asked === `${project.organizationSlug}/${project.slug}`
    const found = all.find(isAsked) ?? (await projects.listFor(principal, true)).find(isAsked)
    if (!found)
      throw notFound(`There is no project ${JSON.stringify(asked.slice(0, 80))} here. ${choices(all)}`)
    return found
  }
  if (only && all.length === 1) return only
  throw invalidInput(`Say which project with the argument project. ${choices(all)}`)
}

const choices = (all: readonly Project[]) =>
  all.length === 0
    ? 'This key can enter no project; ask its owner for one.'
    : `You can choose: ${all
        .slice(0, 20)
        .map((project) => `${project.organizationSlug}/${project.slug}`)
        .join(', ')}.`

const sendProgress = (call: ServerContext): Context['progress'] => {
  const { _meta: meta } = call.mcpReq
  const progressToken = meta?.progressToken
  if (progressToken === undefined) return undefined
  return async (progress, total) =>
    call.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total } })
}

export const callContext = (
  call: ServerContext,
  principal: Principal,
  project: Project,
  log: Log,
): Context => ({
  principal,
  project,
  requestId: requestIdOf(call),
  signal: call.mcpReq.signal,
  now: new Date(),
  newId: uuidv7,
  log,
  progress: sendProgress(call),
})
