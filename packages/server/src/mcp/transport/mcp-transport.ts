/** The MCP endpoint for both protocol eras: decides the era of a request once and hands it on. */
import { classifyInboundRequest } from '@modelcontextprotocol/server'
import type { Log, Principal } from '../../domain/context.ts'
import { createLegacySessions } from './legacy-sessions.ts'
import { createModernEndpoint } from './modern.ts'
import { rpcErrorResponse } from './rpc-response.ts'
import type { SubscriptionScope, TenantBus } from './tenant-bus.ts'
import {
  type CreateMcpServer,
  type McpCall,
  type McpTransportLimits,
  defaultMcpTransportLimits,
} from './types.ts'

export interface McpTransportOptions {
  readonly createServer: CreateMcpServer
  readonly bus: TenantBus
  /**
   * Whether a caller without a pinned project hears the events of a project of its organization. Called for
   * each event: it must be quick, and it is the place to follow membership. Default: hears none.
   */
  hearsProject?(principal: Principal, projectId: string): boolean
  readonly log: Log
  readonly limits?: Partial<McpTransportLimits>
}

export interface McpTransport {
  handle(call: McpCall): Promise<Response>
  /** Ends sessions and streams of a credential that was revoked. */
  closeCredential(credentialId: string): void
  /** Who has sessions and streams open on this instance. */
  openPrincipals(): Principal[]
  /** Open legacy sessions on this instance. */
  sessionCount(): number
  /** Ends everything; later calls are answered 503. */
  close(): Promise<void>
}

export function createMcpTransport(options: McpTransportOptions): McpTransport {
  const limits = { ...defaultMcpTransportLimits, ...options.limits }
  const scopeOf = (call: McpCall): SubscriptionScope => scopeOfCall(options, call)
  const inner = { createServer: options.createServer, bus: options.bus, scopeOf, limits, log: options.log }
  const modern = createModernEndpoint(inner)
  const legacy = createLegacySessions(inner)
  let closed = false
  return {
    handle(call) {
      if (closed) {
        const message = 'This server is shutting down. Try again in a moment.'
        const headers = { 'retry-after': '5' }
        return Promise.resolve(rpcErrorResponse(call.body, { status: 503, code: -32000, message, headers }))
      }
      return isLegacy(call) ? legacy.handle(call) : modern.handle(call)
    },
    closeCredential: (credentialId) => {
      modern.closeCredential(credentialId)
      legacy.closeCredential(credentialId)
    },
    openPrincipals: () => [...modern.openPrincipals(), ...legacy.openPrincipals()],
    sessionCount: () => legacy.count(),
    close: async () => {
      closed = true
      await Promise.all([modern.close(), legacy.close()])
    },
  }
}

function isLegacy({ request, body }: McpCall): boolean {
  const header = (name: string) => request.headers.get(name) ?? undefined
  return (
    classifyInboundRequest({
      httpMethod: request.method,
      protocolVersionHeader: header('mcp-protocol-version'),
      mcpMethodHeader: header('mcp-method'),
      mcpNameHeader: header('mcp-name'),
      body,
    }).kind === 'legacy'
  )
}

function scopeOfCall(options: McpTransportOptions, { principal, pinned }: McpCall): SubscriptionScope {
  if (pinned !== undefined) {
    return { tenantId: pinned.organizationId, includes: (projectId) => projectId === pinned.id }
  }
  const includes = (projectId: string) => options.hearsProject?.(principal, projectId) ?? false
  return { tenantId: principal.organizationId, includes }
}
