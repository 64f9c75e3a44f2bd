/**
 * The memory on this machine: found through its owner, which is started when there is none, at the project of the
 * working directory.
 */
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isDomainError } from '../../server/src/domain/errors.ts'
import { type LocalConnection, brokerLogPath, connectLocal } from '../../server/src/local/connect-local.ts'
import { localOrigin } from '../../server/src/local/local-fetch.ts'
import { type Repository, findRepository } from '../../server/src/local/repository.ts'
import { BridgeFailure } from './failure.ts'
import type { Route, RouteSource } from './route.ts'

export interface LocalRouteOptions {
  /** Where the client started the bridge: its repository is the project. */
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
}

const place = 'The memory on this machine'
/** Within this time a request that broke off is repeated; the next owner needs one to three seconds. */
const repeatForMs = 30_000
const projectMsMax = 30_000

export function localRoute({ cwd, env }: LocalRouteOptions): RouteSource {
  const dataDir = env['DATA_DIR'] || join(homedir(), '.stackmemory')
  const repository = findRepository(cwd, env)
  const open = async (signal: AbortSignal): Promise<Route> => {
    const connection = await connect(dataDir, env, signal)
    const lost = new AbortController()
    void connection.closed.then(() => lost.abort())
    try {
      const url = await projectUrl(connection, repository, dataDir, signal)
      return { url, fetch: connection.fetch, lost: lost.signal, close: () => connection.close() }
    } catch (error) {
      connection.close()
      throw error
    }
  }
  // The owner starts while the rest of this program is loaded and the client makes up its mind.
  let first: Promise<Route> | undefined = open(new AbortController().signal)
  first.catch(() => undefined)
  return {
    place,
    repeatForMs,
    async open(signal) {
      const opening = first ?? open(signal)
      first = undefined
      return opening
    },
  }
}

async function connect(
  dataDir: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<LocalConnection> {
  const command = brokerCommand(env)
  try {
    return await connectLocal({ dataDir, env, command, signal })
  } catch (error) {
    if (signal.aborted) throw new BridgeFailure('cancelled', 'The client has gone.')
    if (isDomainError(error)) throw new BridgeFailure('not_started', error.publicMessage, { cause: error })
    throw error
  }
}

/** What starts the owner of the memory on this machine. */
export const brokerCommand = (env: NodeJS.ProcessEnv): string[] => [
  process.execPath,
  serverProgram(env),
  'broker',
]

/** The server is a dependency of this package. In a checkout, or to try another, a variable names it. */
function serverProgram(env: NodeJS.ProcessEnv): string {
  if (env['STACKMEMORY_SERVER_BIN']) return env['STACKMEMORY_SERVER_BIN']
  try {
    const manifest = createRequire(import.meta.url).resolve('@stackmemoryai/server/package.json')
    return join(manifest, '../bin/stackmemory.js')
  } catch (cause) {
    const advice = 'Install it again, or set STACKMEMORY_ENDPOINT to the address of a server.'
    throw new BridgeFailure('not_started', `The package @stackmemoryai/server is missing. ${advice}`, {
      cause,
    })
  }
}

/** The endpoint of the repository's project, which is made when it is new. */
async function projectUrl(
  connection: LocalConnection,
  repository: Repository | undefined,
  dataDir: string,
  signal: AbortSignal,
): Promise<URL> {
  let response: Response
  try {
    response = await connection.fetch('/local/project', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        repository: repository?.repository,
        local_identity: repository?.localIdentity,
        name: repository?.name,
      }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(projectMsMax)]),
    })
  } catch (cause) {
    throw new BridgeFailure('broken', `${place} went away.`, { cause })
  }
  if (response.status === 503) throw new BridgeFailure('unavailable', `${place} is about to end. Try again.`)
  const { organization, project } = (await response.json().catch(() => ({}))) as Record<string, unknown>
  if (!response.ok || typeof organization !== 'string' || typeof project !== 'string') {
    const message = `${place} did not name the project (HTTP ${response.status}).`
    throw new BridgeFailure('not_started', `${message} The log is ${brokerLogPath(dataDir)}.`)
  }
  return new URL(`/mcp/${encodeURIComponent(organization)}/${encodeURIComponent(project)}`, localOrigin)
}
