/** How the bridge gets to the service: over the network, or to the owner of this machine's memory. */

/** The part of `fetch` that the transport uses. */
export type RouteFetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/** A way that is open now. */
export interface Route {
  readonly url: URL
  readonly fetch: RouteFetch
  /** Aborted when the other side is known to be gone. Never, over the network. */
  readonly lost?: AbortSignal
  close(): void
}

export interface RouteSource {
  /** Names the other side in messages: "The server at https://…". */
  readonly place: string
  /**
   * Whether a request that broke off, whatever it does, is repeated on a new route until this many milliseconds
   * have passed since it came. The owner of local memory does nothing twice that has the same Idempotency-Key.
   */
  readonly repeatForMs: number
  /** Throws a BridgeFailure that says what to do. */
  open(signal: AbortSignal): Promise<Route>
}
