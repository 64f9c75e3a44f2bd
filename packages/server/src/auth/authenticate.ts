/** From the credential of a request to a principal. */
import type { Accounts } from '../domain/accounts.ts'
import type { Log, Principal } from '../domain/context.ts'
import { readCredential } from '../http/credential.ts'
import type { AuthenticationResult } from '../http/options.ts'
import { parseApiKey, verifySecret } from './api-key.ts'

/** The database notes a use once a minute at most; asking it more often is a transaction for nothing. */
const touchEveryMs = 60_000
const touchesHeldMax = 10_000

const unknownClient = { name: 'unknown', version: '' }

/**
 * Verifies API keys. The checksum is checked before the database is asked; an unknown key costs the same
 * comparison as a known one.
 */
export const createAuthenticate = (accounts: Accounts, pepper: string, log: Log) => {
  const touchedAtMs = new Map<string, number>()
  const touch = (id: string) => {
    const now = performance.now()
    if (now - (touchedAtMs.get(id) ?? -Infinity) < touchEveryMs) return
    if (touchedAtMs.size >= touchesHeldMax) touchedAtMs.clear()
    touchedAtMs.set(id, now)
    accounts.touchKey(id, new Date(), AbortSignal.timeout(5_000)).catch((error: unknown) => {
      touchedAtMs.delete(id)
      log.warn({ err: error }, 'noting the use of a key failed')
    })
  }
  const verify = async (text: string, signal: AbortSignal): Promise<AuthenticationResult> => {
    const parsed = parseApiKey(text)
    if (!parsed) return { ok: false, error: 'invalid' }
    const holder = await accounts.findKey(parsed.id, signal)
    if (!verifySecret(parsed.secret, holder?.keyHash, pepper) || !holder)
      return { ok: false, error: 'invalid' }
    if (holder.revokedAt && holder.revokedAt <= new Date()) return { ok: false, error: 'invalid' }
    if (holder.expiresAt && holder.expiresAt <= new Date()) return { ok: false, error: 'expired' }
    touch(holder.id)
    const principal: Principal = {
      userId: holder.userId,
      userName: holder.userName,
      organizationId: holder.organizationId,
      role: holder.role,
      scopes: holder.scopes,
      projectId: holder.projectId ?? undefined,
      credential: { kind: 'api_key', id: holder.id },
      client: unknownClient,
    }
    return { ok: true, principal, expiresAt: holder.expiresAt ?? undefined }
  }
  return async (request: Request): Promise<AuthenticationResult> => {
    const presented = readCredential(request.headers)
    if (presented.kind === 'none') return { ok: false, error: 'missing' }
    return presented.kind === 'bearer'
      ? verify(presented.token, request.signal)
      : { ok: false, error: 'invalid' }
  }
}
