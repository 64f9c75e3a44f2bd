/** Which resources a call changed, for those who subscribed to them. */
import type { ServerEvent } from '@modelcontextprotocol/server'
import type { Project } from '../domain/context.ts'

export const projectUri = (project: Pick<Project, 'organizationSlug' | 'slug'>, path: string) =>
  `stackmemory://${project.organizationSlug}/${project.slug}/${path}`

const changedBy: Record<string, readonly string[]> = {
  start_frame: ['stack', 'recent'],
  close_frame: ['stack', 'recent', 'decisions'],
  record_events: ['recent'],
  add_decision: ['decisions', 'recent'],
  update_memory: ['decisions', 'recent'],
  create_task: ['tasks', 'recent'],
  update_task_status: ['tasks', 'recent'],
}

/** The references that the answer of a tool names, as they are changed resources too. */
const changedRefs = (structured: Record<string, unknown>): string[] =>
  ['ref', 'frame', 'task'].flatMap((key) => (typeof structured[key] === 'string' ? [structured[key]] : []))

export const eventsOf = (
  tool: string,
  project: Project,
  structured: Record<string, unknown>,
): ServerEvent[] => {
  const paths = changedBy[tool]
  if (!paths) return []
  return [...paths, ...changedRefs(structured).map((ref) => `memory/${ref}`)].map((path) => ({
    kind: 'resource_updated',
    uri: projectUri(project, path),
  }))
}
