/**
 * Which names announce that their value is a secret: `DB_PASSWORD`, `clientSecret`, `x-api-key`,
 * `db.password`; and which only look so: `tokenType`, `secretName`, `next_page_token`, `passwordMinLength`.
 */
export interface SecretName {
  readonly kind: string
  /** A strong name (password, secret) makes any real value a secret; a weak one (token) wants a random one. */
  readonly strong: boolean
}

const endings: readonly (readonly [RegExp, SecretName])[] = [
  [
    /(?:password|passwd|passphrase|passcode|pwd|dbpass|userpass|smtppass)s?$/,
    { kind: 'password', strong: true },
  ],
  [/(?:mnemonic|seedphrase)$/, { kind: 'seed_phrase', strong: true }],
  [/(?:private|signing|encryption|encrypt|master|shared)key$/, { kind: 'private_key', strong: true }],
  [/(?:secretkey|secretaccesskey|accountkey|storagekey|secret)s?$/, { kind: 'secret', strong: true }],
  [/connectionstring$/, { kind: 'connection_string', strong: false }],
  [/(?:api|app|application|access|auth|service|license|deploy)keys?$/, { kind: 'api_key', strong: false }],
  [/(?:token|npmauth)s?$/, { kind: 'token', strong: false }],
  [/credentials?$/, { kind: 'credential', strong: false }],
  [/authorization$/, { kind: 'authorization', strong: false }],
]

const qualifiers =
  /^(?:prod|production|dev|staging|stage|test|testing|live|local|old|new|backup|value|b64|base64|raw|plain|v?\d+)$/
const questions = /^(?:is|has|show|hide|forgot|should|can|require|requires|validate|toggle|no|with)$/
const otherTokens =
  /^(?:page|next|prev|continuation|continue|cancel|cancellation|sync|pad|mask|eos|bos|unk|special|start|end|stop|max|min|per|lookahead|design|sep|cls)$/

/** Says what kind of secret a value under this name would be, or undefined when the name promises none. */
export function secretNameOf(name: string): SecretName | undefined {
  const words = wordsOf(name)
  while (words.length > 1 && qualifiers.test(words.at(-1) ?? '')) words.pop()
  const last = words.at(-1) ?? ''
  if (words.length > 1 && questions.test(words[0] ?? '')) return undefined
  if (last === 'pass' || (last === 'auth' && name.startsWith('_')))
    return { kind: 'password', strong: last === 'pass' }
  if (/tokens?$/.test(last) && otherTokens.test(words.at(-2) ?? '')) return undefined
  const joined = words.slice(-3).join('')
  return endings.find(([ending]) => ending.test(joined))?.[1]
}

function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
}
