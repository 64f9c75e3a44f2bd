/**
 * The HTTP edge. Order is the design: request id, host and origin, credential not in the URL, caller, project,
 * body, and only then MCP. Nothing before a step has been paid for by a caller who fails it.
 */
import { Hono } from 'hono'
import { v7 as uuidv7 } from 'uuid'
import type { Log } from '../domain/context.ts'
import { isDomainError } from '../domain/errors.ts'
import { hasCredentialInUrl } from './credential.ts'
import { hooksRoute } from './hooks-route.ts'
import { isAllowedHost, isAllowedOrigin } from './host-origin.ts'
import { addLocalRoutes } from './local-routes.ts'
import { mcpRoute } from './mcp-route.ts'
import type { HttpAppOptions } from './options.ts'
import { problemResponse } from './problem.ts'

/** Fields of the access log line; handlers add what they learn. Never a query string, header or body. */
export interface AccessFields {
  route: string
  [field: string]: string | number | boolean | undefined
}

export interface HttpEnv {
  Variables: { requestId: string; access: AccessFields }
}

export function createHttpApp(options: HttpAppOptions): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>()
  app.use('*', async (c, next) => {
    const startedAt = performance.now()
    const requestId = uuidv7()
    c.set('requestId', requestId)
    c.set('access', { route: 'unmatched' })
    const refusal = refuseAtTheDoor(options, c.req.raw, requestId)
    if (refusal) c.res = refusal
    else await next()
    c.res.headers.set('x-request-id', requestId)
    c.res.headers.set('x-content-type-options', 'nosniff')
    logAccess(options.log, c.req.method, c.res.status, startedAt, requestId, c.get('access'))
  })
  if (options.local) addLocalRoutes(app, options.local)
  app.get('/', (c) => {
    c.get('access').route = '/'
    return c.json({ name: 'StackMemory', mcp: new URL('/mcp', options.publicUrl).href })
  })
  app.get('/health', async (c) => {
    c.get('access').route = '/health'
    const { live } = await options.health()
    return c.json({ status: live ? 'ok' : 'failing' }, live ? 200 : 503)
  })
  app.get('/ready', async (c) => {
    c.get('access').route = '/ready'
    const { live, ready, checks } = await options.health()
    return c.json(
      { status: live && ready ? 'ok' : 'failing', checks: checks ?? {} },
      live && ready ? 200 : 503,
    )
  })
  const mcp = mcpRoute(options)
  app.all('/mcp', mcp)
  app.all('/mcp/:org/:project', mcp)
  if (options.hooks) {
    const hooks = hooksRoute(options, options.hooks)
    app.all('/hooks/v1/:client', hooks)
    app.all('/hooks/v1/:client/:org/:project', hooks)
  }
  app.notFound((c) =>
    problemResponse({
      code: 'not_found',
      detail: `There is nothing at this address. The MCP endpoint is ${new URL('/mcp', options.publicUrl).href}.`,
      requestId: c.get('requestId'),
    }),
  )
  app.onError((error, c) => errorResponse(error, c.get('requestId'), options.log))
  return app
}

function refuseAtTheDoor(options: HttpAppOptions, request: Request, requestId: string): Response | undefined {
  const refuse = (detail: string) => problemResponse({ code: 'forbidden', detail, requestId })
  const hosts = [options.publicUrl.hostname, ...options.allowedHosts]
  const origins = [options.publicUrl.origin, ...options.allowedOrigins]
  if (options.local && isFromBrowser(request.headers)) {
    return refuse(
      'Pages of a browser may not call the private address. Use the address of "stackmemory serve".',
    )
  }
  if (!isAllowedHost(request.headers.get('host'), hosts)) {
    return refuse('This Host is not served here. Use the public URL, or add the host to the allowed hosts.')
  }
  if (!isAllowedOrigin(request.headers.get('origin'), origins)) {
    return refuse('Pages of this Origin may not call this service. Add the origin to the allowed origins.')
  }
  if (hasCredentialInUrl(new URL(request.url))) {
    return problemResponse({
      code: 'invalid_input',
      detail:
        'A key must not stand in a URL, where proxies and histories keep it. ' +
        'Send it in the header "Authorization: Bearer <key>" or "X-API-Key: <key>", and replace this key.',
      requestId,
    })
  }
  return undefined
}

/**
 * No browser opens a unix socket or a pipe by itself, but somebody may have put a forwarder in front of it. A page
 * cannot keep its browser from sending these (Fetch Standard, "forbidden request-header").
 */
const isFromBrowser = (headers: Headers) => headers.has('origin') || headers.has('sec-fetch-site')

/** The one place where an unexpected error is logged, with the id that the caller sees. */
function errorResponse(error: unknown, requestId: string, log: Log): Response {
  if (isDomainError(error)) {
    if (error.code === 'internal') log.error({ err: error, requestId }, 'request failed')
    else log.debug({ err: error, requestId }, 'request refused')
    return problemResponse({ code: error.code, detail: error.publicMessage, requestId })
  }
  log.error({ err: error, requestId }, 'request failed')
  const detail = `Something went wrong here. Try again; if it stays, report the request id ${requestId}.`
  return problemResponse({ code: 'internal', detail, requestId })
}

function logAccess(
  log: Log,
  method: string,
  status: number,
  startedAt: number,
  requestId: string,
  access: AccessFields,
): void {
  const durationMs = Math.round((performance.now() - startedAt) * 10) / 10
  log.info({ requestId, method, status, durationMs, ...access }, 'request')
}
