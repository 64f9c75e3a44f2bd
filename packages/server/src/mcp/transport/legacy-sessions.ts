/**
 * MCP up to 2025-11-25: `initialize` opens a session that later requests name with `Mcp-Session-Id`. The id is
 * no credential: each request is authenticated on its own, and a session answers only to the credential, user,
 * rights and pinned project that opened it. For everybody else it does not exist (404, which also tells an
 * honest client to initialise again).
 */
import { randomUUID } from 'node:crypto'
import {
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
  isInitializeRequest,
} from '@modelcontextprotocol/server'
import type { Log, Principal } from '../../domain/context.ts'
import { authInfoOf } from './auth-info.ts'
import { withClientInfo } from './client-info.ts'
import { type Deadline, createDeadline } from './deadline.ts'
import { forwardEvents } from './legacy-events.ts'
import { factoryFailureResponse, rpcErrorResponse } from './rpc-response.ts'
import type { SubscriptionScope, TenantBus, TenantSubscription } from './tenant-bus.ts'
import type { CreateMcpServer, McpCall, McpTransportLimits } from './types.ts'

export interface LegacySessions {
  handle(call: McpCall): Promise<Response>
  /** Ends the sessions of a revoked credential. */
  closeCredential(credentialId: string): void
  /** Who has a session open. */
  openPrincipals(): Principal[]
  /** Open sessions, for metrics. */
  count(): number
  close(): Promise<void>
}

interface LegacyOptions {
  readonly createServer: CreateMcpServer
  readonly bus: TenantBus
  scopeOf(call: McpCall): SubscriptionScope
  readonly limits: McpTransportLimits
  readonly log: Log
}

interface Session {
  readonly binding: string
  readonly principal: Principal
  readonly transport: WebStandardStreamableHTTPServerTransport
  readonly server: McpServer
  readonly deadline: Deadline
  readonly subscription: TenantSubscription
  lastUsedAt: number
  openStreams: number
}

export function createLegacySessions(options: LegacyOptions): LegacySessions {
  const { limits, log } = options
  const sessions = new Map<string, Session>()
  const perCredential = new Map<string, number>()
  let opening = 0
  const sweep = setInterval(closeIdle, Math.min(limits.sessionIdleMs, 60_000)).unref()

  function closeIdle(): void {
    const oldest = Date.now() - limits.sessionIdleMs
    for (const session of sessions.values()) {
      if (session.openStreams === 0 && session.lastUsedAt <= oldest) void session.server.close()
    }
  }

  function refuseOpening(call: McpCall): Response | undefined {
    const credentialId = call.principal.credential.id
    if ((perCredential.get(credentialId) ?? 0) >= limits.sessionsPerCredentialMax) {
      const message =
        `This credential has ${limits.sessionsPerCredentialMax} open MCP sessions, which is the limit. ` +
        'End one with DELETE, or wait for an idle one to expire.'
      return rpcErrorResponse(call.body, {
        status: 429,
        code: -32000,
        message,
        headers: { 'retry-after': '60' },
      })
    }
    if (sessions.size + opening < limits.sessionsMax) return undefined
    const message = 'This server has as many open MCP sessions as it allows. Try again in a minute.'
    return rpcErrorResponse(call.body, {
      status: 503,
      code: -32000,
      message,
      headers: { 'retry-after': '60' },
    })
  }

  async function open(call: McpCall): Promise<Response> {
    const refusal = refuseOpening(call)
    if (refusal) return refusal
    const credentialId = call.principal.credential.id
    const subscription = options.bus.open(options.scopeOf(call))
    if (subscription === undefined) {
      const message =
        'Too many open sessions and subscriptions in this organization. End one, then try again.'
      return rpcErrorResponse(call.body, { status: 429, code: -32000, message })
    }
    opening++
    perCredential.set(credentialId, (perCredential.get(credentialId) ?? 0) + 1)
    let settled = false
    const release = () => {
      if (settled) return
      settled = true
      subscription.close()
      const left = (perCredential.get(credentialId) ?? 1) - 1
      if (left > 0) perCredential.set(credentialId, left)
      else perCredential.delete(credentialId)
    }
    try {
      return await initialize(call, subscription, release)
    } catch (error) {
      release()
      return factoryFailureResponse(call, error, log)
    } finally {
      opening--
    }
  }

  async function initialize(
    call: McpCall,
    subscription: TenantSubscription,
    release: () => void,
  ): Promise<Response> {
    const { principal, pinned, requestId, toolSet, readonly, expiresAt } = call
    const server = await options.createServer({
      era: 'legacy',
      principal: withClientInfo(principal, call.body),
      pinned,
      requestId,
      toolSet,
      readonly,
      log,
    })
    forwardEvents(server, subscription, limits.resourceSubscriptionsMax)
    const id = randomUUID()
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => id,
      keepAliveMs: limits.keepAliveMs,
      onsessioninitialized: () => {
        const deadline = createDeadline(expiresAt, () => void server.close())
        const session: Session = {
          binding: bindingOf(call),
          principal,
          transport,
          server,
          deadline,
          subscription,
          lastUsedAt: Date.now(),
          openStreams: 0,
        }
        sessions.set(id, session)
      },
    })
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the library has only this
    server.server.onerror = (error) => log.debug({ err: error, requestId }, 'mcp session error')
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the library has only this
    server.server.onclose = () => {
      sessions.get(id)?.deadline.cancel()
      sessions.delete(id)
      release()
    }
    await server.connect(transport)
    const response = await transport.handleRequest(call.request, {
      parsedBody: call.body,
      authInfo: authInfoOf(call),
    })
    if (!sessions.has(id)) await server.close()
    return response
  }

  async function resume(call: McpCall, sessionId: string): Promise<Response> {
    const session = sessions.get(sessionId)
    if (session === undefined || session.binding !== bindingOf(call)) {
      const message = 'Session not found. Send initialize without Mcp-Session-Id to open a new one.'
      return rpcErrorResponse(call.body, { status: 404, code: -32001, message })
    }
    session.lastUsedAt = Date.now()
    session.deadline.moveTo(call.expiresAt)
    const { request, body } = call
    const response = await session.transport.handleRequest(request, {
      parsedBody: body,
      authInfo: authInfoOf(call),
    })
    if (request.method === 'GET' && response.ok) holdOpen(session, request.signal)
    return response
  }

  return {
    handle(call) {
      const sessionId = call.request.headers.get('mcp-session-id')
      if (sessionId !== null) return resume(call, sessionId)
      if (isInitializeRequest(call.body)) return open(call)
      return Promise.resolve(withoutSession(call))
    },
    closeCredential: (credentialId) => {
      for (const session of sessions.values()) {
        if (session.principal.credential.id === credentialId) void session.server.close()
      }
    },
    openPrincipals: () => [...sessions.values()].map((session) => session.principal),
    count: () => sessions.size,
    close: async () => {
      clearInterval(sweep)
      await Promise.all([...sessions.values()].map((session) => session.server.close()))
    },
  }
}

/** A session with an open GET stream is in use, however quiet. */
function holdOpen(session: Session, signal: AbortSignal): void {
  session.openStreams++
  const release = () => {
    session.openStreams--
    session.lastUsedAt = Date.now()
  }
  if (signal.aborted) release()
  else signal.addEventListener('abort', release, { once: true })
}

/** Everything that decides what the session's server may do; any difference makes it another caller's session. */
function bindingOf(call: McpCall): string {
  const { principal, pinned, readonly, toolSet } = call
  const { credential, userId, organizationId, role, scopes, projectId } = principal
  const rights = [role, scopes.toSorted(), projectId ?? null, pinned?.id ?? null, readonly, toolSet]
  return JSON.stringify([credential.kind, credential.id, userId, organizationId, ...rights])
}

function withoutSession(call: McpCall): Response {
  if (call.request.method === 'POST') {
    const message = 'Mcp-Session-Id is missing. Send initialize first and repeat the id that it returns.'
    return rpcErrorResponse(call.body, { status: 400, code: -32000, message })
  }
  // Without a session GET and DELETE mean nothing; 2026-07-28 has neither (Streamable HTTP, "POST only").
  const message = 'Without Mcp-Session-Id this endpoint takes only POST.'
  return rpcErrorResponse(call.body, { status: 405, code: -32000, message, headers: { allow: 'POST' } })
}
