import { isPlaceholder } from './placeholder.ts'
import type { Mark } from './redact-secrets.ts'
import { isLabel, isRandom } from './secret-value.ts'

/** Secrets whose carrier has a form of its own: URLs with a password, HTTP headers, command line options. */

const urlPassword =
  /([a-z][a-z0-9+.-]{1,30}):\/\/([^\s:@/?#"'`<>[\]\\]{0,256}):([^\s@"'`<>\\]{1,512})@(?=[\w[{$.-])/gi

/** `scheme://user:password@host` (RFC 3986 userinfo): the password goes, the rest says where it belonged. */
export function redactConnectionStrings(text: string, mark: Mark): string {
  if (!text.includes('://')) return text
  return text.replaceAll(urlPassword, (whole, scheme: string, user: string, password: string) => {
    // `https://host:8080/path@2` is a port and a path; a database password may hold a slash.
    if (/^\d{1,5}\//.test(password) || (/^https?$/i.test(scheme) && password.includes('/'))) return whole
    return isPlaceholder(password) ? whole : `${scheme}://${user}:${mark('connection_string')}@`
  })
}

const authorization =
  /\b((?:proxy-)?authorization(?:\\*["'`])?\]?[ \t]{0,4}[:=,][ \t]{0,4}(?:\\*["'`])?(?:bearer|basic|token|digest|apikey|api-key|negotiate)[ \t]{1,4})([^\s"'`,;\\<>]{4,})/gi
const bearer = /\b(bearer[ \t]{1,4})([A-Za-z0-9_.~+/=-]{16,})/gi
const cookie =
  /\b((?:set-)?cookie2?(?:\\*["'`])?\]?(?:[ \t]{0,4}[:=][ \t]{0,4}|[ \t](?=["'\w]))(?:\\*["'`])?)(?=[\w!#$%&*+.^|~-]{1,128}=)([^\r\n"'`\\]{1,8192})/gi
const userOption =
  /((?:^|[\s"'])(?:-u|--user|--proxy-user)[ =]["']?[^\s:"'\\]{1,128}:)(?!\/\/)([^\s"'\\]{3,256})/g
const passwordOption =
  /(\b(?:mysql(?:dump|admin)?\b[^\r\n]{0,200}?[ \t]-p|sshpass[ \t]{1,4}-p[ \t]{0,4})["']?)([^\s"'\\]{4,256})/g

/** `Authorization` (RFC 9110, section 11.6.2), bearer tokens (RFC 6750), cookies (RFC 6265), `curl -u`. */
export function redactHeaders(text: string, mark: Mark): string {
  const replaceValue =
    (kind: string, isSecret: (value: string, before: string) => boolean) =>
    (whole: string, before: string, value: string) =>
      isSecret(value, before) ? before + mark(kind) : whole
  let clean = text
  if (/authorization/i.test(clean)) {
    clean = clean.replaceAll(
      authorization,
      replaceValue('authorization', (value) => !isPlaceholder(value) && !isLabel(value)),
    )
  }
  if (/bearer/i.test(clean)) {
    clean = clean.replaceAll(
      bearer,
      replaceValue('bearer_token', (value) => !isPlaceholder(value) && isRandom(value)),
    )
  }
  if (/cookie/i.test(clean)) {
    clean = clean.replaceAll(cookie, (_, before: string, jar: string) => before + redactCookies(jar, mark))
  }
  return clean.replaceAll(userOption, replaceValue('password', isUserPassword)).replaceAll(
    passwordOption,
    replaceValue('password', (value) => !isPlaceholder(value)),
  )
}

const cookieAttribute = /^(?:path|domain|expires|max-age|samesite|priority|version)$/i

function redactCookies(jar: string, mark: Mark): string {
  return jar.replaceAll(/([\w!#$%&*+.^|~-]{1,128})=([^;,\s]{8,})/g, (whole, name: string, value: string) =>
    cookieAttribute.test(name) || isPlaceholder(value) || !(value.length >= 20 || isRandom(value))
      ? whole
      : `${name}=${mark('cookie')}`,
  )
}

/** `-u 1000:1000` and `--user node:node` name a user and a group. */
function isUserPassword(password: string, before: string): boolean {
  return !/^\d+$/.test(password) && !before.endsWith(`${password}:`) && !isPlaceholder(password)
}
