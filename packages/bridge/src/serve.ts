/** The stdio server: a pipe to the service, until the client goes. */
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { type Repository, findRepository } from '../../server/src/local/repository.ts'
import { type Pipe, createPipe } from './pipe.ts'
import type { RouteSource } from './route.ts'
import type { Settings } from './settings.ts'
import { version } from './version.ts'

export interface ServeOptions {
  readonly settings: Settings
  readonly source: RouteSource
  /** Where the client started the bridge: its repository is the project. */
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly log: (line: string) => void
}

export function createStdioBridge({ settings, source, cwd, env, log }: ServeOptions): Pipe {
  const { endpoint, apiKey, keyVariable } = settings
  return createPipe({
    host: new StdioServerTransport(),
    source,
    // The same key for every request; a 401 is final, as there is nothing to renew.
    authorization: apiKey === undefined ? undefined : { token: async () => apiKey },
    unauthenticated:
      apiKey === undefined
        ? 'wants an API key. Put one into the variable STACKMEMORY_API_KEY and start this MCP server again.'
        : `does not accept the API key in ${keyVariable}. Check that it is whole and still valid, or use a new one.`,
    headers: {
      'user-agent': `stackmemory-mcp/${version}`,
      ...repositoryHeader(endpoint && findRepository(cwd, env)),
    },
    log,
  })
}

/** Tells a server which repository the client works in; local memory is asked for its project by name. */
function repositoryHeader(repository: Repository | undefined): Record<string, string> {
  return repository ? { 'x-stackmemory-repository': encodeURI(repository.repository) } : {}
}
