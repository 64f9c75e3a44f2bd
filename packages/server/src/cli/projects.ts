/** `stackmemory projects`: what the organization keeps memory of. */
import { v7 as uuidv7 } from 'uuid'
import { parseRepository } from '../domain/project/repository-project.ts'
import { dataError, print, printJson, usageError, type Io } from './io.ts'
import { withLocal } from './local.ts'
import { table } from './table.ts'

const slugPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const nameCharsMax = 200

export const listProjects = async (io: Io, options: { json?: boolean }): Promise<void> =>
  withLocal(io, { purpose: 'to list its projects', mustExist: true }, async (local) => {
    const projects = await local.accounts.listProjects(local.principal.organizationId, local.signal)
    local.progress.done()
    const rows = projects.map((project) => ({
      id: project.id,
      project: `${project.organizationSlug}/${project.slug}`,
      name: project.name,
    }))
    if (options.json) printJson(io, { projects: rows })
    else
      print(
        io,
        table(
          ['Project', 'Name', 'Id'],
          rows.map((row) => [row.project, row.name, row.id]),
        ),
      )
  })

export const createProject = async (
  io: Io,
  slug: string,
  options: { name?: string; repository?: string; json?: boolean },
): Promise<void> => {
  const repository = options.repository === undefined ? undefined : parseRepository(options.repository)
  if (options.repository !== undefined && repository === undefined)
    throw usageError('--repository takes the address of a remote, such as github.com/ana/shop.')
  if (!slugPattern.test(slug))
    throw usageError('A slug has 1 to 63 characters: a to z, 0 to 9, and hyphens between them.')
  const name = options.name?.trim() ?? slug
  if (name === '' || name.length > nameCharsMax)
    throw usageError(`--name takes 1 to ${nameCharsMax} characters.`)
  await withLocal(io, { purpose: 'to create a project' }, async (local) => {
    const { organizationId, userId } = local.principal
    const linked =
      repository && (await local.accounts.findRepository(organizationId, [repository], local.signal))
    if (linked && linked[0])
      throw dataError(`${repository} belongs to the project ${linked[0].project.slug} already.`)
    const id = uuidv7()
    await local.accounts.createProject({ id, organizationId, userId, slug, name }, local.signal)
    if (repository)
      await local.accounts.linkRepository(
        { organizationId, identity: repository, projectId: id },
        local.signal,
      )
    const project = await local.accounts.findProject({ id }, local.signal)
    const path = `${project?.organizationSlug ?? ''}/${slug}`
    local.progress.done()
    if (options.json) printJson(io, { id, project: path, name, ...(repository && { repository }) })
    else print(io, `Created the project ${path}. Its MCP endpoint ends with /mcp/${path}.`)
  })
}
