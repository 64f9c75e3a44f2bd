import { type Redaction, redactSecrets } from './redact-secrets.ts'
import { secretNameOf } from './secret-name.ts'
import { isSecretValue } from './secret-value.ts'

/** Deeper JSON than this is replaced by a note: no honest payload needs it and recursion must end. */
const depthMax = 200

/**
 * Takes secrets out of a JSON value. A string is judged by itself and by the name of the key it stands under,
 * so `{"password": "hunter2secret"}` is caught although the value alone says nothing; entries of the form
 * `{"name": "DB_PASSWORD", "value": …}` count as such a pair. Returns a copy; the input is not changed.
 *
 * @param underName the name of the key that `value` itself stands under, if it has one
 */
export function redactDeep(value: unknown, underName = ''): { value: unknown; found: Redaction[] } {
  const counts = new Map<string, number>()
  const count = (kind: string, by = 1) => counts.set(kind, (counts.get(kind) ?? 0) + by)

  const redactText = (text: string, name: string): string => {
    const secret = secretNameOf(name)
    if (secret !== undefined && isSecretValue(text, secret, 'quoted')) {
      count(secret.kind)
      return `[redacted:${secret.kind}]`
    }
    const redacted = redactSecrets(text)
    for (const entry of redacted.found) count(entry.kind, entry.count)
    return redacted.text
  }

  const walk = (node: unknown, name: string, depth: number): unknown => {
    if (typeof node === 'string') return redactText(node, name)
    if (typeof node === 'number') return redactNumber(node, name)
    if (typeof node !== 'object' || node === null) return node
    if (depth >= depthMax) return `[left out: nested deeper than ${depthMax} levels]`
    if (Array.isArray(node)) return node.map((item) => walk(item, name, depth + 1))
    const named = pairedName(node)
    return Object.fromEntries(
      Object.entries(node).map(([key, item]) => [
        redactText(key, ''),
        walk(item, key === 'value' && named !== undefined ? named : key, depth + 1),
      ]),
    )
  }

  /** A numeric password is still one; a numeric token is a count. */
  const redactNumber = (node: number, name: string): unknown => {
    const secret = secretNameOf(name)
    if (secret?.kind !== 'password' || !isSecretValue(String(node), secret, 'quoted')) return node
    count(secret.kind)
    return `[redacted:${secret.kind}]`
  }

  const clean = walk(value, underName, 0)
  return { value: clean, found: [...counts].map(([kind, total]) => ({ kind, count: total })) }
}

function pairedName(node: object): string | undefined {
  const { name, key } = node as { name?: unknown; key?: unknown }
  if (!('value' in node)) return undefined
  return typeof name === 'string' ? name : typeof key === 'string' ? key : undefined
}
