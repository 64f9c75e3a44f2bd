import type { Accounts, ApiKey, KeyHolder } from '../domain/accounts.ts'
import type { Project } from '../domain/context.ts'
import { conflict, invalidInput, isDomainError } from '../domain/errors.ts'
import { isScratchSlug, scratchSlugPrefix } from '../domain/scratch-project.ts'
import { selectList } from './columns.ts'
import { sqlState } from './database-error.ts'
import type { Database, Transaction } from './database.ts'
import { deleteScratchProject } from './scratch-projects.ts'
import { sql, type Statement } from './statement.ts'

const keyColumns = selectList(
  [
    'id',
    'userId',
    'organizationId',
    'projectId',
    'hint',
    'name',
    'scopes',
    'lastUsed',
    'expiresAt',
    'revokedAt',
    'createdAt',
  ],
  'k',
)
const projectColumns = `p.id, p.organization_id as "organizationId", o.slug as "organizationSlug", p.slug, p.name`

const countUsers = sql<{ count: number }>('accounts.count-users', 'select count(*)::int as count from users')
const insertOrganization = sql<never, readonly [string, string, string, string]>(
  'accounts.insert-organization',
  'insert into organizations (id, slug, name, kind) values ($1, $2, $3, $4)',
)
const insertUser = sql<never, readonly [string, string | null, string, string, string]>(
  'accounts.insert-user',
  'insert into users (id, email, name, auth_provider, auth_id) values ($1, $2, $3, $4, $5)',
)
const insertMembership = sql<never, readonly [string, string, string]>(
  'accounts.insert-membership',
  'insert into memberships (organization_id, user_id, role) values ($1, $2, $3)',
)
const insertProject = sql<never, readonly [string, string, string, string, string]>(
  'accounts.insert-project',
  'insert into projects (id, organization_id, user_id, slug, name) values ($1, $2, $3, $4, $5)',
)
const findOwner = sql<{ userId: string; userName: string; organizationId: string }>(
  'accounts.find-owner',
  `select u.id as "userId", u.name as "userName", m.organization_id as "organizationId"
   from memberships m join users u on u.id = m.user_id where m.role = 'owner' order by u.created_at, u.id limit 1`,
)
const findKey = sql<KeyHolder, readonly [string]>(
  'accounts.find-key',
  `select ${keyColumns}, k.key_hash as "keyHash", u.name as "userName", m.role
   from api_keys k join users u on u.id = k.user_id
   join memberships m on m.organization_id = k.organization_id and m.user_id = k.user_id
   where k.id = $1`,
)
const touchKey = sql<never, readonly [string, Date]>(
  'accounts.touch-key',
  `update api_keys set last_used = $2::timestamptz
   where id = $1 and (last_used is null or last_used < $2::timestamptz - interval '1 minute')`,
)
const insertKey = sql<never, readonly unknown[]>(
  'accounts.insert-key',
  `insert into api_keys (id, user_id, organization_id, project_id, key_hash, hint, name, scopes, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
)
const listKeys = sql<ApiKey, readonly [string]>(
  'accounts.list-keys',
  `select ${keyColumns} from api_keys k where k.organization_id = $1 order by k.created_at, k.id`,
)
const revokeKey = sql<{ id: string }, readonly [string, string, Date]>(
  'accounts.revoke-key',
  `update api_keys set revoked_at = $3 where organization_id = $1 and id = $2 and revoked_at is null returning id`,
)
const findProjectBySlug = sql<Project, readonly [string, string]>(
  'accounts.find-project-by-slug',
  `select ${projectColumns} from projects p join organizations o on o.id = p.organization_id
   where o.slug = $1 and p.slug = $2 and p.deleted_at is null`,
)
const findProjectById = sql<Project, readonly [string]>(
  'accounts.find-project-by-id',
  `select ${projectColumns} from projects p join organizations o on o.id = p.organization_id
   where p.id = $1 and p.deleted_at is null`,
)
const listProjects = sql<Project, readonly [string]>(
  'accounts.list-projects',
  `select ${projectColumns} from projects p join organizations o on o.id = p.organization_id
   where p.organization_id = $1 and p.deleted_at is null and p.slug not like '${scratchSlugPrefix}%'
   order by p.created_at, p.id`,
)
const listScratchProjects = sql<Project, readonly [string, Date]>(
  'accounts.list-scratch-projects',
  `select ${projectColumns} from projects p join organizations o on o.id = p.organization_id
   where p.organization_id = $1 and p.slug like '${scratchSlugPrefix}%' and p.created_at < $2`,
)
const findRepository = sql<
  Project & { identity: string; hasRemote: boolean },
  readonly [string, readonly string[]]
>(
  'accounts.find-repository',
  `select r.identity, ${projectColumns}, exists (select from repositories other where other.project_id = p.id
     and other.identity not like 'local:%') as "hasRemote"
   from repositories r join projects p on p.id = r.project_id join organizations o on o.id = p.organization_id
   where r.organization_id = $1 and r.identity = any ($2::text[]) and p.organization_id = $1 and p.deleted_at is null`,
)
const linkRepository = sql<{ identity: string }, readonly [string, string, string]>(
  'accounts.link-repository',
  `insert into repositories as r (organization_id, identity, project_id) values ($1, $2, $3)
   on conflict (organization_id, identity) do update set project_id = excluded.project_id
   where exists (select from projects p where p.id = r.project_id and p.deleted_at is not null)
   returning identity`,
)

const listProjectIds = sql<{ id: string }, readonly [string | null, number]>(
  'accounts.list-project-ids',
  `select id from projects where ($1::uuid is null or id > $1) order by id limit $2`,
)

/** Takes the transaction back; the caller of the store looks again. */
const taken = () => conflict('The name or the repository is taken.')
const refuseTaken = (error: unknown): never => {
  throw sqlState(error) === '23505' ? taken() : error
}

export const createAccounts = (database: Database): Accounts => {
  const transact = async <T>(signal: AbortSignal, work: (tx: Transaction) => Promise<T>) =>
    database.transact({ role: 'stackmemory_account', signal }, work)

  const read = async <Row, Values extends readonly unknown[]>(
    signal: AbortSignal,
    statement: Statement<Row, Values>,
    values: Values,
  ) => database.read({ role: 'stackmemory_account', signal }, statement, values)

  return {
    isEmpty: async (signal) => (await read(signal, countUsers, []))[0]?.count === 0,
    createOwner: async ({ organization, user, project }, signal) =>
      transact(signal, async (tx) => {
        await tx.run(insertOrganization, [
          organization.id,
          organization.slug,
          organization.name,
          organization.kind,
        ])
        await tx.run(insertUser, [user.id, user.email, user.name, user.authProvider, user.authId])
        await tx.run(insertMembership, [organization.id, user.id, 'owner'])
        await tx.run(insertProject, [project.id, organization.id, user.id, project.slug, project.name])
      }),
    addMember: async ({ organizationId, user, role }, signal) =>
      transact(signal, async (tx) => {
        await tx.run(insertUser, [user.id, user.email, user.name, user.authProvider, user.authId])
        await tx.run(insertMembership, [organizationId, user.id, role])
      }),
    findOwner: async (signal) => (await read(signal, findOwner, []))[0],
    findKey: async (id, signal) => (await read(signal, findKey, [id]))[0],
    touchKey: async (id, at, signal) =>
      database.transact(
        { role: 'stackmemory_account', signal, durable: false },
        async (tx) => void (await tx.run(touchKey, [id, at])),
      ),
    insertKey: async (key, signal) =>
      transact(
        signal,
        async (tx) =>
          void (await tx.run(insertKey, [
            key.id,
            key.userId,
            key.organizationId,
            key.projectId,
            key.keyHash,
            key.hint,
            key.name,
            key.scopes,
            key.expiresAt,
          ])),
      ),
    listKeys: async (organizationId, signal) => read(signal, listKeys, [organizationId]),
    revokeKey: async (organizationId, id, at, signal) =>
      transact(signal, async (tx) => (await tx.run(revokeKey, [organizationId, id, at])).length === 1),
    createProject: async ({ isScratch = false, ...project }, signal) => {
      if (isScratchSlug(project.slug) !== isScratch)
        throw invalidInput(
          `Names that begin with ${scratchSlugPrefix} are for projects that are removed again. Choose another name.`,
        )
      await transact(signal, async (tx) => {
        try {
          await tx.run(insertProject, [
            project.id,
            project.organizationId,
            project.userId,
            project.slug,
            project.name,
          ])
        } catch (error) {
          if (sqlState(error) === '23505')
            throw conflict(
              `A project named ${project.slug} is there already. Use it, or choose another name.`,
            )
          throw error
        }
      })
    },
    findProject: async (ref, signal) =>
      ('id' in ref
        ? await read(signal, findProjectById, [ref.id])
        : await read(signal, findProjectBySlug, [ref.organizationSlug, ref.slug])
      )[0],
    listProjects: async (organizationId, signal) => read(signal, listProjects, [organizationId]),
    listScratchProjects: async (organizationId, before, signal) =>
      read(signal, listScratchProjects, [organizationId, before]),
    deleteScratchProject: async (id, signal) => deleteScratchProject(database, id, signal),
    findRepository: async (organizationId, identities, signal) =>
      (await read(signal, findRepository, [organizationId, identities])).map(
        ({ identity, hasRemote, ...project }) => ({ identity, hasRemote, project }),
      ),
    linkRepository: async ({ organizationId, identity, projectId }, signal) =>
      transact(
        signal,
        async (tx) => void (await tx.run(linkRepository, [organizationId, identity, projectId])),
      ),
    createRepositoryProject: async ({ id, organizationId, userId, slug, name }, identity, signal) => {
      try {
        return await transact(signal, async (tx) => {
          await tx.run(insertProject, [id, organizationId, userId, slug, name]).catch(refuseTaken)
          const linked = await tx.run(linkRepository, [organizationId, identity, id])
          if (linked.length === 0) throw taken()
          return (await tx.run(findProjectById, [id]))[0]
        })
      } catch (error) {
        if (isDomainError(error) && error.code === 'conflict') return undefined
        throw error
      }
    },
    listProjectIds: async (after, limit, signal) =>
      (await read(signal, listProjectIds, [after, limit])).map((row) => row.id),
  }
}
