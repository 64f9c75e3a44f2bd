/** The name of a repository that all its clones share, from the many ways to write the address of its remote. */

const charsMax = 500

/** Other names of the same host: ssh over port 443, and the ssh host of Azure DevOps. */
const hostAliases: Readonly<Record<string, string>> = {
  'ssh.github.com': 'github.com',
  'altssh.gitlab.com': 'gitlab.com',
  'altssh.bitbucket.org': 'bitbucket.org',
  'ssh.dev.azure.com': 'dev.azure.com',
}

/** Hosts that take any case in a path, so that two spellings are one repository. */
const caseless = new Set(['github.com', 'gitlab.com', 'bitbucket.org', 'dev.azure.com'])

const schemes = new Set(['ssh:', 'git:', 'http:', 'https:', 'git+ssh:', 'git+https:', 'ftp:', 'ftps:'])

/**
 * `host/owner/name`, without scheme, user, password, port and `.git`; the same for ssh and https. Ports are left out
 * because the two never agree on one. Takes its own result.
 *
 * @returns undefined for what names no repository on a host, such as a path.
 */
export const normaliseRemote = (remote: string): string | undefined => {
  const text = remote.trim()
  if (text === '' || text.length > charsMax || /[\p{Cc}\s\\]/u.test(text)) return undefined
  const place = fromUrl(text) ?? fromScp(text) ?? fromOwn(text)
  if (place === undefined) return undefined
  const host = hostAliases[place.host] ?? place.host
  const path = pathOf(host, place.path)
  return path === '' ? undefined : `${host}/${caseless.has(host) ? path.toLowerCase() : path}`
}

interface Place {
  readonly host: string
  readonly path: string
}

const fromUrl = (text: string): Place | undefined => {
  if (!text.includes('://') || !URL.canParse(text)) return undefined
  const url = new URL(text)
  if (!schemes.has(url.protocol) || url.hostname === '') return undefined
  // Only some schemes are lower-cased by the parser.
  return { host: trimDot(url.hostname.toLowerCase()), path: decode(url.pathname) }
}

/** `user@host:path`, as ssh and scp write it. One letter before the colon is a drive of Windows. */
const fromScp = (text: string): Place | undefined => {
  if (text.includes('://')) return undefined
  const match = /^(?:[^@/:]+@)?(\[[0-9a-fA-F:]+\]|[\w.-]{2,}):(?!:)(.+)$/.exec(text)
  const [, host, path] = match ?? []
  return host && path ? { host: trimDot(host.toLowerCase()), path } : undefined
}

/** What this function returned before. */
const fromOwn = (text: string): Place | undefined => {
  const match = /^([\w-]+(?:\.[\w-]+)+|localhost|\[[0-9a-f:]+\])\/(.+)$/i.exec(text)
  const [, host, path] = match ?? []
  return host && path && !text.includes(':/') ? { host: trimDot(host.toLowerCase()), path } : undefined
}

const trimDot = (host: string) => host.replace(/\.$/, '')

const pathOf = (host: string, given: string): string => {
  const parts = given.split('/').filter((part) => part !== '' && part !== '.')
  const azure = host === 'dev.azure.com' ? parts.filter((part) => part !== '_git' && part !== 'v3') : parts
  return azure.join('/').replace(/\.git$/i, '')
}

const decode = (path: string) => {
  try {
    const decoded = decodeURIComponent(path)
    return /[\p{Cc}\s\\]/u.test(decoded) ? path : decoded
  } catch {
    return path
  }
}
