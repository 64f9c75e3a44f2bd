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
