/** What the MCP transport needs, and the one factory through which both protocol eras get their server. */
import type { McpServer, ServerOptions } from '@modelcontextprotocol/server'
import type { Log, Principal, Project } from '../../domain/context.ts'

/** One HTTP request for the MCP endpoint: authenticated, scoped and parsed, without body and credentials. */
export interface McpCall {
  readonly request: Request
  readonly body: unknown
  readonly principal: Principal
  readonly expiresAt?: Date
  readonly pinned?: Project
  readonly requestId: string
  readonly toolSet: 'default' | 'upstream'
  readonly readonly: boolean
}

export interface CreateServerArgs {
  /** `modern`: 2026-07-28, one server per request. `legacy`: up to 2025-11-25, one server per session. */
  readonly era: 'modern' | 'legacy'
  /** `client` is filled in from what the client says about itself in the protocol. */
  readonly principal: Principal
  readonly pinned?: Project
  /** Id of the request that created the server. Inside a handler use `requestIdOf(ctx)`: a session outlives it. */
  readonly requestId: string
  readonly toolSet: 'default' | 'upstream'
  readonly readonly: boolean
  /**
   * Only on a modern `tools/call`: the one tool that will be called, checked against the `Mcp-Name` header.
   * Registering only this tool saves most of the cost of building the server. For a name that does not exist
   * register everything as usual, so that the answer is "unknown tool" and not "unknown method".
   */
  readonly toolName?: string
  /**
   * How to verify `requestState` that a client echoes (MCP 2026-07-28, multi-round-trip requests). The factory
   * passes it on to `new McpServer(…, { requestState })`; whoever mints states wraps the factory and sets it.
   */
  readonly requestState?: ServerOptions['requestState']
  readonly log: Log
}

/** Returns a new, unconnected server each time. Capabilities are declared explicitly, whatever is registered. */
export type CreateMcpServer = (args: CreateServerArgs) => McpServer | Promise<McpServer>

export interface McpTransportLimits {
  /** Legacy sessions that one credential may hold open. */
  readonly sessionsPerCredentialMax: number
  /** Legacy sessions on this instance. */
  readonly sessionsMax: number
  /** A session without requests and without an open stream ends after this time. */
  readonly sessionIdleMs: number
  /** Resources that one legacy session may subscribe to, and one modern stream may name. */
  readonly resourceSubscriptionsMax: number
  /** Time between comment lines that keep a stream open through proxies. 0 switches them off. */
  readonly keepAliveMs: number
}

export const defaultMcpTransportLimits: McpTransportLimits = {
  sessionsPerCredentialMax: 32,
  sessionsMax: 2_000,
  sessionIdleMs: 30 * 60_000,
  resourceSubscriptionsMax: 200,
  keepAliveMs: 15_000,
}
