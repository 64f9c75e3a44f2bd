import { CLIENT_INFO_META_KEY } from '@modelcontextprotocol/server'
import type { Principal } from '../../domain/context.ts'

const clientCharsMax = 100

/**
 * What the calling program says about itself: `initialize` in the legacy era, the `_meta` envelope in the
 * modern one. It is shown beside memories and never trusted, so control characters and length are cut here.
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
  // The cut comes first: a half character at its end is a lone surrogate, which \p{C} removes.
  const text = value
    .slice(0, clientCharsMax)
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
  return text === '' ? undefined : text
}
