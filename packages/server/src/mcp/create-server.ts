/**
 * The one factory of MCP servers, for both protocol eras. It closes over the caller, so nothing is shared
 * between two requests or sessions but the pools below `memory`.
 */
import { McpServer, type ServerContext } from '@modelcontextprotocol/server'
import { v7 as uuidv7 } from 'uuid'
import type { Context, Project, Scope } from '../domain/context.ts'
import { invalidInput } from '../domain/errors.ts'
import { isAllowed } from '../domain/policy.ts'
import type { Memory } from '../domain/ports.ts'
import { callContext, chooseProject, type Projects } from './call-context.ts'
import { eventsOf } from './events.ts'
import { instructions } from './instructions.ts'
import { registerPrompts } from './prompts.ts'
import { registerResources } from './resources.ts'
import { inputOf, listTools } from './tool-list.ts'
import { aliases, type Alias } from './tools/aliases.ts'
import { tools } from './tools/index.ts'
import type { ToolDefinition } from './tools/tool.ts'
import type { TenantBus } from './transport/tenant-bus.ts'
import type { CreateMcpServer, CreateServerArgs } from './transport/types.ts'
import { wrapTool } from './transport/wrap-tool.ts'
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

type Handle = (
  given: Record<string, unknown>,
  call: ServerContext,
) => Promise<{ content: [{ type: 'text'; text: string }]; structuredContent: Record<string, unknown> }>

/** Runs a tool on parsed arguments, in its project, and tells the subscribers of what it changed. */
const handlerOf =
  (parts: ServerParts, args: CreateServerArgs, pinned: Project | undefined, tool: ToolDefinition): Handle =>
  async ({ project: asked, ...input }, call) => {
    const project = await chooseProject(
      parts.projects,
      args.principal,
      pinned,
      typeof asked === 'string' ? asked : undefined,
    )
    const ctx = callContext(call, args.principal, project, args.log)
    const answer = await tool.handle(ctx, parts.memory, input as never)
    for (const event of eventsOf(tool.name, project, answer.structured)) parts.bus.publishFor(project, event)
    return { content: [{ type: 'text', text: answer.text }], structuredContent: answer.structured }
  }

const registerTool = (
  server: McpServer,
  parts: ServerParts,
  args: CreateServerArgs,
  pinned: Project | undefined,
  tool: ToolDefinition,
) => {
  const { title, description, annotations, output: outputSchema } = tool
  server.registerTool(
    tool.name,
    { title, description, annotations, inputSchema: inputOf(tool, pinned !== undefined), outputSchema },
    wrapTool(handlerOf(parts, args, pinned, tool), args.log),
  )
}

/** The arguments of an alias are mapped before they are parsed, so they are taken as they come. */
const registerAlias = (
  server: McpServer,
  parts: ServerParts,
  args: CreateServerArgs,
  pinned: Project | undefined,
  alias: Alias,
) => {
  const { tool } = alias
  const handle = handlerOf(parts, args, pinned, tool)
  server.registerTool(
    alias.name,
    {
      title: tool.title,
      description: alias.description,
      annotations: tool.annotations,
      inputSchema: z.looseObject({}),
      outputSchema: tool.output,
    },
    wrapTool(async (given: Record<string, unknown>, call: ServerContext) => {
      const parsed = inputOf(tool, pinned !== undefined).safeParse(alias.map(given))
      if (!parsed.success)
        throw invalidInput(`${alias.name} is another name of ${tool.name}. ${describeIssues(parsed.error)}`)
      return handle(parsed.data, call)
    }, args.log),
  )
}

/** Names of fields are ours, or cut: a caller's text never becomes an error message. */
const describeIssues = (error: z.ZodError) =>
  error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'arguments'}: ${issue.message.slice(0, 200)}`)
    .join('; ')

export const createMcpServerFactory =
  (parts: ServerParts): CreateMcpServer =>
  async (args) => {
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
    const allows = (scope: Scope) => isAllowed(principal, scope)
    // Only the tool that is called, when the call names one of ours: building the others costs more than the call.
    const isOurs = [...tools, ...aliases].some(({ name }) => name === args.toolName)
    const isWanted = (name: string) => !isOurs || args.toolName === name
    for (const tool of tools)
      if (isWanted(tool.name) && allows(tool.scope)) registerTool(server, parts, caller, pinned, tool)
    for (const alias of aliases)
      if (isWanted(alias.name) && allows(alias.tool.scope))
        registerAlias(server, parts, caller, pinned, alias)
    if (!isOurs) registerRest(server, parts, caller, pinned, allows)
    return server
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
