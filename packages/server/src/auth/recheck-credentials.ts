/**
 * Streams and sessions are authenticated when they open and may stay open for days. This looks again, every few
 * seconds, whether the credentials behind them still hold, wherever they were changed: by another instance, by the
 * command line, or in the database.
 */
import type { Accounts, KeyHolder } from '../domain/accounts.ts'
import type { Log, Principal } from '../domain/context.ts'

export interface RecheckOptions {
  accounts: Pick<Accounts, 'findKey'>
  /** Who has a stream or session open. */
  open: () => Iterable<Principal>
  end: (credentialId: string) => void
  log: Log
  everyMs?: number
}

const timeoutMs = 10_000

const rightsOf = ({
  userId,
  organizationId,
  role,
  scopes,
  projectId,
}: Pick<Principal, 'role' | 'scopes'> &
  Pick<KeyHolder, 'userId' | 'organizationId'> & { projectId?: string | null | undefined }) =>
  JSON.stringify([userId, organizationId, role, scopes.toSorted(), projectId ?? null])

const holds = (holder: KeyHolder | undefined, principal: Principal, now: Date) =>
  holder !== undefined &&
  !(holder.revokedAt && holder.revokedAt <= now) &&
  !(holder.expiresAt && holder.expiresAt <= now) &&
  rightsOf(holder) === rightsOf(principal)

/** Returns the function that stops it. While the database cannot be asked, what is open stays open. */
export const recheckCredentials = ({ accounts, open, end, log, everyMs = 5_000 }: RecheckOptions) => {
  const check = async () => {
    const byCredential = new Map<string, Principal[]>()
    for (const principal of open()) {
      const { kind, id } = principal.credential
      if (kind === 'api_key') byCredential.set(id, [...(byCredential.get(id) ?? []), principal])
    }
    for (const [id, principals] of byCredential) {
      const holder = await accounts.findKey(id, AbortSignal.timeout(timeoutMs))
      const now = new Date()
      if (!principals.every((principal) => holds(holder, principal, now))) end(id)
    }
  }
  let running = false
  const timer = setInterval(() => {
    if (running) return
    running = true
    check()
      .catch((error: unknown) => log.warn({ err: error }, 'looking again at credentials failed'))
      .finally(() => {
        running = false
      })
  }, everyMs).unref()
  return () => clearInterval(timer)
}
