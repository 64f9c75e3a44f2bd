/** A world behind the real HTTP edge on loopback, with API keys for callers of every kind and MCP clients of both eras. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { createApp } from '../../src/app.ts'
import { createApiKey } from '../../src/auth/api-key.ts'
import type { Scope } from '../../src/domain/context.ts'
import { loadEnv } from '../../src/env.ts'
import { type Engine, silentLog } from '../harness/test-database.ts'
import { allScopes, createWorld, type Person } from './world.ts'

export type Era = 'modern' | 'legacy'

export type ServedWorld = Awaited<ReturnType<typeof createServedWorld>>

const secretKey = 'a secret of the tests, long enough to be one'

const answer = z.object({
  content: z.array(z.object({ type: z.literal('text'), text: z.string() })).default([]),
  structuredContent: z.record(z.string(), z.unknown()).optional(),
  isError: z.boolean().optional(),
})

export interface CallAnswer {
  /** `refused`: the protocol refused the call, as for a tool that is not there. */
  kind: 'ok' | 'error' | 'refused'
  text: string
  structured: Record<string, unknown>
}

export interface Caller {
  call(tool: string, args: Record<string, unknown>, signal?: AbortSignal): Promise<CallAnswer>
  tools(): Promise<string[]>
  read(uri: string): Promise<CallAnswer>
  close(): Promise<void>
}

export const createServedWorld = async (engine: Engine) => {
  const world = await createWorld(engine)
  const dataDir = await mkdtemp(join(tmpdir(), 'served-world-'))
  const env = loadEnv({ PORT: '0', HOST: '127.0.0.1', DATA_DIR: dataDir })
  const app = await createApp({
    env,
    log: silentLog,
    secretKey,
    // The world owns the database and closes it.
    database: {
      database: world.database,
      pool: world.test.pool,
      embedded: undefined,
      close: async () => undefined,
    },
  })
  const callers: Caller[] = []

  /** A real key of a person. */
  const createKey = async (
    person: Person,
    options: { scopes?: readonly Scope[]; projectId?: string } = {},
  ) => {
    const key = createApiKey()
    await world.accounts.insertKey(
      {
        id: key.id,
        userId: person.id,
        organizationId: person.organizationId,
        projectId: options.projectId ?? null,
        keyHash: key.secretHash(secretKey),
        hint: key.hint,
        name: 'test',
        scopes: options.scopes ?? allScopes,
        expiresAt: null,
      },
      AbortSignal.timeout(10_000),
    )
    return { id: key.id, key: key.key }
  }
  const connect = async (era: Era, key: string | undefined, path = '/mcp'): Promise<Caller> => {
    const caller = await (era === 'modern' ? connectModern : connectLegacy)(new URL(path, app.http.url), key)
    callers.push(caller)
    return caller
  }
  return {
    ...world,
    app,
    url: app.http.url,
    createKey,
    connect,
    async close() {
      await Promise.all(callers.map(async (caller) => caller.close()))
      await app.close()
      await world.close()
      await rm(dataDir, { recursive: true })
    },
  }
}

const headersOf = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` }

const settle = async (call: Promise<unknown>): Promise<CallAnswer> => {
  let result: unknown
  try {
    result = await call
  } catch (error) {
    return { kind: 'refused', text: error instanceof Error ? error.message : String(error), structured: {} }
  }
  const { content, structuredContent, isError } = answer.parse(result)
  return {
    kind: isError ? 'error' : 'ok',
    text: content.map((each) => each.text).join('\n'),
    structured: structuredContent ?? {},
  }
}

const settleRead = async (call: Promise<{ contents: readonly object[] }>): Promise<CallAnswer> =>
  call.then(
    ({ contents }) => ({ kind: 'ok' as const, text: JSON.stringify(contents), structured: {} }),
    (error: unknown) => ({
      kind: 'refused' as const,
      text: error instanceof Error ? error.message : String(error),
      structured: {},
    }),
  )

const connectModern = async (url: URL, key: string | undefined): Promise<Caller> => {
  const client = new Client(
    { name: 'matrix', version: '1.0.0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers: headersOf(key) } }))
  return {
    call: async (name, args, signal) => settle(client.callTool({ name, arguments: args }, { signal })),
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    read: async (uri) => settleRead(client.readResource({ uri })),
    close: async () => client.close(),
  }
}

const connectLegacy = async (url: URL, key: string | undefined): Promise<Caller> => {
  const client = new LegacyClient({ name: 'matrix', version: '1.0.0' })
  await client.connect(new LegacyTransport(url, { requestInit: { headers: headersOf(key) } }))
  return {
    call: async (name, args, signal) =>
      settle(client.callTool({ name, arguments: args }, undefined, { signal })),
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    read: async (uri) => settleRead(client.readResource({ uri })),
    close: async () => client.close(),
  }
}
