/**
 * Everything an operation may know about its call. Passed explicitly as the first argument, so that REST,
 * MCP, the command line, jobs and tests all call the same operation the same way, and so that the domain
 * needs neither a clock nor a logger of its own.
 */
export const scopes = ['memory:read', 'memory:write', 'project:admin', 'org:admin'] as const
export type Scope = (typeof scopes)[number]

/** Role of a user in an organization, from least to most powerful. */
export const roles = ['viewer', 'member', 'admin', 'owner'] as const
export type Role = (typeof roles)[number]

/** Who is calling: user, credential, client, scopes, role. */
export interface Principal {
  readonly userId: string
  /** Name shown beside memories, for example "Ana" or "owner". */
  readonly userName: string
  readonly organizationId: string
  readonly role: Role
  readonly scopes: readonly Scope[]
  /** Set when the credential opens one project only. */
  readonly projectId?: string
  readonly credential: { readonly kind: 'api_key' | 'local'; readonly id: string }
  /** The program that called, as it names itself (MCP client info); never trusted for decisions. */
  readonly client: { readonly name: string; readonly version: string }
}

/** The scope of memory: usually one git repository. */
export interface Project {
  readonly id: string
  readonly organizationId: string
  readonly organizationSlug: string
  readonly slug: string
  readonly name: string
}

export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface Context {
  readonly principal: Principal
  readonly project: Project
  readonly requestId: string
  /** Aborted when the caller has gone or cancelled; it reaches the running query. */
  readonly signal: AbortSignal
  /** Time of the call. Operations never read a clock. */
  readonly now: Date
  /** A new UUIDv7 (RFC 9562): ids are made here, not in the database, and sort by time. */
  readonly newId: () => string
  readonly log: Log
  /** A command that a person typed says `person`; without it an agent calls, whatever its credential. */
  readonly source?: 'person' | 'agent'
  /** The import that this call is part of: what it adds and changes can be taken back by this id. */
  readonly importId?: string
  /** Tells a caller who asked for it how far a long call has come. */
  readonly progress?: (done: number, total: number) => Promise<void>
}
