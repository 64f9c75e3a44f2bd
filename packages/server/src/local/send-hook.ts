/**
 * Hands a hook's report to the memory and brings its answer back: `hook <client>` of the command line and of the
 * bridge. An agent waits for this, so there is one rule: within the time budget, or not at all. It never throws and
 * never explains; whoever wonders why nothing is recorded asks `stackmemory doctor`.
 *
 * A local memory that does not run is started, detached, by whoever opens it. A report that finds it still starting
 * when the budget ends is given up; the memory goes on starting, and the next report finds it.
 *
 * This file is bundled into the bridge: no database, no schemas, no framework.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { endpointAndKey, isLoopback } from './endpoint-variables.ts'

export interface LocalMemory {
  /** Takes a path such as `/hooks/v1/codex`. */
  readonly fetch: (path: string, init: RequestInit) => Promise<Response>
  close(): void
}

export interface RepositoryIdentity {
  /** `host/owner/name`, or an identity of its own for one without a remote. */
  readonly repository: string
  readonly name: string
}

export interface SendHookOptions {
  /** `claude-code` or `codex`. */
  readonly client: string
  /** What the client wrote to standard input. */
  readonly input: string
  readonly env: NodeJS.ProcessEnv
  /** Opens the memory on this machine, and starts it when it does not run. Without it only an endpoint is served. */
  readonly openLocal?: (signal: AbortSignal) => Promise<LocalMemory>
  /** The repository around a directory, by which a local memory finds its project. */
  readonly findRepository?: (cwd: string, env: NodeJS.ProcessEnv) => RepositoryIdentity | undefined
  readonly budgetMs?: number
}

const budgetMsDefault = 2_000
/** Claude Code gives all hooks of a session's end 1.5 s together, the start of this process included. */
const endBudgetMs = 1_000
/** The server refuses more (`bodyBytesMax`). */
const inputBytesMax = 4 * 1024 * 1024
const answerBytesMax = 64 * 1024
const attemptsMax = 2
const pauseMs = 100

/** @returns what belongs on standard output: the answer for the client as JSON, or nothing */
export async function sendHook(options: SendHookOptions): Promise<string> {
  try {
    const report = readReport(options)
    if (report === undefined) return ''
    const budgetMs = options.budgetMs ?? (report.event === 'SessionEnd' ? endBudgetMs : budgetMsDefault)
    const late = AbortSignal.timeout(budgetMs)
    const given = new Promise<string>((resolve) => late.addEventListener('abort', () => resolve('')))
    return await Promise.race([send(options, report, late), given])
  } catch {
    return ''
  }
}

interface Report {
  readonly client: 'claude-code' | 'codex'
  readonly event: string
  readonly cwd: string
}

function readReport({ client, input, env }: SendHookOptions): Report | undefined {
  if (/^(?:0|off|false|no)$/i.test(env['STACKMEMORY_HOOKS'] ?? '')) return undefined
  if (client !== 'claude-code' && client !== 'codex') return undefined
  if (Buffer.byteLength(input) > inputBytesMax) return undefined
  const report: unknown = JSON.parse(input)
  if (typeof report !== 'object' || report === null) return undefined
  const { hook_event_name: event, cwd } = report as { hook_event_name?: unknown; cwd?: unknown }
  if (typeof event !== 'string') return undefined
  return { client, event, cwd: typeof cwd === 'string' && cwd !== '' ? cwd : process.cwd() }
}

async function send(options: SendHookOptions, report: Report, signal: AbortSignal): Promise<string> {
  const init: Init = {
    method: 'POST',
    body: options.input,
    signal,
    // The same for every attempt, so that one whose answer was lost is not stored twice.
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await sendOnce(options, report, init)
      return answer.status === 200 ? await forClient(answer) : ''
    } catch (error) {
      if (attempt >= attemptsMax || signal.aborted) throw error
      await sleep(pauseMs, undefined, { signal })
    }
  }
}

type Init = Omit<RequestInit, 'headers'> & {
  headers: Record<string, string>
  signal: AbortSignal
}

async function sendOnce(options: SendHookOptions, report: Report, init: Init): Promise<Response> {
  const { env } = options
  const { endpoint, key } = endpointAndKey(env)
  const repository = options.findRepository?.(report.cwd, env)
  if (endpoint !== undefined) {
    const headers = {
      ...init.headers,
      ...(key && { authorization: `Bearer ${key.value}` }),
      ...(repository && { 'x-stackmemory-repository': encodeURI(repository.repository) }),
    }
    return fetch(hookUrl(new URL(endpoint.value), report.client), { ...init, headers, redirect: 'error' })
  }
  if (options.openLocal === undefined) throw new Error('there is no local memory')
  const memory = await options.openLocal(init.signal)
  try {
    const project = await localProject(memory, repository, init.signal)
    if (project === undefined) return new Response(null, { status: 204 })
    return await bodyFirst(await memory.fetch(`/hooks/v1/${report.client}${project}`, init))
  } finally {
    memory.close()
  }
}

/** The whole answer, because the connection closes behind it. */
const bodyFirst = async (response: Response): Promise<Response> =>
  response.status === 200 ? new Response(await response.text(), { status: 200 }) : response

/**
 * `/org/project` of the repository, which the local memory finds or makes; undefined when it did not say. Without
 * a name the report would go to the only project there is, which may be that of another repository.
 */
async function localProject(
  memory: LocalMemory,
  repository: RepositoryIdentity | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const response = await memory.fetch('/local/project', {
    method: 'POST',
    signal,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(repository ? { repository: repository.repository, name: repository.name } : {}),
  })
  if (!response.ok) return undefined
  const { organization, project } = (await response.json()) as { organization?: unknown; project?: unknown }
  if (typeof organization !== 'string' || typeof project !== 'string') return undefined
  if (organization === '' || project === '') return undefined
  return `/${encodeURIComponent(organization)}/${encodeURIComponent(project)}`
}

/** Only an answer that says something is repeated; both clients take silence for success. */
async function forClient(answer: Response): Promise<string> {
  const text = await answer.text()
  if (Buffer.byteLength(text) > answerBytesMax) return ''
  const body: unknown = JSON.parse(text)
  return typeof body === 'object' && body !== null && 'hookSpecificOutput' in body ? text : ''
}

/**
 * Beside the MCP endpoint: `/mcp/{org}/{project}` becomes `/hooks/v1/{client}/{org}/{project}`, and the query stays.
 * @throws for an address to which a key must not be sent.
 */
export function hookUrl(endpoint: URL, client: string): URL {
  const { protocol, hostname } = endpoint
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname)))
    throw new Error('not a safe address')
  if (endpoint.username !== '' || endpoint.password !== '') throw new Error('a password in an address')
  const at = /^(.*?)(?:\/mcp((?:\/[^/]+){2})?)?\/*$/.exec(endpoint.pathname)
  const url = new URL(endpoint)
  url.pathname = `${at?.[1] ?? ''}/hooks/v1/${client}${at?.[2] ?? ''}`
  url.hash = ''
  return url
}
