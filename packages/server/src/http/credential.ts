/** Where a credential may stand in a request: `Authorization: Bearer` (RFC 6750 §2.1) or `X-API-Key`. */
import { apiKeyPattern } from '../auth/api-key.ts'

/** The presented bearer credential, not yet verified. Two that differ are as good as none that is valid. */
export type PresentedCredential = { kind: 'none' } | { kind: 'bearer'; token: string } | { kind: 'malformed' }

const tokenCharsMax = 8192
const keyParameterNames = new Set([
  'api_key',
  'apikey',
  'api-key',
  'x-api-key',
  'access_token',
  'token',
  'key',
])

export function readCredential(headers: Headers): PresentedCredential {
  const authorization = headers.get('authorization')
  const apiKey = headers.get('x-api-key')?.trim()
  const bearer =
    authorization === null ? undefined : /^Bearer +([\w\-.~+/]+=*)$/i.exec(authorization.trim())?.[1]
  if (authorization !== null && bearer === undefined) return { kind: 'malformed' }
  if (bearer !== undefined && apiKey !== undefined && bearer !== apiKey) return { kind: 'malformed' }
  const token = bearer ?? apiKey
  if (token === undefined) return { kind: 'none' }
  if (token === '' || token.length > tokenCharsMax) return { kind: 'malformed' }
  return { kind: 'bearer', token }
}

/**
 * Whether the URL carries a credential. URLs end up in proxies' logs and browsers' histories, so such a request
 * is refused even when the key is right (RFC 9700 §2.4: access tokens must not be passed in the URI query).
 */
export function hasCredentialInUrl(url: URL): boolean {
  if (apiKeyPattern.test(safeDecode(url.pathname))) return true
  for (const [name, value] of url.searchParams) {
    if (keyParameterNames.has(name.toLowerCase()) || apiKeyPattern.test(`${name} ${value}`)) return true
  }
  return false
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
