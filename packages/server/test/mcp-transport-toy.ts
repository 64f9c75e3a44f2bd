/** A small product behind the real HTTP edge and MCP transport, for the tests of both. */
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Log, Principal, Project } from '../src/domain/context.ts'
import { notFound, unavailable } from '../src/domain/errors.ts'
import { createHttpApp } from '../src/http/app.ts'
import { readCredential } from '../src/http/credential.ts'
import type { HttpLimits } from '../src/http/options.ts'
import { serveHttp } from '../src/http/serve.ts'
import { createMcpTransport } from '../src/mcp/transport/mcp-transport.ts'
import { type TenantBusLimits, createTenantBus } from '../src/mcp/transport/tenant-bus.ts'
import type { CreateServerArgs, McpTransportLimits } from '../src/mcp/transport/types.ts'
import { requestIdOf, wrapTool } from '../src/mcp/transport/wrap-tool.ts'

export const anaProject = project('ana-org', 'alpha')
export const anaOther = project('ana-org', 'beta')
export const bobProject = project('bob-org', 'alpha')
const projects = [anaProject, anaOther, bobProject]

export interface LogLine {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

export interface ToyOptions {
  readonly httpLimits?: Partial<HttpLimits>
  readonly mcpLimits?: Partial<McpTransportLimits>
  readonly busLimits?: Partial<TenantBusLimits>
}

export type Toy = Awaited<ReturnType<typeof startToy>>

export async function startToy(options: ToyOptions = {}) {
  const lines: LogLine[] = []
  const log = recordingLog(lines)
  const keys = new Map<string, { principal: Principal; expiresAt?: Date }>([
    ['ana-key', { principal: principal('ana', 'ana-org', 'k-ana') }],
    ['ana-key-2', { principal: principal('ana', 'ana-org', 'k-ana-2') }],
    ['bob-key', { principal: principal('bob', 'bob-org', 'k-bob') }],
  ])
  const served: CreateServerArgs[] = []
  const aborted: string[] = []
  const running: string[] = []
  const bus = createTenantBus({ limits: options.busLimits })
  const mcp = createMcpTransport({
    createServer: (args) => {
      served.push(args)
      return toyServer(args, running, aborted)
    },
    bus,
    hearsProject: (caller, projectId) => caller.userId === 'ana' && projectId === anaProject.id,
    log,
    limits: options.mcpLimits,
  })
  const app = createHttpApp({
    publicUrl: new URL('http://localhost'),
    allowedHosts: ['127.0.0.1'],
    allowedOrigins: ['https://console.example.com', 'http://localhost:*'],
    authenticate: (request) => {
      const presented = readCredential(request.headers)
      if (presented.kind === 'none') return Promise.resolve({ ok: false, error: 'missing' })
      const found = presented.kind === 'bearer' ? keys.get(presented.token) : undefined
      if (!found) return Promise.resolve({ ok: false, error: 'invalid' })
      if (found.expiresAt && found.expiresAt <= new Date())
        return Promise.resolve({ ok: false, error: 'expired' })
      return Promise.resolve({ ok: true, ...found })
    },
    resolveProject: ({ organizationId }, org, slug) =>
      Promise.resolve(
        projects.find(
          (p) => p.organizationId === organizationId && p.organizationSlug === org && p.slug === slug,
        ),
      ),
    mcp,
    health: () => Promise.resolve({ live: true, ready: false, checks: { database: 'failing' } }),
    log,
    limits: options.httpLimits,
  })
  const http = await serveHttp(app, { host: '127.0.0.1', port: 0, log, endStreams: () => mcp.close() })
  return {
    app,
    http,
    mcp,
    bus,
    keys,
    lines,
    log,
    served,
    running,
    aborted,
    url: `${http.url}/mcp`,
    stop: () => http.close(),
  }
}

function toyServer(args: CreateServerArgs, running: string[], aborted: string[]): McpServer {
  const { log } = args
  if (args.toolSet === 'upstream' && args.readonly)
    throw unavailable('The store is away. Try again in a minute.')
  const server = new McpServer(
    { name: 'toy', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
      },
    },
  )
  const wanted = (name: string) => args.toolName === undefined || args.toolName === name
  if (wanted('whoami')) {
    server.registerTool(
      'whoami',
      { description: 'Says who calls.', inputSchema: z.object({}) },
      wrapTool((_: object, ctx) => {
        const { era, principal: caller, pinned, readonly } = args
        const headers = [...(ctx.http?.req?.headers.keys() ?? [])]
        const seen = {
          headers,
          era,
          user: caller.userId,
          client: caller.client,
          pinned: pinned?.id,
          readonly,
        }
        return { content: [{ type: 'text', text: JSON.stringify({ ...seen, requestId: requestIdOf(ctx) }) }] }
      }, log),
    )
  }
  if (wanted('wait')) {
    server.registerTool(
      'wait',
      {
        description: 'Reports progress, then waits to be cancelled.',
        inputSchema: z.object({ label: z.string() }),
      },
      wrapTool(async ({ label }: { label: string }, ctx) => {
        const { _meta: meta } = ctx.mcpReq
        const progressToken = meta?.progressToken
        if (progressToken !== undefined) {
          await ctx.mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken, progress: 1, total: 2 },
          })
        }
        running.push(label)
        await new Promise<void>((resolve) => ctx.mcpReq.signal.addEventListener('abort', () => resolve()))
        aborted.push(label)
        throw new Error('interrupted: secret-internal-detail')
      }, log),
    )
  }
  if (wanted('progress')) {
    server.registerTool(
      'progress',
      { description: 'Reports progress twice.', inputSchema: z.object({}) },
      wrapTool(async (_: object, ctx) => {
        const { _meta: meta } = ctx.mcpReq
        const progressToken = meta?.progressToken
        for (const progress of progressToken === undefined ? [] : [1, 2]) {
          await ctx.mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken: progressToken ?? 0, progress, total: 2 },
          })
        }
        return { content: [{ type: 'text', text: 'done' }] }
      }, log),
    )
  }
  if (wanted('fail')) {
    server.registerTool(
      'fail',
      { description: 'Fails.', inputSchema: z.object({ how: z.enum(['domain', 'raw']) }) },
      wrapTool(({ how }: { how: string }) => {
        if (how === 'domain') throw notFound('There is no task T9. List the tasks to see what exists.')
        throw new Error('relation "secret_table" does not exist')
      }, log),
    )
  }
  const template = new ResourceTemplate('toy://thing/{id}', { list: undefined })
  server.registerResource('thing', template, { mimeType: 'text/plain' }, (uri) => ({
    contents: [{ uri: uri.href, text: 'thing' }],
  }))
  return server
}

export function principal(userId: string, organizationId: string, credentialId: string): Principal {
  return {
    userId,
    userName: userId,
    organizationId,
    role: 'member',
    scopes: ['memory:read', 'memory:write'],
    credential: { kind: 'api_key', id: credentialId },
    client: { name: 'unknown', version: '' },
  }
}

function project(organizationId: string, slug: string): Project {
  return {
    id: `${organizationId}/${slug}`,
    organizationId,
    organizationSlug: organizationId,
    slug,
    name: slug,
  }
}

export function recordingLog(lines: LogLine[]): Log {
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: { ...fields } })
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

/** Waits until the condition holds; fails after five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition did not come true within 5 s')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const toolResult = z.object({ content: z.array(z.object({ text: z.string() })) })

/** Text of the first content item of a tool result. */
export const textOf = (result: unknown): string => toolResult.parse(result).content[0]?.text ?? ''

/** The JSON object that a tool answered as text. */
export const jsonOf = (result: unknown): Record<string, unknown> =>
  z.record(z.string(), z.unknown()).parse(JSON.parse(textOf(result)))
