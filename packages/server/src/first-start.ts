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

/** The new key, to be shown once; undefined when there was an owner already. */
export const prepareFirstStart = async (
  accounts: Accounts,
  pepper: string,
  signal: AbortSignal,
): Promise<string | undefined> => {
  if (!(await accounts.isEmpty(signal))) return undefined
  const organization = { id: uuidv7(), ...firstOrganization, kind: 'personal' as const }
  const user = { id: uuidv7(), email: null, name: ownerName(), authProvider: 'local', authId: 'owner' }
  const project = { id: uuidv7(), ...firstProject }
  try {
    await accounts.createOwner({ organization, user, project }, signal)
  } catch (error) {
    // Another instance was first: the unique names let one of them through.
    if (isDomainError(error) && !(await accounts.isEmpty(signal))) return undefined
    throw error
  }
  const key = createApiKey()
  await accounts.insertKey(
    {
      id: key.id,
      userId: user.id,
      organizationId: organization.id,
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
