/**
 * `/mcp` and `/mcp/{org}/{project}`: from an HTTP request to an `McpCall`. At `/mcp` the header
 * `X-StackMemory-Repository` pins the project that the repository belongs to; an unknown one changes nothing.
 */
import type { Context as HonoContext } from 'hono'
import type { Project } from '../domain/context.ts'
import type { HttpEnv } from './app.ts'
import { type JsonBodyFailure, readJsonBody } from './json-body.ts'
import {
  type AuthenticationResult,
  type HttpAppOptions,
  type HttpLimits,
  defaultHttpLimits,
} from './options.ts'
import { problemResponse } from './problem.ts'

type McpContext = HonoContext<HttpEnv>

export function mcpRoute(options: HttpAppOptions): (c: McpContext) => Promise<Response> {
  const limits = { ...defaultHttpLimits, ...options.limits }
  return async (c) => {
    const requestId = c.get('requestId')
    const access = c.get('access')
    const org = c.req.param('org')
    const slug = c.req.param('project')
    access.route = org === undefined ? '/mcp' : '/mcp/:org/:project'
    if (!['POST', 'GET', 'DELETE'].includes(c.req.method)) return methodNotAllowed(requestId)
    const view = parseView(c)
    if (view === undefined) return badQuery(requestId)

    const caller = await options.authenticate(c.req.raw)
    if (!caller.ok) return challenge(caller.error, requestId, options.resourceMetadataUrl)
    const { principal, expiresAt } = caller
    access.credentialId = principal.credential.id
    access.organizationId = principal.organizationId

    let pinned: Project | undefined
    if (org !== undefined && slug !== undefined) {
      pinned = await options.resolveProject(principal, org, slug)
      if (pinned === undefined) return unknownProject(requestId)
    } else {
      const repository = c.req.header('x-stackmemory-repository')
      if (repository !== undefined) pinned = await options.projectOfRepository?.(principal, repository)
    }
    if (pinned) access.projectId = pinned.id

    let body: unknown
    if (c.req.method === 'POST') {
      const read = await readJsonBody(c.req.raw, limits)
      if (!read.ok) return bodyRefused(read.failure, limits)
      body = read.value
      access.requestBytes = read.bytes
      access.rpcMethod = knownMethodOf(body)
    }
    const request = strippedRequest(c.req.raw, requestId)
    return options.mcp.handle({ request, body, principal, expiresAt, pinned, requestId, ...view })
  }
}

function parseView(c: McpContext): { readonly: boolean; toolSet: 'default' | 'upstream' } | undefined {
  // A switch that takes rights away: any spelling of its name counts, and one that is on beats one that is off.
  const readonly = [...new URL(c.req.url).searchParams]
    .filter(([name]) => name.toLowerCase() === 'readonly')
    .map(([, value]) => value)
  const tools = c.req.query('tools') ?? c.req.header('x-stackmemory-tools') ?? 'default'
  if (!readonly.every((value) => ['0', '1', 'true', 'false'].includes(value))) return undefined
  if (tools !== 'default' && tools !== 'upstream') return undefined
  return { readonly: readonly.some((value) => value === '1' || value === 'true'), toolSet: tools }
}

/** The body has been read and the caller is known: neither is passed on, so that no tool can repeat a key. */
function strippedRequest(raw: Request, requestId: string): Request {
  const headers = new Headers(raw.headers)
  for (const name of ['authorization', 'x-api-key', 'cookie', 'proxy-authorization', 'content-length']) {
    headers.delete(name)
  }
  headers.set('x-request-id', requestId)
  return new Request(raw.url, { method: raw.method, headers, signal: raw.signal })
}

/** Only a method's shape is logged: the text is the caller's. */
function knownMethodOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('method' in body)) return undefined
  return typeof body.method === 'string' && /^[a-z/_A-Z]{1,60}$/.test(body.method) ? body.method : undefined
}

export function challenge(
  error: Extract<AuthenticationResult, { ok: false }>['error'],
  requestId: string,
  resourceMetadataUrl: URL | undefined,
): Response {
  const details = {
    missing: 'Send an API key in the header "Authorization: Bearer <key>".',
    invalid: 'This credential is not valid. Check that the whole key was copied, or create a new one.',
    expired: 'This credential has expired. Create a new key and use it instead.',
  }
  const parameters = ['realm="stackmemory"']
  // RFC 6750 §3.1: no error code when the request carried no authentication at all.
  if (error !== 'missing') parameters.push('error="invalid_token"', `error_description="${details[error]}"`)
  if (resourceMetadataUrl) parameters.push(`resource_metadata="${resourceMetadataUrl.href}"`)
  const headers = { 'www-authenticate': `Bearer ${parameters.join(', ')}` }
  return problemResponse({ code: 'unauthenticated', detail: details[error], requestId, headers })
}

/** The same answer for a project that does not exist and for one that is somebody else's. */
function unknownProject(requestId: string): Response {
  const detail = 'No such project. Check the organization and project in the URL, or use /mcp without them.'
  return problemResponse({ code: 'not_found', detail, requestId })
}

function methodNotAllowed(requestId: string): Response {
  const detail = 'The MCP endpoint takes POST, and GET and DELETE with an MCP session.'
  const headers = { allow: 'POST, GET, DELETE' }
  return problemResponse({ code: 'invalid_input', status: 405, detail, requestId, headers })
}

function badQuery(requestId: string): Response {
  const detail =
    'Unknown value in the URL. Use readonly=1 or readonly=0, and tools=upstream or tools=default.'
  return problemResponse({ code: 'invalid_input', detail, requestId })
}

/** JSON-RPC 2.0 §5.1: the id is null because it could not be read. */
function bodyRefused(failure: JsonBodyFailure, limits: HttpLimits): Response {
  const { bodyBytesMax, jsonDepthMax } = limits
  const answers: Record<JsonBodyFailure, [status: number, code: number, message: string]> = {
    media_type: [415, -32000, 'Send the message with "Content-Type: application/json".'],
    too_large: [413, -32000, `The message is larger than ${bodyBytesMax} bytes. Send less at once.`],
    unreadable: [400, -32700, 'The message ended before it was complete. Send it again.'],
    utf8: [400, -32700, 'The message is not valid UTF-8. Encode the JSON text as UTF-8.'],
    depth: [400, -32600, `The JSON is nested deeper than ${jsonDepthMax} levels. Flatten it.`],
    syntax: [400, -32700, 'The message is not valid JSON.'],
  }
  return rpcError(...answers[failure])
}

function rpcError(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', id: null, error: { code, message } }, { status })
}
