/**
 * DNS rebinding protection (MCP 2026-07-28, Streamable HTTP, security warning): a page in a browser can make
 * its own name point at a local server, but it cannot hide that name from `Host`, nor its origin from
 * `Origin`. Both are compared with lists; what cannot be parsed is refused.
 */

/** Hosts and origins that mean this machine, for a server bound to loopback. Any port. */
export const loopbackHosts: readonly string[] = ['localhost', '127.0.0.1', '[::1]']
export const loopbackOrigins: readonly string[] = loopbackHosts.map((host) => `http://${host}:*`)

/** An item without a port allows every port: a forwarded port does not change whose host it is. */
export function isAllowedHost(hostHeader: string | null, allowed: readonly string[]): boolean {
  const host = parseHost(hostHeader)
  return host !== undefined && allowed.some((item) => item === host.hostname || item === host.hostWithPort)
}

/**
 * A request without `Origin` is not from a browser's page and passes. Items are exact origins
 * (`https://app.example.com`), or end in `:*` to allow every port of a host.
 */
export function isAllowedOrigin(originHeader: string | null, allowed: readonly string[]): boolean {
  if (originHeader === null) return true
  const origin = parseOrigin(originHeader)
  if (origin === undefined) return false
  const anyPort = `${origin.protocol}//${origin.hostname}:*`
  return allowed.some((item) => item === origin.origin || item === anyPort)
}

function parseHost(header: string | null): { hostname: string; hostWithPort: string } | undefined {
  if (header === null || !/^[0-9A-Za-z.\-_[\]:]+$/.test(header)) return undefined
  const url = URL.canParse(`http://${header}`) ? new URL(`http://${header}`) : undefined
  return url && { hostname: url.hostname, hostWithPort: url.host }
}

function parseOrigin(header: string): URL | undefined {
  if (!URL.canParse(header)) return undefined
  const url = new URL(header)
  // An opaque origin serialises as "null"; a path or credentials cannot stand in an Origin header.
  return url.origin === header.toLowerCase() ? url : undefined
}
