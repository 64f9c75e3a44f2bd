/**
 * MCP 2026-07-28: stateless. One server per request, built by the product's factory; long-lived are only the
 * `subscriptions/listen` streams, which end when the client goes, when the credential ends and on revocation.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type McpServer, type ServerEventBus, createMcpHandler } from '@modelcontextprotocol/server'
import type { Log, Principal } from '../../domain/context.ts'
import { authInfoOf } from './auth-info.ts'
import { member, withClientInfo } from './client-info.ts'
import { createDeadline } from './deadline.ts'
import { factoryFailureResponse, rpcErrorResponse } from './rpc-response.ts'
import type { SubscriptionScope, TenantBus, TenantSubscription } from './tenant-bus.ts'
import type { CreateMcpServer, McpCall, McpTransportLimits } from './types.ts'

export interface ModernEndpoint {
  handle(call: McpCall): Promise<Response>
  /** Ends the streams of a revoked credential. */
  closeCredential(credentialId: string): void
  /** Who has a stream open. */
  openPrincipals(): Principal[]
  close(): Promise<void>
}

interface ModernOptions {
  readonly createServer: CreateMcpServer
  readonly bus: TenantBus
  scopeOf(call: McpCall): SubscriptionScope
  readonly limits: McpTransportLimits
  readonly log: Log
}

/** What the library's callbacks need to know of the call they serve; they get no argument for it. */
interface Exchange {
  readonly call: McpCall
  /** Reserved before the stream opens, so that two callers cannot take the last place. */
  readonly stream?: { readonly subscription: TenantSubscription; release(): void }
  factoryError?: unknown
}

export function createModernEndpoint(options: ModernOptions): ModernEndpoint {
  const exchanges = new AsyncLocalStorage<Exchange>()
  const streams = new Map<AbortController, Principal>()
  const handler = createMcpHandler(() => buildServer(options, exchanges.getStore()), {
    legacy: 'reject',
    bus: scopedBus(exchanges),
    maxSubscriptions: Number.MAX_SAFE_INTEGER, // Counted per tenant by the bus.
    keepAliveMs: options.limits.keepAliveMs,
    onerror: (error) => options.log.debug({ err: error }, 'mcp request refused'),
  })

  async function serve(exchange: Exchange, request: Request): Promise<Response> {
    const { call } = exchange
    const response = await exchanges.run(exchange, () =>
      handler.fetch(request, { parsedBody: call.body, authInfo: authInfoOf(call) }),
    )
    if (exchange.factoryError === undefined) return response
    return factoryFailureResponse(call, exchange.factoryError, options.log)
  }

  async function listen(call: McpCall): Promise<Response> {
    const uris = member(member(member(call.body, 'params'), 'notifications'), 'resourceSubscriptions')
    if (Array.isArray(uris) && uris.length > options.limits.resourceSubscriptionsMax) {
      const message = `One stream may name at most ${options.limits.resourceSubscriptionsMax} resources.`
      return rpcErrorResponse(call.body, { status: 200, code: -32602, message })
    }
    const subscription = options.bus.open(options.scopeOf(call))
    if (subscription === undefined) {
      const message = 'Too many open subscriptions in this organization. Close one, then listen again.'
      return rpcErrorResponse(call.body, { status: 200, code: -32603, message })
    }
    const controller = new AbortController()
    const abort = () => controller.abort()
    const deadline = createDeadline(call.expiresAt, abort)
    const release = () => {
      subscription.close()
      deadline.cancel()
      call.request.signal.removeEventListener('abort', abort)
      streams.delete(controller)
    }
    streams.set(controller, call.principal)
    call.request.signal.addEventListener('abort', abort, { once: true })
    if (call.request.signal.aborted) abort()
    try {
      const request = new Request(call.request, { signal: controller.signal })
      return await serve({ call, stream: { subscription, release } }, request)
    } finally {
      // Refused, or acknowledged with nothing to listen to: there is no stream to wait for.
      if (!subscription.isAttached()) release()
    }
  }

  return {
    handle: (call) =>
      member(call.body, 'method') === 'subscriptions/listen' ? listen(call) : serve({ call }, call.request),
    closeCredential: (credentialId) => {
      for (const [controller, { credential }] of streams)
        if (credential.id === credentialId) controller.abort()
    },
    openPrincipals: () => [...streams.values()],
    close: () => handler.close(),
  }
}

async function buildServer(options: ModernOptions, exchange: Exchange | undefined): Promise<McpServer> {
  if (exchange === undefined) throw new Error('a modern server was asked for outside of a call')
  const { request, body, principal, pinned, requestId, toolSet, readonly } = exchange.call
  // The library has checked both headers against the body before it asks for a server.
  const calledTool =
    request.headers.get('mcp-method') === 'tools/call' ? member(member(body, 'params'), 'name') : undefined
  try {
    return await options.createServer({
      era: 'modern',
      principal: withClientInfo(principal, body),
      pinned,
      requestId,
      toolSet,
      readonly,
      toolName: typeof calledTool === 'string' ? calledTool : undefined,
      log: options.log,
    })
  } catch (error) {
    exchange.factoryError = error
    throw error
  }
}

/** The bus as the library sees it: it subscribes while a call runs, and may not publish past the tenants. */
function scopedBus(exchanges: AsyncLocalStorage<Exchange>): ServerEventBus {
  return {
    publish() {
      throw new Error('publish through TenantBus.publishFor: an event belongs to one project')
    },
    subscribe(listener) {
      const stream = exchanges.getStore()?.stream
      if (stream === undefined) throw new Error('a stream was opened outside of a call')
      stream.subscription.attach(listener)
      return () => stream.release()
    },
  }
}
