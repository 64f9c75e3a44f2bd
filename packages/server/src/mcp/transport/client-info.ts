import { CLIENT_INFO_META_KEY } from '@modelcontextprotocol/server'
import type { Principal } from '../../domain/context.ts'
import { redactSecrets } from '../../domain/redaction/redact-secrets.ts'

const clientCharsMax = 100

/**
 * What the calling program says about itself: `initialize` in the legacy era, the `_meta` envelope in the
 * modern one. It is shown beside memories and never trusted: what could pass for another part of a byline (", confirmed
 * 2026-01-02): "), secrets, control characters and length are cut here.
 */
export function withClientInfo(principal: Principal, body: unknown): Principal {
  const params = member(body, 'params')
  const info = member(member(params, '_meta'), CLIENT_INFO_META_KEY) ?? member(params, 'clientInfo')
  const name = clean(member(info, 'name'))
  if (name === undefined) return principal
  return { ...principal, client: { name, version: clean(member(info, 'version')) ?? '' } }
}

/** A member of a JSON object, or undefined for anything else. */
export function member(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function clean(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  // Read far enough that no half of a secret stays after the cut; a half character becomes a lone surrogate (\p{C}).
  const text = redactSecrets(value.slice(0, clientCharsMax * 10))
    .text.slice(0, clientCharsMax)
    .replace(/[^\p{L}\p{M}\p{N}._/@+-]+/gu, ' ')
    .trim()
  return text === '' ? undefined : text
}
