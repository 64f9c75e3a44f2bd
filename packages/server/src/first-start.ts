/** The first start makes the owner, a project and a key, so that the next step is to connect a client. */
import { userInfo } from 'node:os'
import { v7 as uuidv7 } from 'uuid'
import { createApiKey } from './auth/api-key.ts'
import type { Accounts } from './domain/accounts.ts'
import { isDomainError } from './domain/errors.ts'
import type { Scope } from './domain/context.ts'

export const allScopes: readonly Scope[] = ['memory:read', 'memory:write', 'project:admin', 'org:admin']
const firstOrganization = { slug: 'personal', name: 'Personal' }
const firstProject = { slug: 'default', name: 'Default' }

const ownerName = () => {
  try {
    return userInfo().username || 'owner'
  } catch {
    return 'owner'
  }
}

/**
 * Makes the owner and the first project of a memory that has none.
 * @returns whether this call made them
 */
export const prepareOwner = async (accounts: Accounts, signal: AbortSignal): Promise<boolean> => {
  if (!(await accounts.isEmpty(signal))) return false
  const organization = { id: uuidv7(), ...firstOrganization, kind: 'personal' as const }
  const user = { id: uuidv7(), email: null, name: ownerName(), authProvider: 'local', authId: 'owner' }
  const project = { id: uuidv7(), ...firstProject }
  try {
    await accounts.createOwner({ organization, user, project }, signal)
    return true
  } catch (error) {
    // Another instance was first: the unique names let one of them through.
    if (isDomainError(error) && !(await accounts.isEmpty(signal))) return false
    throw error
  }
}

/**
 * Makes what is missing of owner, project and first key. A memory that only programs of this machine have used so
 * far has an owner and no key yet.
 * @returns the new key, to be shown once; undefined when there was one already
 */
export const prepareFirstStart = async (
  accounts: Accounts,
  pepper: string,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const isNew = await prepareOwner(accounts, signal)
  const owner = await accounts.findOwner(signal)
  if (!owner) return undefined
  if (!isNew && (await accounts.listKeys(owner.organizationId, signal)).length > 0) return undefined
  const key = createApiKey()
  await accounts.insertKey(
    {
      id: key.id,
      userId: owner.userId,
      organizationId: owner.organizationId,
      projectId: null,
      keyHash: key.secretHash(pepper),
      hint: key.hint,
      name: 'First key',
      scopes: allScopes,
      expiresAt: null,
    },
    signal,
  )
  return key.key
}
