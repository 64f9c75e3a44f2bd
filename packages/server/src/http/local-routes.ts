/** What is served under `/local`, on the private address of a data directory's owner and nowhere else. */
import type { Hono } from 'hono'
import { z } from 'zod'
import type { Project } from '../domain/context.ts'
import { invalidInput } from '../domain/errors.ts'
import { limits } from '../domain/limits.ts'
import type { RepositoryProjectInput } from '../domain/project/repository-project.ts'
import type { HttpEnv } from './app.ts'
import { type JsonBody, type JsonBodyLimits, readJsonBody } from './json-body.ts'
import { problemResponse } from './problem.ts'

export interface LocalEdge {
  /** What the owner says about itself to a client that attaches. */
  readonly about: Readonly<Record<string, string | number>>
  /** Counts a client until it leaves; undefined when the owner is about to end. */
  enter(): (() => void) | undefined
  /** Finds the project of a repository, or makes it. */
  openProject(input: RepositoryProjectInput, signal: AbortSignal): Promise<Project>
  /** Commands that a person runs elsewhere. */
  readonly runs: {
    start(
      input: RunInput,
      client: AbortSignal,
    ): { id: string; output: ReadableStream<Uint8Array>; ended: Promise<void> }
    /** False when no such command runs. */
    stop(id: string): boolean
  }
  /** Gives the directory to whoever asks: its clients come back to the next owner. Undefined when it stays. */
  readonly yieldTo?: () => void
  /** Aborts when the owner ends; streams end with it. */
  readonly ending: AbortSignal
}

export function addLocalRoutes(app: Hono<HttpEnv>, local: LocalEdge): void {
  app.use('*', async (c, next) => {
    const leave = local.enter()
    if (leave === undefined) {
      c.res = isEnding(c.get('requestId'))
      return
    }
    try {
      await next()
    } finally {
      leave()
    }
  })
  app.get('/local/attach', (c) => {
    c.get('access').route = '/local/attach'
    const leave = local.enter()
    if (leave === undefined) return isEnding(c.get('requestId'))
    return attach(local, leave, c.req.raw.signal)
  })
  app.post('/local/project', async (c) => {
    c.get('access').route = '/local/project'
    const input = parseProjectInput(await readJsonBody(c.req.raw, projectBodyLimits))
    const project = await local.openProject(input, c.req.raw.signal)
    c.get('access').projectId = project.id
    return c.json({ organization: project.organizationSlug, project: project.slug, name: project.name })
  })
  addRunRoutes(app, local)
}

const addRunRoutes = (app: Hono<HttpEnv>, local: LocalEdge) => {
  app.post('/local/run', async (c) => {
    c.get('access').route = '/local/run'
    const input = parseRunInput(await readJsonBody(c.req.raw, runBodyLimits))
    const leave = local.enter()
    if (leave === undefined) return isEnding(c.get('requestId'))
    const run = startOrLeave(() => local.runs.start(input, c.req.raw.signal), leave)
    const headers = { 'content-type': 'application/octet-stream', 'x-run-id': run.id }
    return new Response(run.output, { headers })
  })
  app.post('/local/run/:id/stop', (c) => {
    c.get('access').route = '/local/run/:id/stop'
    return new Response(null, { status: local.runs.stop(c.req.param('id')) ? 204 : 404 })
  })
  app.post('/local/yield', (c) => {
    c.get('access').route = '/local/yield'
    if (local.yieldTo === undefined)
      return problemResponse({
        code: 'conflict',
        detail: 'A server keeps the data directory until it is stopped.',
        requestId: c.get('requestId'),
      })
    setImmediate(local.yieldTo)
    return new Response(null, { status: 202 })
  })
}

const startOrLeave = <Run extends { ended: Promise<void> }>(start: () => Run, leave: () => void): Run => {
  try {
    const run = start()
    void run.ended.finally(leave)
    return run
  } catch (error) {
    leave()
    throw error
  }
}

const runBodyLimits: JsonBodyLimits = { bodyBytesMax: 1_000_000, jsonDepthMax: 8 }
const size = z.int().min(1).max(10_000).optional()

const runInput = z.strictObject({
  argv: z.array(z.string().max(100_000)).max(1_000),
  cwd: z.string().min(1).max(10_000),
  env: z.record(z.string().max(100), z.string().max(10_000)),
  terminal: z.strictObject({ stdout: z.boolean(), stderr: z.boolean(), columns: size, rows: size }),
  canPage: z.boolean(),
})

/** A command line, and what it sees of the person who runs it. */
export type RunInput = z.infer<typeof runInput>

const parseRunInput = (body: JsonBody): RunInput => {
  const parsed = body.ok ? runInput.safeParse(body.value) : undefined
  if (!parsed?.success)
    throw invalidInput('This is no command line. Use the same version of stackmemory for both processes.')
  return parsed.data
}

const projectBodyLimits: JsonBodyLimits = { bodyBytesMax: 16_384, jsonDepthMax: 4 }

const projectInput = z.strictObject({
  repository: z.string().max(1_000).optional(),
  local_identity: z.string().max(100).optional(),
  name: z.string().max(limits.nameChars).optional(),
})

const parseProjectInput = (body: JsonBody): RepositoryProjectInput => {
  const parsed = body.ok ? projectInput.safeParse(body.value) : undefined
  if (!parsed?.success)
    throw invalidInput(
      'Send JSON with the texts repository, local_identity and name, each of which may be left out.',
    )
  const { repository, local_identity: localIdentity, name } = parsed.data
  return { repository, localIdentity, name }
}

/** One line about the owner, and then a stream that ends with the client or with the owner. */
function attach(local: LocalEdge, leave: () => void, client: AbortSignal): Response {
  const gone = AbortSignal.any([client, local.ending])
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(`${JSON.stringify(local.about)}\n`))
      const end = () => {
        leave()
        try {
          controller.close()
        } catch {
          // The client cancelled it first.
        }
      }
      if (gone.aborted) end()
      else gone.addEventListener('abort', end, { once: true })
    },
    cancel: leave,
  })
  return new Response(body, { headers: { 'content-type': 'application/x-ndjson' } })
}

const isEnding = (requestId: string) =>
  problemResponse({
    code: 'unavailable',
    detail: 'This process is about to end. Connect again, which starts another.',
    requestId,
    headers: { 'retry-after': '1' },
  })
