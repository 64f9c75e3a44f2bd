import type { RouteSource } from './route.ts'

/** The service at a URL. */
export function remoteRoute(url: URL): RouteSource {
  return {
    // Neither path nor query: people put things there that are nobody's business.
    place: `The server at ${url.origin}`,
    repeatForMs: 0,
    open: async () => ({ url, fetch: async (target, init) => fetch(target, init), close: () => undefined }),
  }
}
