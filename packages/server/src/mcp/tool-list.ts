/**
 * The answer to `tools/list`, made once per kind of caller. Registering a tool is what makes it callable;
 * what is listed is decided here, because aliases and hook tools work without being listed.
 */
import { z } from 'zod'
import type { Scope } from '../domain/context.ts'
import { aliases } from './tools/aliases.ts'
import { tools } from './tools/index.ts'
import type { ToolDefinition } from './tools/tool.ts'

/** Needed only where the endpoint and the key leave the project open. */
export const projectArgument = z.string().max(130).optional().describe('org/name')

export interface ToolView {
  toolSet: 'default' | 'upstream'
  pinned: boolean
  /** Scopes that the caller effectively has; tools beyond them are not shown. */
  allows: (scope: Scope) => boolean
}

const openInputs = new Map<ToolDefinition, z.ZodObject>()

/** What a tool takes; where the project is open, with an argument for it. */
export const inputOf = (tool: ToolDefinition, pinned: boolean): z.ZodObject => {
  if (pinned) return tool.input
  const open = openInputs.get(tool) ?? tool.input.safeExtend({ project: projectArgument })
  openInputs.set(tool, open)
  return open
}

const toJsonSchema = (schema: z.ZodType, io: 'input' | 'output') => {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => trim(jsonSchema),
  })
  return json as { type: 'object'; [key: string]: unknown }
}

/** What costs tokens and tells a model nothing: patterns behind a format, numeric bounds nobody meets. */
const trim = (schema: Record<string, unknown>) => {
  if ('format' in schema) delete schema['pattern']
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete schema['maximum']
  if (schema['minimum'] === Number.MIN_SAFE_INTEGER) delete schema['minimum']
  if (schema['type'] === 'string') {
    delete schema['maxLength']
    delete schema['minLength']
  }
  if (schema['type'] === 'array') {
    delete schema['maxItems']
    if (Array.isArray(schema['default']) && schema['default'].length === 0) delete schema['default']
  }
  if (schema['default'] === '' || schema['default'] === false) delete schema['default']
  if (Array.isArray(schema['anyOf']) && schema['anyOf'].every(isString)) {
    schema['type'] = 'string'
    delete schema['anyOf']
  }
}

const isString = (schema: unknown) => (schema as { type?: unknown }).type === 'string'

type ObjectSchema = ReturnType<typeof toJsonSchema>

/**
 * Taken from the listing, not from what is enforced: closed objects and the keys of retries in the input, and
 * in the output what is always there.
 */
const lean = (schema: ObjectSchema, unlisted: readonly string[]): ObjectSchema =>
  JSON.parse(
    JSON.stringify(schema, (key, value: unknown) => (unlisted.includes(key) ? undefined : value)),
  ) as ObjectSchema

const describe = (tool: ToolDefinition, name: string, description: string, pinned: boolean) => ({
  name,
  title: tool.title,
  description,
  inputSchema: lean(toJsonSchema(inputOf(tool, pinned), 'input'), [
    'additionalProperties',
    'idempotency_key',
  ]),
  outputSchema: lean(toJsonSchema(tool.output, 'output'), ['additionalProperties', 'required']),
  annotations: tool.annotations,
  ...(tool.alwaysLoad && name === tool.name && { _meta: { 'anthropic/alwaysLoad': true } }),
})

const build = (toolSet: ToolView['toolSet'], pinned: boolean) => [
  ...tools
    .filter((tool) => tool.visibility === 'listed' || toolSet === 'upstream')
    .map((tool) => ({ tool, listed: describe(tool, tool.name, tool.description, pinned) })),
  ...(toolSet === 'upstream' ? aliases : []).map((alias) => ({
    tool: alias.tool,
    listed: {
      ...describe(alias.tool, alias.name, alias.description, pinned),
      inputSchema: { type: 'object' as const },
    },
  })),
]

const lists = new Map<string, ReturnType<typeof build>>()

export const listTools = ({ toolSet, pinned, allows }: ToolView) => {
  const key = `${toolSet} ${pinned}`
  const list = lists.get(key) ?? build(toolSet, pinned)
  lists.set(key, list)
  return list.filter(({ tool }) => allows(tool.scope)).map(({ listed }) => listed)
}
