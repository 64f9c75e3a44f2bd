/** The product over real HTTP with the official clients of both protocol eras, on both engines. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createApp, type App } from '../src/app.ts'
import { createApiKey } from '../src/auth/api-key.ts'
import type { Project } from '../src/domain/context.ts'
import { loadEnv } from '../src/env.ts'
import { engines, silentLog } from './harness/test-database.ts'
import { until } from './mcp-transport-toy.ts'
import { allScopes, createWorld, type Person, type World } from './support/world.ts'

const secretKey = 'a secret for tests only, of more than 32 characters'
const bundle = z.object({ receipt: z.string(), tokens: z.number(), budget_tokens: z.number() })

describe.each(engines)('MCP on %s', (engine) => {
  let world: World
  let app: App
  const closing: (() => Promise<void>)[] = []

  beforeAll(async () => {
    world = await createWorld(engine)
    const { database, test } = world
    app = await createApp({
      env: loadEnv({ PORT: '0', DATA_DIR: '/nonexistent' }),
      log: silentLog,
      secretKey,
      database: { database, pool: test.pool, embedded: undefined, close: async () => {} },
    })
  })
  afterAll(async () => {
    for (const close of closing) await close()
    await app.close()
    await world.close()
  })

  const keyOf = async (person: Person, project?: Project) => {
    const key = createApiKey({ live: false })
    await app.accounts.insertKey(
      {
        id: key.id,
        userId: person.id,
        organizationId: person.organizationId,
        projectId: project?.id ?? null,
        keyHash: key.secretHash(secretKey),
        hint: key.hint,
        name: 'test',
        scopes: allScopes,
        expiresAt: null,
      },
      AbortSignal.timeout(10_000),
    )
    return key.key
  }

  /** The newest protocol: one request at a time, no session. */
  const modern = async (key: string, path = '') => {
    const client = new Client(
      { name: 'modern', version: '1' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    )
    const heard: string[] = []
    client.setNotificationHandler(
      'notifications/resources/updated',
      ({ params }) => void heard.push(params.uri),
    )
    const requestInit = { headers: { authorization: `Bearer ${key}` } }
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${app.http.url}/mcp${path}`), { requestInit }),
    )
    closing.push(async () => client.close())
    return { client, heard, call: callerOf(async (name, args) => client.callTool({ name, arguments: args })) }
  }

  /** The sessionful protocol, with the client that most programs still carry. */
  const legacy = async (key: string, path = '') => {
    const client = new LegacyClient({ name: 'legacy', version: '1' })
    const heard: string[] = []
    client.setNotificationHandler(
      ResourceUpdatedNotificationSchema,
      ({ params }) => void heard.push(params.uri),
    )
    const requestInit = { headers: { authorization: `Bearer ${key}` } }
    await client.connect(new LegacyTransport(new URL(`${app.http.url}/mcp${path}`), { requestInit }))
    closing.push(async () => client.close())
    return { client, heard, call: callerOf(async (name, args) => client.callTool({ name, arguments: args })) }
  }

  it.each(['modern', 'legacy'] as const)(
    'carries memory from one client to the next (%s) [mcp.product]',
    async (era) => {
      const project = await world.newProject()
      const key = await keyOf(world.owner, project)
      const connect = era === 'modern' ? modern : legacy
      const first = await connect(key)
      const { structured: started } = await first.call('start_frame', {
        name: 'Fix the redirect',
        files: ['src/login.ts'],
      })
      await first.call('record_events', {
        frame: started['frame'],
        events: [{ content: 'SameSite=Strict drops the cookie on the way back', role: 'user' }],
      })
      await first.call('add_decision', {
        content: 'Session cookies use SameSite=Lax',
        rationale: 'Strict breaks the redirect',
        frame: started['frame'],
      })
      await first.client.close()

      const second = await connect(await keyOf(world.member, project))
      const context = await second.call('get_context', { query: 'cookie redirect', budget_tokens: 800 })
      expect(context.text).toContain('Fix the redirect')
      expect(context.text).toContain('SameSite=Lax')
      expect(context.text).toContain('SameSite=Strict drops the cookie')
      const { tokens, budget_tokens: budget } = bundle.parse(context.structured)
      expect(tokens).toBeLessThanOrEqual(budget)
      const found = await second.call('search_memory', { query: 'cookie' })
      expect(found.text).toMatch(
        /D2 decision \[active\] \d{4}-\d\d-\d\d, Olga of acme via (modern|legacy): Session cookies/,
      )
      const closed = await second.call('close_frame', {
        frame: started['frame'],
        outcome: 'handoff',
        next_steps: ['Deploy it'],
      })
      expect(closed.text).toContain('Deploy it')
    },
  )

  it('answers every other name of a tool, listed or not [mcp.aliases]', async () => {
    const project = await world.newProject()
    const key = await keyOf(world.owner, project)
    const { client, call } = await modern(key)
    expect((await client.listTools()).tools.map((tool) => tool.name)).not.toContain('add_anchor')
    const added = await call('add_anchor', {
      type: 'INTERFACE_CONTRACT',
      text: 'The API answers JSON',
      importance: 0.9,
    })
    expect(added.text).toBe('Recorded D1 (interface).')
    expect((await call('smart_context', { query: 'API', limit: 5 })).text).toContain('The API answers JSON')
    expect((await call('search', { query: 'API' })).structured).toMatchObject({ results: [{ id: 'D1' }] })
    expect((await call('fetch', { id: 'D1' })).structured).toMatchObject({
      id: 'D1',
      title: 'The API answers JSON',
    })
    const upstream = await modern(key, '?tools=upstream')
    expect((await upstream.client.listTools()).tools.map((tool) => tool.name)).toContain('add_anchor')
  })

  it('lists resources in pages, reads them, and completes only what the caller may enter [mcp.resources]', async () => {
    const project = await world.newProject()
    const { client, call } = await modern(await keyOf(world.owner, project))
    for (let index = 0; index < 60; index++)
      await call('add_decision', { content: `Rule number ${index}`, type: 'fact' })
    const first = await client.request({ method: 'resources/list', params: {} })
    expect(first.resources).toHaveLength(50)
    const second = await client.request({ method: 'resources/list', params: { cursor: first.nextCursor } })
    const uris = [...first.resources, ...second.resources].map((resource) => resource.uri)
    expect(new Set(uris).size).toBe(66)
    await expect(
      client.request({ method: 'resources/list', params: { cursor: 'bm9uc2Vuc2U' } }),
    ).rejects.toThrow(/cursor is not valid/)

    const base = `stackmemory://${project.organizationSlug}/${project.slug}`
    const read = async (path: string) => (await client.readResource({ uri: `${base}/${path}` })).contents[0]
    expect(await read('memory/D1')).toMatchObject({ text: expect.stringContaining('Rule number 0') })
    expect(await read('decisions')).toMatchObject({ text: expect.stringContaining('Rule number 59') })
    expect(await read('stats')).toMatchObject({ text: expect.stringContaining('Indexed chunks: 60') })
    for (const path of ['context', 'recent', 'stack', 'tasks'])
      expect(await read(path)).toHaveProperty('text')
    await expect(read('nothing')).rejects.toThrow(/no such view/)
    await expect(read('memory/D999')).rejects.toThrow(/in this project/)
    await expect(client.readResource({ uri: 'stackmemory://globex/main/decisions' })).rejects.toThrow(
      /no project/,
    )

    const ref = { type: 'ref/resource' as const, uri: 'stackmemory://{org}/{project}/memory/{ref}' }
    const complete = async (name: string, value: string) =>
      (await client.complete({ ref, argument: { name, value } })).completion.values
    expect(await complete('org', '')).toEqual(['acme'])
    expect(await complete('project', '')).toEqual([project.slug])
    expect(await complete('ref', 'd6')).toEqual(['D60', 'D6'])
  })

  it('tells subscribers of a project what changed there, and nobody else [mcp.subscriptions]', async () => {
    const project = await world.newProject()
    const key = await keyOf(world.owner, project)
    const uri = `stackmemory://${project.organizationSlug}/${project.slug}/decisions`
    const old = await legacy(key)
    await old.client.subscribeResource({ uri })
    const other = await legacy(await keyOf(world.globex.people.owner))
    await other.client.subscribeResource({ uri })
    const elsewhere = await legacy(await keyOf(world.owner, world.acme.side))
    await elsewhere.client.subscribeResource({ uri })

    const writer = await modern(key)
    await writer.call('add_decision', { content: 'Publish this' })
    await until(() => old.heard.includes(uri))
    expect([...other.heard, ...elsewhere.heard]).toEqual([])
  })

  it('offers prompts that carry memory as data [mcp.prompts]', async () => {
    const project = await world.newProject()
    const { client, call } = await modern(await keyOf(world.owner, project))
    await call('start_frame', { name: 'Rename the package' })
    expect((await client.listPrompts()).prompts.map((prompt) => prompt.name)).toEqual([
      'resume',
      'handoff',
      'decisions',
      'standup',
    ])
    for (const name of ['resume', 'handoff', 'decisions', 'standup']) {
      const { messages } = await client.getPrompt({ name, arguments: {} })
      expect(JSON.stringify(messages)).toContain('Rename the package')
    }
    const ref = { type: 'ref/prompt' as const, name: 'resume' }
    expect(
      (await client.complete({ ref, argument: { name: 'frame', value: '' } })).completion.values,
    ).toEqual(['F1'])
  })

  it('reports progress on a long batch [mcp.progress]', async () => {
    const project = await world.newProject()
    const { client, call } = await modern(await keyOf(world.owner, project))
    const { structured } = await call('start_frame', { name: 'Long' })
    const seen: number[] = []
    const events = Array.from({ length: 100 }, (_, index) => ({ content: `Event ${index}` }))
    await client.callTool(
      { name: 'record_events', arguments: { frame: structured['frame'], events } },
      { onprogress: ({ progress }) => void seen.push(progress) },
    )
    expect(seen).toEqual([20, 40, 60, 80, 100])
  })

  it('needs no project argument where the URL or the key names it, and asks where neither does [mcp.pinned]', async () => {
    const { acme, owner } = world
    const open = await modern(await keyOf(owner))
    const asked = await open.client.callTool({ name: 'get_active_tasks', arguments: {} })
    expect(asked.isError).toBe(true)
    expect(JSON.stringify(asked.content)).toContain('acme/main')
    expect((await open.call('get_active_tasks', { project: 'acme/main' })).structured).toMatchObject({
      tasks: [],
    })
    const pinned = await modern(await keyOf(owner), `/acme/${acme.main.slug}`)
    const [tool] = (await pinned.client.listTools()).tools
    expect(tool?.inputSchema.properties).not.toHaveProperty('project')
    await expect(modern(await keyOf(owner), '/globex/main')).rejects.toThrow()
    const viewer = await modern(await keyOf(world.acme.people.viewer), '/acme/main')
    expect((await viewer.client.listTools()).tools.map((each) => each.name)).not.toContain('add_decision')
    const readonly = await modern(await keyOf(owner), '/acme/main?readonly=1')
    const refused = await readonly.client.callTool({ name: 'add_decision', arguments: { content: 'x' } })
    expect(JSON.stringify(refused.content)).toContain('forbidden')
  })
})

type Result = { content?: unknown; structuredContent?: unknown; isError?: boolean | undefined }

const content = z.array(z.object({ text: z.string() })).min(1)

/** Calls a tool that must succeed. */
const callerOf =
  (call: (name: string, args: Record<string, unknown>) => Promise<object>) =>
  async (name: string, args: Record<string, unknown>) => {
    const result: Result = await call(name, args)
    const text = content.parse(result.content)[0]?.text ?? ''
    if (result.isError) throw new Error(`${name} was refused: ${text}`)
    return { text, structured: z.record(z.string(), z.unknown()).parse(result.structuredContent) }
  }
