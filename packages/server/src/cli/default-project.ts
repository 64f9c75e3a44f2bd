import type { Project } from '../domain/context.ts'
import type { Io } from './io.ts'
import { chooseProject, type Local } from './local.ts'

/** The project that `--project` names, or else the one of the directory that the person is in. */
export const defaultProject = async (local: Local, _io: Io, name: string | undefined): Promise<Project> =>
  chooseProject(local, name)

export const projectPath = (project: Project) => `${project.organizationSlug}/${project.slug}`
