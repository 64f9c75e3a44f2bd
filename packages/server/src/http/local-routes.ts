/** What is served under `/local`, on the private address of a data directory's owner and nowhere else. */
import type { Hono } from 'hono'
import type { HttpEnv } from './app.ts'
import { problemResponse } from './problem.ts'

export interface LocalEdge {
  /** What the owner says about itself to a client that attaches. */
  readonly about: Readonly<Record<string, string | number>>
  /** Counts a client until it leaves; undefined when the owner is about to end. */
  enter(): (() => void) | undefined
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
