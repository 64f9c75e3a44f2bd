import type { Project } from '../domain/context.ts'
import { findRepository } from '../local/repository.ts'
import type { Io } from './io.ts'
import { chooseProject, type Local } from './local.ts'

/** The project of the repository around the directory, when it has one; nothing is made or linked here. */
const repositoryProject = async ({ accounts, principal, signal }: Local, io: Io) => {
  const here = findRepository(io.cwd, io.env)
  if (!here) return undefined
  const identities = [here.repository, here.localIdentity]
  const found = await accounts.findRepository(principal.organizationId, identities, signal)
  const exact = found.find(({ identity }) => identity === here.repository)
  // As in domain/project/repository-project.ts: what was known without a remote, unless another has its place by now.
  return (exact ?? found.find(({ hasRemote }) => !hasRemote))?.project
}

/**
 * The project that `--project` names; else the one of the repository that the person is in; else the only one.
 * @throws CommandFailure that lists them when none of these tells.
 */
export const defaultProject = async (local: Local, io: Io, name: string | undefined): Promise<Project> =>
  (name === undefined ? await repositoryProject(local, io) : undefined) ?? chooseProject(local, name)

export const projectPath = (project: Project) => `${project.organizationSlug}/${project.slug}`
