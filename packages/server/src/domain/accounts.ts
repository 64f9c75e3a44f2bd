/** Who may enter: organizations, users, projects and API keys, as the edges and the command line need them. */
import type { Project, Role, Scope } from './context.ts'

export interface ApiKey {
  id: string
  userId: string
  organizationId: string
  projectId: string | null
  hint: string
  name: string
  scopes: Scope[]
  lastUsed: Date | null
  expiresAt: Date | null
  revokedAt: Date | null
  createdAt: Date
}

/** Everything that one look-up of a key must answer. */
export interface KeyHolder extends ApiKey {
  keyHash: string
  userName: string
  role: Role
}

export interface NewKey {
  id: string
  userId: string
  organizationId: string
  projectId: string | null
  keyHash: string
  hint: string
  name: string
  scopes: readonly Scope[]
  expiresAt: Date | null
}

export interface NewOwner {
  organization: { id: string; slug: string; name: string; kind: 'personal' | 'team' }
  user: { id: string; email: string | null; name: string; authProvider: string; authId: string }
  project: { id: string; slug: string; name: string }
}

export interface LinkedRepository {
  identity: string
  project: Project
  /** Whether the project has a repository that is known by its remote. */
  hasRemote: boolean
}

export interface Accounts {
  isEmpty(signal: AbortSignal): Promise<boolean>
  createOwner(owner: NewOwner, signal: AbortSignal): Promise<void>
  /** Adds a user with a role to an organization. */
  addMember(
    member: { organizationId: string; user: NewOwner['user']; role: Role },
    signal: AbortSignal,
  ): Promise<void>
  findOwner(
    signal: AbortSignal,
  ): Promise<{ userId: string; userName: string; organizationId: string } | undefined>
  /** The key with its holder, also when it is revoked or expired; undefined when unknown. */
  findKey(id: string, signal: AbortSignal): Promise<KeyHolder | undefined>
  /** Notes that a key was used; at most one write a minute. */
  touchKey(id: string, at: Date, signal: AbortSignal): Promise<void>
  insertKey(key: NewKey, signal: AbortSignal): Promise<void>
  listKeys(organizationId: string, signal: AbortSignal): Promise<ApiKey[]>
  /** False when no such key is there or it was revoked before. */
  revokeKey(organizationId: string, id: string, at: Date, signal: AbortSignal): Promise<boolean>
  /** @throws conflict when the slug is taken; invalid_input when it is one of a scratch project and `isScratch` is not set. */
  createProject(
    project: {
      id: string
      organizationId: string
      userId: string
      slug: string
      name: string
      isScratch?: boolean
    },
    signal: AbortSignal,
  ): Promise<void>
  findProject(
    ref: { organizationSlug: string; slug: string } | { id: string },
    signal: AbortSignal,
  ): Promise<Project | undefined>
  /** Without scratch projects: only whoever made one knows of it. */
  listProjects(organizationId: string, signal: AbortSignal): Promise<Project[]>
  /** Those made before `before`, which a command that was killed has left. */
  listScratchProjects(organizationId: string, before: Date, signal: AbortSignal): Promise<Project[]>
  /** Deletes a scratch project with all that it remembers; false when the project is not one. */
  deleteScratchProject(id: string, signal: AbortSignal): Promise<boolean>
  /** Ids of projects of every organization, a page after `after`; for housekeeping. */
  listProjectIds(after: string | null, limit: number, signal: AbortSignal): Promise<string[]>
  /** Projects that any of these repositories is linked to in the organization. */
  findRepository(
    organizationId: string,
    identities: readonly string[],
    signal: AbortSignal,
  ): Promise<LinkedRepository[]>
  /** Links a repository; one that is linked to a project that is still there keeps it. */
  linkRepository(
    link: { organizationId: string; identity: string; projectId: string },
    signal: AbortSignal,
  ): Promise<void>
  /** Makes a project and links a repository to it; undefined when the slug or the repository is taken. */
  createRepositoryProject(
    project: { id: string; organizationId: string; userId: string; slug: string; name: string },
    identity: string,
    signal: AbortSignal,
  ): Promise<Project | undefined>
}
