import type { AuthInfo } from '@modelcontextprotocol/server'
import type { McpCall } from './types.ts'

/** The caller in the library's words. The token itself is left out on purpose: no handler needs it. */
export function authInfoOf(call: McpCall): AuthInfo {
  const { principal, expiresAt } = call
  return {
    token: '',
    clientId: principal.client.name,
    scopes: [...principal.scopes],
    expiresAt: expiresAt && Math.floor(expiresAt.getTime() / 1000),
    extra: { userId: principal.userId, organizationId: principal.organizationId },
  }
}
