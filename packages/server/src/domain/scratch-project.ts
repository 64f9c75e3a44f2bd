/**
 * A project for a moment: made by a command, used by that command only, and removed completely. It is the one kind
 * of project that is ever deleted, told by its slug; the database refuses to delete any other (its role, in migration 0001).
 */
import type { Accounts } from './accounts.ts'
import type { Context, Principal, Project } from './context.ts'
import { forbidden } from './errors.ts'
import { authorize, isAllowed } from './policy.ts'

/** No other project may have a slug that begins so. Also in migration 0001. */
export const scratchSlugPrefix = 'scratch--'

export const isScratchSlug = (slug: string) => slug.startsWith(scratchSlugPrefix)

/** @throws forbidden for whoever may not administer the organization. */
export const createScratchProject = async (
  { accounts, principal, signal }: { accounts: Accounts; principal: Principal; signal: AbortSignal },
  project: { id: string; name: string },
): Promise<Project> => {
  if (!isAllowed(principal, 'org:admin'))
    throw forbidden('Only an owner of the organization can make a scratch project.')
  // Not there yet, so nothing is deleted: whoever could not remove it later makes none.
  await accounts.deleteScratchProject(project.id, signal)
  const { organizationId, userId } = principal
  const slug = `${scratchSlugPrefix}${project.id.slice(-12)}`
  await accounts.createProject({ ...project, slug, organizationId, userId, isScratch: true }, signal)
  const made = await accounts.findProject({ id: project.id }, signal)
  if (!made) throw new Error('The scratch project is not there')
  return made
}

/**
 * Deletes the project of the context with all that it remembers.
 * @returns false when it was removed before.
 * @throws forbidden when it is not a scratch project, or the caller may not administer it.
 */
export const removeScratchProject = async (ctx: Context, accounts: Accounts): Promise<boolean> => {
  authorize(ctx, 'project:admin')
  if (!isScratchSlug(ctx.project.slug))
    throw forbidden('Only a scratch project can be removed, and this is not one.')
  return accounts.deleteScratchProject(ctx.project.id, ctx.signal)
}
