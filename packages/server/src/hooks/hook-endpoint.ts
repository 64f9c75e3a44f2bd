/** What the HTTP edge needs of hooks: the operation, and the rule for the project. */
import { isDomainError } from '../domain/errors.ts'
import type { HookEndpoint } from '../http/options.ts'
import { chooseProject, type Projects } from '../mcp/call-context.ts'
import type { Hooks } from './create-hooks.ts'
import { type HookClient, hookClients } from './to-captured.ts'

export const createHookEndpoint = (hooks: Hooks, projects: Projects): HookEndpoint => ({
  isClient: (name): name is HookClient => (hookClients as readonly string[]).includes(name),
  async chooseProject({ principal, named, repository }) {
    try {
      const linked =
        named === undefined && repository !== undefined
          ? await projects.ofRepository?.(principal, repository)
          : undefined
      if (linked) return { project: linked }
      return { project: await chooseProject(projects, principal, undefined, named) }
    } catch (error) {
      if (isDomainError(error)) return { problem: { code: error.code, detail: hint(error.publicMessage) } }
      throw error
    }
  },
  handle: async (call) => hooks.handle(call),
})

const hint = (sentence: string) =>
  sentence.replace(
    'Say which project with the argument project.',
    'Say which project with ?project=org/name in the address of the hook.',
  )
