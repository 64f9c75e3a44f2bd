/**
 * MCP up to 2025-11-25 has sessions. When the server has forgotten one, the client must initialise again; a host on
 * stdio does not know that there is a session, so the bridge does it, and repeats what belonged to the old one.
 */
import { randomUUID } from 'node:crypto'
import {
  type JSONRPCNotification,
  type JSONRPCRequest,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/client'
import type { Connection } from './connection.ts'
import { BridgeFailure } from './failure.ts'

export interface LegacySession {
  readonly initialize: JSONRPCRequest
  /** What was agreed on; a new session must agree on the same. */
  readonly version: string
  /** Whether the client has said `notifications/initialized`. */
  ready: boolean
  logLevel: JSONRPCRequest | undefined
  readonly subscriptions: ReadonlyMap<string, JSONRPCRequest>
}

/** Subscriptions that are repeated at most. */
const subscriptionsMax = 1_000

/** 2026-07-28 and later: each request says its version in `_meta`. */
export function isModern(request: JSONRPCRequest): boolean {
  const meta = request.params?.['_meta']
  return typeof meta === 'object' && meta !== null && PROTOCOL_VERSION_META_KEY in meta
}

/** What a new session would have to know after this request was answered. */
export function trackSession(
  session: LegacySession | undefined,
  request: JSONRPCRequest,
  result: Record<string, unknown>,
): LegacySession | undefined {
  if (request.method === 'initialize') {
    const version = result['protocolVersion']
    if (typeof version !== 'string') return session
    return { initialize: request, version, ready: false, logLevel: undefined, subscriptions: new Map() }
  }
  if (session === undefined) return session
  if (request.method === 'logging/setLevel') return { ...session, logLevel: request }
  const uri = request.params?.['uri']
  if (typeof uri !== 'string' || !/^resources\/(?:un)?subscribe$/.test(request.method)) return session
  const subscriptions = new Map(session.subscriptions)
  if (request.method === 'resources/unsubscribe') subscriptions.delete(uri)
  else if (subscriptions.size < subscriptionsMax) subscriptions.set(uri, request)
  return { ...session, subscriptions }
}

/**
 * Opens the session again on a new connection. Returns what the client is to be told: a resource that it follows
 * may have changed while nobody listened. Throws a BridgeFailure when the server no longer agrees.
 */
export async function restoreSession(
  connection: Connection,
  session: LegacySession,
  signal: AbortSignal,
): Promise<JSONRPCNotification[]> {
  const repeat = async (request: JSONRPCRequest) =>
    connection.request({ ...request, id: `stackmemory-bridge-${randomUUID()}` }, { headers: {}, signal })
  const answer = await repeat(session.initialize)
  if (!('result' in answer) || answer.result['protocolVersion'] !== session.version) {
    const advice = 'Restart this MCP server in your client, so that both can agree again.'
    throw new BridgeFailure('refused', `The server was replaced by one that answers differently. ${advice}`)
  }
  connection.setProtocolVersion(session.version)
  if (!session.ready) return []
  await connection.post({ jsonrpc: '2.0', method: 'notifications/initialized' })
  if (session.logLevel) await repeat(session.logLevel)
  for (const request of session.subscriptions.values()) await repeat(request)
  return [...session.subscriptions.keys()].map((uri) => ({
    jsonrpc: '2.0',
    method: 'notifications/resources/updated',
    params: { uri },
  }))
}
