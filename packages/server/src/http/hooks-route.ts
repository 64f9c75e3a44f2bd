/**
 * `POST /hooks/v1/{client}` and `POST /hooks/v1/{client}/{org}/{project}`: reports of coding agents, which wait for
 * the answer. 200 means stored; 204 means that nothing was, because there was nothing to store or because something
 * is wrong here, which is logged and no reason to trouble an agent. Only what its person must put right is said:
 * a credential that is not valid (401) and a project that is not there (404) or not named (400).
 */
import type { Context as HonoContext } from 'hono'
import type { Principal } from '../domain/context.ts'
import type { HttpEnv } from './app.ts'
import { readJsonBody } from './json-body.ts'
import { challenge } from './mcp-route.ts'
import { defaultHttpLimits, type HookEndpoint, type HttpAppOptions } from './options.ts'
import { problemResponse } from './problem.ts'
import { createReportGate, type Place, type ReportGate } from './report-gate.ts'

type HooksContext = HonoContext<HttpEnv>

export function hooksRoute(
  options: HttpAppOptions,
  hooks: HookEndpoint,
): (c: HooksContext) => Promise<Response> {
  const limits = { ...defaultHttpLimits, ...options.limits }
  const gate = createReportGate({
    reportsPerCredentialMax: limits.hookReportsPerCredentialMax,
    reportsMax: limits.hookReportsMax,
    bytesPerCredentialMax: limits.hookBytesPerCredentialMax,
    bytesMax: limits.hookBytesMax,
  })
  return async (c) => {
    c.get('access').route =
      c.req.param('org') === undefined ? '/hooks/v1/:client' : '/hooks/v1/:client/:org/:project'
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Response>((resolve) => {
      timer = setTimeout(() => resolve(nothing(c, 'late')), limits.hookBudgetMs)
    })
    const answer = handle(options, hooks, gate, c).catch((error: unknown) => {
      options.log.warn({ err: error, requestId: c.get('requestId') }, 'a hook failed')
      return nothing(c, 'failed')
    })
    // What is late is still written if it can be; only its answer does not wait.
    return Promise.race([answer, late]).finally(() => clearTimeout(timer))
  }
}

async function handle(
  options: HttpAppOptions,
  hooks: HookEndpoint,
  gate: ReportGate,
  c: HooksContext,
): Promise<Response> {
  const requestId = c.get('requestId')
  const access = c.get('access')
  const client = c.req.param('client') ?? ''
  if (!hooks.isClient(client)) {
    const detail =
      'Hooks are taken from claude-code and codex: POST /hooks/v1/claude-code or /hooks/v1/codex.'
    return problemResponse({ code: 'not_found', detail, requestId })
  }
  if (c.req.method !== 'POST') {
    const detail = 'Send the report of a hook with POST.'
    return problemResponse({
      code: 'invalid_input',
      status: 405,
      detail,
      requestId,
      headers: { allow: 'POST' },
    })
  }
  const caller = await options.authenticate(c.req.raw)
  if (!caller.ok) return challenge(caller.error, requestId, options.resourceMetadataUrl)
  access.credentialId = caller.principal.credential.id
  access.organizationId = caller.principal.organizationId
  const place = gate.enter(caller.principal.credential.id, announcedBytes(c, options))
  if (place === undefined) {
    options.log.warn({ requestId, client }, 'too many reports of hooks are under way')
    return nothing(c, 'busy')
  }
  try {
    return await handleReport({ options, hooks, c, client, principal: caller.principal, place })
  } finally {
    place.leave()
  }
}

interface Report {
  readonly options: HttpAppOptions
  readonly hooks: HookEndpoint
  readonly c: HooksContext
  readonly client: 'claude-code' | 'codex'
  readonly principal: Principal
  readonly place: Place
}

async function handleReport({ options, hooks, c, client, principal, place }: Report): Promise<Response> {
  const requestId = c.get('requestId')
  const access = c.get('access')
  const read = await readJsonBody(c.req.raw, { ...defaultHttpLimits, ...options.limits })
  if (!read.ok) {
    options.log.warn({ requestId, client, failure: read.failure }, 'the body of a hook was refused')
    return nothing(c, read.failure)
  }
  access.requestBytes = read.bytes
  place.resize(read.bytes)
  const project = await hooks.chooseProject({
    principal,
    named: namedProject(c),
    repository: c.req.header('x-stackmemory-repository'),
  })
  if ('problem' in project) return problemResponse({ ...project.problem, requestId })
  access.projectId = project.project.id
  const answer = await hooks.handle({
    client,
    body: read.value,
    principal: isReadonly(c) ? readerOf(principal) : principal,
    project: project.project,
    requestId,
    idempotencyKey: c.req.header('idempotency-key')?.slice(0, 200),
  })
  if (answer.kind === 'nothing') return nothing(c, answer.why)
  access.hook = 'done'
  return c.json(answer.body)
}

/** Nothing beyond `Content-Length` is read of a body that has one (RFC 9112 §6.3); another may have any size. */
function announcedBytes(c: HooksContext, options: HttpAppOptions): number {
  const { bodyBytesMax } = { ...defaultHttpLimits, ...options.limits }
  const header = c.req.header('content-length')
  return header !== undefined && /^\d{1,15}$/.test(header)
    ? Math.min(Number(header), bodyBytesMax)
    : bodyBytesMax
}

const readerOf = (principal: Principal): Principal => ({
  ...principal,
  scopes: principal.scopes.length > 0 ? ['memory:read'] : [],
})

/** A switch that takes rights away, as at /mcp: any spelling of its name counts. */
function isReadonly(c: HooksContext): boolean {
  return [...new URL(c.req.url).searchParams].some(
    ([name, value]) => name.toLowerCase() === 'readonly' && value !== '0' && value !== 'false',
  )
}

/** `org/project`, from the path, the query, or a header, which clients can fill in from a variable. */
function namedProject(c: HooksContext): string | undefined {
  const org = c.req.param('org')
  const project = c.req.param('project')
  return org !== undefined && project !== undefined
    ? `${org}/${project}`
    : (c.req.query('project') ?? (c.req.header('x-stackmemory-project') || undefined))
}

function nothing(c: HooksContext, why: string): Response {
  c.get('access').hook = why
  return new Response(null, { status: 204 })
}
