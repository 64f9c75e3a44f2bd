/**
 * What stands where a secret would stand but is none: documentation, templates, references to a variable.
 * Leaving these alone matters as much as catching secrets, because a memory full of holes is not read.
 */
const words = new Set(
  (
    'password passwd passphrase pwd pass secret secrets token tokens key apikey api_key auth credential credentials ' +
    'function symbol string number boolean bool text hidden object array any unknown never void null nil none undefined true false ' +
    'optional required missing invalid incorrect wrong expired valid empty unset default disabled enabled auto ' +
    'example sample demo dummy fake mock placeholder changeme change_me change-me replaceme redacted masked removed ' +
    'hidden omitted todo tbd fixme n/a test testing foobar foo bar baz value your yours here string. str bytes int ' +
    'bearer basic digest jwt oauth oauth2 oidc sha256 sha512 hs256 rs256 es256 md5 bcrypt argon2 argon2id scrypt ' +
    'utf8 utf-8 base64 hex json yaml env vault file inherit write read admin:read ssl tls on off yes no user username'
  ).split(' '),
)

const marks = [
  /^\[redacted/i,
  /^<[^>]*>?$/,
  /\*{3,}|\.{3}|…|[x]{5,}|[X]{5,}/,
  /\$\{|\$\(|\{\{|<%|%\(|#\{|^\{[^}]*\}/,
  /^(?:\$[A-Za-z_]\w*|%[A-Za-z_]\w*%|%[sdv]|@[A-Za-z_]+|:[a-z_]+|&\w+)$/,
  /^(?:your|my|some|any|the|insert|enter|put|replace|change|sample|dummy|fake|test|user)[-_ .][a-z_ .-]+$/i,
  /example|placeholder|changeme|process\.env|import\.meta|os\.environ|getenv|ENV\[/i,
]

/** True when the value cannot be a secret: a placeholder, a variable reference, a type or a plain label. */
export function isPlaceholder(value: string): boolean {
  const trimmed = value.trim()
  if (words.has(trimmed.toLowerCase())) return true
  return distinctCharacters(trimmed) <= 3 || marks.some((mark) => mark.test(trimmed))
}

/** The same question for a token with a vendor's prefix, where only plain signs count. */
export function isPlaceholderToken(token: string): boolean {
  if (/example|placeholder|x{6,}|\*{3,}|\.{3}|(?:^|[-_])your[-_]|0{12,}|1234567890abcdef/i.test(token))
    return true
  return distinctCharacters(token.slice(-16)) <= 4
}

function distinctCharacters(text: string): number {
  return new Set(text.slice(0, 64)).size
}
