/** Who may open the private address of the owner is the owner of the memory: no API key, all rights. */
import type { Accounts } from '../domain/accounts.ts'
import type { Principal } from '../domain/context.ts'
import { unavailable } from '../domain/errors.ts'
import { allScopes } from '../first-start.ts'
import type { AuthenticationResult } from '../http/options.ts'

/** The owner as a principal; asked for once, because nobody else can become it while this process runs. */
export const createLocalOwner = (accounts: Accounts) => {
  let owner: Principal | undefined
  return async (signal: AbortSignal): Promise<Principal> => {
    if (owner) return owner
    const found = await accounts.findOwner(signal)
    if (!found) throw unavailable('This memory has no owner yet. Try again in a moment.')
    return (owner = {
      ...found,
      role: 'owner',
      scopes: allScopes,
      credential: { kind: 'local', id: found.userId },
      client: { name: 'unknown', version: '' },
    })
  }
}

/** Accepts every request as the owner's. Only for a listener that nobody else can reach. */
export const createLocalAuthenticate =
  (findOwner: (signal: AbortSignal) => Promise<Principal>) =>
  async (request: Request): Promise<AuthenticationResult> => ({
    ok: true,
    principal: await findOwner(request.signal),
  })
