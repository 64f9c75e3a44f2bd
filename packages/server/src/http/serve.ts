/** Listening on a socket: limits against slow and oversized requests, and a shutdown in named phases. */
import { chmod, rm } from 'node:fs/promises'
import { type Server, createServer } from 'node:http'
import type { ListenOptions } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Log } from '../domain/context.ts'
import { DomainError, unavailable } from '../domain/errors.ts'
import { prepareSocketFolder } from '../local/address.ts'
import { type Connections, trackConnections } from './connections.ts'

export interface ServeOptions {
  /** Address to bind, for example `127.0.0.1` or `::1`. */
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  readonly log: Log
  /** Ends long streams and sessions, so that draining can finish. Called once, first in the shutdown. */
  readonly endStreams?: () => Promise<void>
  readonly limits?: Partial<ServeLimits>
}

export interface ServeLimits {
  /** Headers must have arrived by then. */
  readonly headersTimeoutMs: number
  /** The whole request, body included, must have arrived by then. Answers may stream for longer. */
  readonly requestTimeoutMs: number
  /** An idle connection is kept this long; longer than a usual load balancer's 60 s. */
  readonly keepAliveTimeoutMs: number
  readonly headerBytesMax: number
  readonly headersMax: number
  /** Requests in flight have this long to finish during shutdown. */
  readonly drainTimeoutMs: number
}

export const defaultServeLimits: ServeLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 65_000,
  headerBytesMax: 16_384,
  headersMax: 100,
  drainTimeoutMs: 10_000,
}

export interface HttpServer {
  /** Where it listens, for example `http://127.0.0.1:4711`. */
  readonly url: string
  readonly port: number
  /** The socket server, for upgrades. */
  readonly node: Server
  /** Stops in phases: end streams, stop accepting, drain, cut what is left. Safe to call twice. */
  close(): Promise<void>
}

type FetchApp = { fetch(request: Request): Response | Promise<Response> }

/** @throws DomainError `unavailable` when the address is taken or not permitted. */
export async function serveHttp(app: FetchApp, options: ServeOptions): Promise<HttpServer> {
  const { host } = options
  const { node, close } = createListener(app, host, options)
  await listen(node, { host, port: options.port }, (error) => listenError(error, host, options.port))
  const address = node.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, port, node, close }
}

export type ServeLocalOptions = Omit<ServeOptions, 'host' | 'port'> & {
  /** Path of a unix socket in a folder of our own, or name of a pipe. Only for the owner of the data directory. */
  readonly address: string
}

/**
 * The same server on a private address, which only this user can open.
 *
 * @throws DomainError `unavailable` when the folder of the socket is somebody else's, or the socket cannot be made.
 */
export async function serveLocal(
  app: FetchApp,
  options: ServeLocalOptions,
): Promise<{ close(): Promise<void> }> {
  const { address } = options
  const { node, close } = createListener(app, 'localhost', options)
  const isFile = !address.startsWith('\\\\')
  if (isFile) {
    prepareSocketFolder(address)
    // The directory is ours alone, so what is there was left by an owner that was killed.
    await rm(address, { force: true })
  }
  await listen(node, { path: address }, (error) =>
    unavailable(`The private address ${address} cannot be listened on. Check its folder.`, error),
  )
  if (isFile) await chmod(address, 0o600)
  return { close }
}

function createListener(app: FetchApp, hostname: string, options: Omit<ServeOptions, 'host' | 'port'>) {
  const limits = { ...defaultServeLimits, ...options.limits }
  const listener = getRequestListener((request) => app.fetch(request), {
    overrideGlobalObjects: false,
    hostname,
    errorHandler: () => new Response(null, { status: 400 }),
  })
  const node = createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      maxHeaderSize: limits.headerBytesMax,
      connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    },
    (incoming, outgoing) => void listener(incoming, outgoing),
  )
  node.maxHeadersCount = limits.headersMax
  const connections = trackConnections(node)
  let closing: Promise<void> | undefined
  const close = () => (closing ??= shutDown(node, connections, options, limits.drainTimeoutMs))
  return { node, close }
}

type ListenError = (error: NodeJS.ErrnoException) => DomainError

function listen(node: Server, where: ListenOptions, explain: ListenError): Promise<void> {
  return new Promise((resolve, reject) => {
    node.once('error', (error: NodeJS.ErrnoException) => reject(explain(error)))
    node.listen(where, () => resolve())
  })
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): DomainError {
  const sentences: Record<string, string> = {
    EADDRINUSE: `Port ${port} on ${host} is already in use. Choose another port, or use the server that runs there.`,
    EACCES: `Listening on port ${port} of ${host} is not permitted. Choose a port above 1023.`,
    EADDRNOTAVAIL: `This machine has no address ${host}. Use 127.0.0.1 for local use or 0.0.0.0 for every address.`,
    ENOTFOUND: `This machine has no address ${host}. Use 127.0.0.1 for local use or 0.0.0.0 for every address.`,
  }
  const sentence =
    sentences[error.code ?? ''] ?? `Listening on port ${port} of ${host} failed. Choose another one.`
  return new DomainError('unavailable', sentence, { cause: error })
}

async function shutDown(
  node: Server,
  connections: Connections,
  options: Pick<ServeOptions, 'log' | 'endStreams'>,
  drainTimeoutMs: number,
): Promise<void> {
  const { log } = options
  log.info({ phase: 'stop-accepting' }, 'shutting down')
  const closed = new Promise<void>((resolve) => void node.close(() => resolve()))
  log.info({ phase: 'end-streams' }, 'shutting down')
  await options.endStreams?.().catch((error: unknown) => log.error({ err: error }, 'ending streams failed'))
  log.info({ phase: 'drain', drainTimeoutMs }, 'shutting down')
  connections.endWhenIdle()
  const cut = setTimeout(() => {
    log.warn({ phase: 'cut' }, 'shutting down: cutting connections that did not finish')
    node.closeAllConnections()
  }, drainTimeoutMs)
  await closed
  clearTimeout(cut)
  log.info({ phase: 'closed' }, 'shutting down')
}
