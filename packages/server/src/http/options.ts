/** What the HTTP edge needs from the rest of the program. The composition root supplies it. */
import type { Log, Principal, Project } from '../domain/context.ts'
import type { ErrorCode } from '../domain/errors.ts'
import type { LocalEdge } from './local-routes.ts'

export type AuthenticationResult =
  | { ok: true; principal: Principal; expiresAt?: Date }
  | { ok: false; error: 'missing' | 'invalid' | 'expired' }

/** One request for the MCP endpoint, after everything that is HTTP has been checked. */
export interface McpCall {
  /** Without a body (it is in `body`) and without credentials; carries `x-request-id`. Its signal aborts when the client goes. */
  readonly request: Request
  /** The parsed JSON of a POST. */
  readonly body: unknown
  readonly principal: Principal
  /** When the credential ends; streams and sessions end with it. */
  readonly expiresAt?: Date
  /** The project of `/mcp/{org}/{project}`. */
  readonly pinned?: Project
  readonly requestId: string
  readonly toolSet: 'default' | 'upstream'
  readonly readonly: boolean
}

export interface McpEndpoint {
  handle(call: McpCall): Promise<Response>
}

export interface HookEndpoint {
  isClient(name: string): name is 'claude-code' | 'codex'
  /** The project that was named, that of the repository, or the only one there is. */
  chooseProject(asked: {
    principal: Principal
    /** `org/project`. */
    named: string | undefined
    /** Identity of the repository that the agent works in. */
    repository: string | undefined
  }): Promise<{ project: Project } | { problem: { code: ErrorCode; detail: string } }>
  /** Never throws. */
  handle(call: {
    client: 'claude-code' | 'codex'
    body: unknown
    principal: Principal
    project: Project
    requestId: string
    idempotencyKey: string | undefined
  }): Promise<{ kind: 'done'; body: object } | { kind: 'nothing'; why: string }>
}

export interface Health {
  /** The process works; false asks the supervisor for a restart. */
  readonly live: boolean
  /** Requests can be served now; false takes the instance out of rotation. */
  readonly ready: boolean
  readonly checks?: Readonly<Record<string, 'ok' | 'failing'>>
}

export interface HttpLimits {
  /** Largest request body, counted while reading. */
  readonly bodyBytesMax: number
  /** Deepest nesting of a JSON body. */
  readonly jsonDepthMax: number
  /** The answer to a hook comes within this time, whatever happens. */
  readonly hookBudgetMs: number
  /** Reports of hooks that one credential may have under way; more are answered as busy. */
  readonly hookReportsPerCredentialMax: number
  /** The same for all credentials together. */
  readonly hookReportsMax: number
  /** Bytes of their bodies that one credential may have under way. */
  readonly hookBytesPerCredentialMax: number
  /** The same for all credentials together. */
  readonly hookBytesMax: number
}

export const defaultHttpLimits: HttpLimits = {
  bodyBytesMax: 4 * 1024 * 1024,
  jsonDepthMax: 64,
  hookBudgetMs: 2_000,
  hookReportsPerCredentialMax: 250,
  hookReportsMax: 1_000,
  hookBytesPerCredentialMax: 32 * 1024 * 1024,
  hookBytesMax: 128 * 1024 * 1024,
}

export interface HttpAppOptions {
  /** Where clients reach this service; its host and origin are always allowed. */
  readonly publicUrl: URL
  /** More `Host` values: `name` (any port) or `name:port`. */
  readonly allowedHosts: readonly string[]
  /** More `Origin` values: `https://name[:port]`, or `http://name:*` for any port. */
  readonly allowedOrigins: readonly string[]
  /** Verifies the credential that `readCredential` finds. Throws only when it cannot tell (for example no database). */
  authenticate(request: Request): Promise<AuthenticationResult>
  /** The project if it exists and the principal may see it. */
  resolveProject(principal: Principal, org: string, project: string): Promise<Project | undefined>
  /** The project of a repository, if it is linked to one that the principal may enter. */
  projectOfRepository?(principal: Principal, repository: string): Promise<Project | undefined>
  readonly mcp: McpEndpoint
  /** Without it there is nothing at /hooks. */
  readonly hooks?: HookEndpoint
  health(): Promise<Health>
  readonly log: Log
  readonly limits?: Partial<HttpLimits>
  /** Only for a listener on a private address: what is served under `/local`. */
  readonly local?: LocalEdge
  /** Advertised in `WWW-Authenticate` (RFC 9728 §5.1) once an authorization server stands behind this service. */
  readonly resourceMetadataUrl?: URL
}
