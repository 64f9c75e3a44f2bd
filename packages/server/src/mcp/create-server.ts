/**
 * The one factory of MCP servers, for both protocol eras. It closes over the caller, so nothing is shared
 * between two requests or sessions but the pools below `memory`.
 */
import { McpServer, type ServerContext } from '@modelcontextprotocol/server'
import { v7 as uuidv7 } from 'uuid'
import type { Context, Project, Scope } from '../domain/context.ts'
import { isAllowed } from '../domain/policy.ts'
import type { Memory } from '../domain/ports.ts'
import { loadVocabulary } from '../domain/retrieval/tokens.ts'
import { callContext, chooseProject, type Projects } from './call-context.ts'
import { eventsOf } from './events.ts'
import { instructions } from './instructions.ts'
import { registerPrompts } from './prompts.ts'
import { registerResources } from './resources.ts'
import { parseArguments } from './parse-arguments.ts'
import { listTools } from './tool-list.ts'
import { aliases, type Alias } from './tools/aliases.ts'
import { tools } from './tools/index.ts'
import type { ToolDefinition } from './tools/tool.ts'
import type { TenantBus } from './transport/tenant-bus.ts'
import type { CreateMcpServer, CreateServerArgs } from './transport/types.ts'
import { wrapTool } from './transport/wrap-tool.ts'
import { withIdempotencyKey } from './idempotency-header.ts'
import { z } from 'zod'

export interface ServerParts {
  memory: Memory
  projects: Projects
  bus: TenantBus
  version: string
}

const listTtlMs = 5 * 60_000

const pinnedProject = async (
  { projects }: ServerParts,
  { pinned, principal }: CreateServerArgs,
): Promise<Project | undefined> => {
  if (pinned || principal.projectId === undefined) return pinned
  return (await projects.listFor(principal))[0]
}

/** A tool under one of its names, with what that name does to the arguments first. */
interface Named {
  name: string
  description: string
  tool: ToolDefinition
  map: Alias['map']
}

const named: ReadonlyMap<string, Named> = new Map(
  [...tools.map((tool) => ({ ...tool, tool, map: (args: Record<string, unknown>) => args })), ...aliases].map(
    ({ name, description, tool, map }) => [name, { name, description, tool, map }],
  ),
)

/** Runs a tool in its project, and tells the subscribers of what it changed. */
const handlerOf =
  (parts: ServerParts, args: CreateServerArgs, pinned: Project | undefined, { name, tool, map }: Named) =>
  async (given: Record<string, unknown>, call: ServerContext) => {
    const { project: asked, ...input } = parseArguments(
      name,
      tool,
      pinned !== undefined,
      withIdempotencyKey(tool, map(given), call),
    )
    const project = await chooseProject(parts.projects, args.principal, pinned, asked)
    const ctx = callContext(call, args.principal, project, args.log)
    const answer = await tool.handle(ctx, parts.memory, input as never)
    for (const event of eventsOf(tool.name, project, answer.structured)) parts.bus.publishFor(project, event)
    return {
      content: [{ type: 'text' as const, text: answer.text }],
      structuredContent: answer.structured,
    }
  }

/** Arguments are parsed by the handler: the library would make a JSON Schema for each new server otherwise. */
const anyArguments = z.looseObject({})

const registerTool = (
  server: McpServer,
  parts: ServerParts,
  args: CreateServerArgs,
  pinned: Project | undefined,
  each: Named,
) =>
  server.registerTool(
    each.name,
    {
      title: each.tool.title,
      description: each.description,
      annotations: each.tool.annotations,
      inputSchema: anyArguments,
    },
    wrapTool(handlerOf(parts, args, pinned, each), args.log),
  )

/** It takes a third of a second: after what a client asks when it connects, and before most first calls of a tool. */
const vocabularyAfterMs = 1_500

export const createMcpServerFactory = (parts: ServerParts): CreateMcpServer => {
  setTimeout(loadVocabulary, vocabularyAfterMs).unref()
  return async (args) => {
    const principal = args.readonly
      ? {
          ...args.principal,
          scopes:
            args.principal.scopes.length > 0 && isAllowed(args.principal, 'memory:read')
              ? (['memory:read'] as const)
              : [],
        }
      : args.principal
    const caller = { ...args, principal }
    const pinned = await pinnedProject(parts, caller)
    const server = new McpServer(
      { name: 'stackmemory', title: 'StackMemory', version: parts.version },
      {
        instructions,
        requestState: args.requestState,
        capabilities: {
          tools: {},
          prompts: {},
          completions: {},
          resources: { subscribe: true, listChanged: true },
        },
        cacheHints: {
          'tools/list': { ttlMs: listTtlMs, cacheScope: 'private' },
          'prompts/list': { ttlMs: listTtlMs, cacheScope: 'private' },
        },
      },
    )
    // Only the tool that is called, when the call names one of ours: building the others costs more than the call.
    // What the caller may not do is refused by the operation, with a sentence; it is only not listed.
    const only = named.get(args.toolName ?? '')
    for (const each of only ? [only] : named.values()) registerTool(server, parts, caller, pinned, each)
    if (!only) registerRest(server, parts, caller, pinned, (scope: Scope) => isAllowed(principal, scope))
    return server
  }
}

const registerRest = (
  server: McpServer,
  parts: ServerParts,
  args: CreateServerArgs,
  pinned: Project | undefined,
  allows: (scope: Scope) => boolean,
) => {
  const { memory } = parts
  const contextIn = (project: Project, call?: ServerContext): Context =>
    call
      ? callContext(call, args.principal, project, args.log)
      : {
          principal: args.principal,
          project,
          requestId: args.requestId,
          signal: new AbortController().signal,
          now: new Date(),
          newId: uuidv7,
          log: args.log,
        }
  const entered = async () => (pinned ? [pinned] : parts.projects.listFor(args.principal))
  const enter = async (org: string, slug: string, call?: ServerContext) => {
    const project = pinned?.organizationSlug === org && pinned.slug === slug ? pinned : undefined
    return contextIn(
      project ?? (await chooseProject({ listFor: entered }, args.principal, undefined, `${org}/${slug}`)),
      call,
    )
  }
  server.server.setRequestHandler('tools/list', async () => ({
    tools: listTools({ toolSet: args.toolSet, pinned: pinned !== undefined, allows }),
  }))
  registerResources(server, {
    memory,
    log: args.log,
    enter,
    contexts: async (call) => (await entered()).map((project) => contextIn(project, call)),
  })
  registerPrompts(server, {
    memory,
    log: args.log,
    context: async (asked, call) =>
      contextIn(await chooseProject(parts.projects, args.principal, pinned, asked), call),
  })
}
