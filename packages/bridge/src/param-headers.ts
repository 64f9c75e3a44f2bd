/**
 * MCP 2026-07-28, Streamable HTTP, "Schema Extension": arguments whose property carries `x-mcp-header` are repeated
 * in `Mcp-Param-*` headers, and a tool whose declarations break the rules must not be offered. A host on stdio
 * knows nothing of headers, so that is the bridge's duty; it learns the declarations from `tools/list`.
 */

/** Tools that are remembered at most; those that came first are forgotten first. */
const toolsMax = 10_000

interface Declaration {
  readonly path: readonly string[]
  readonly header: string
}

export interface ParamHeaders {
  /** Remembers the tools of a list and takes away those that must not be offered. */
  learn(result: unknown): void
  /** Headers for a call; none when the tool is unknown, as the specification wants. */
  headersFor(params: unknown): Record<string, string>
}

export function createParamHeaders(log: (line: string) => void): ParamHeaders {
  const known = new Map<string, readonly Declaration[]>()
  const accept = (tool: unknown): boolean => {
    if (!isObject(tool) || typeof tool['name'] !== 'string') return true
    const declarations = declarationsOf(tool['inputSchema'])
    if (declarations === undefined) {
      log('A tool was left out of the list: its x-mcp-header declarations break the rules.')
      return false
    }
    known.delete(tool['name'])
    if (declarations.length > 0) known.set(tool['name'], declarations)
    for (const name of known.keys()) if (known.size > toolsMax) known.delete(name)
    return true
  }
  return {
    learn(result) {
      if (isObject(result) && Array.isArray(result['tools'])) result['tools'] = result['tools'].filter(accept)
    },
    headersFor(params) {
      if (!isObject(params) || typeof params['name'] !== 'string') return {}
      return Object.fromEntries(
        (known.get(params['name']) ?? []).flatMap(({ path, header }) => {
          const text = headerText(valueAt(params['arguments'], path))
          return text === undefined ? [] : [[`Mcp-Param-${header}`, text]]
        }),
      )
    },
  }
}

/** Undefined when the schema breaks a rule: the tool is then not offered. */
function declarationsOf(schema: unknown): Declaration[] | undefined {
  const found: Declaration[] = []
  const names = new Set<string>()
  const isValid = (node: unknown, path: readonly string[], reachable: boolean): boolean => {
    if (Array.isArray(node)) return node.every((each) => isValid(each, path, false))
    if (!isObject(node)) return true
    if ('x-mcp-header' in node) {
      const header = node['x-mcp-header']
      // RFC 9110 §5.6.2 (token); `number` is excluded by the specification, integers are not.
      if (
        !reachable ||
        path.length === 0 ||
        typeof header !== 'string' ||
        !/^[\w!#$%&'*+.^`|~-]+$/.test(header)
      )
        return false
      if (!['string', 'integer', 'boolean'].includes(String(node['type']))) return false
      if (names.has(header.toLowerCase())) return false
      names.add(header.toLowerCase())
      found.push({ path, header })
    }
    return Object.entries(node).every(([key, value]) => {
      if (valueKeywords.has(key)) return true
      if (key !== 'properties') return isValid(value, path, false)
      return Object.entries(isObject(value) ? value : {}).every(([name, property]) =>
        isValid(property, [...path, name], reachable),
      )
    })
  }
  return isValid(schema, [], true) ? found : undefined
}

/** Keywords of JSON Schema whose values are data, not schemas. */
const valueKeywords = new Set(['const', 'default', 'enum', 'examples', 'x-mcp-header'])

function headerText(value: unknown): string | undefined {
  if (typeof value === 'boolean' || (typeof value === 'number' && isExact(value))) return String(value)
  if (typeof value !== 'string') return undefined
  const isPlain = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(value)
  const isAmbiguous = value.startsWith('=?base64?') && value.endsWith('?=')
  return isPlain && !isAmbiguous ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`
}

const isExact = (value: number) =>
  Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))

function valueAt(root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (node, key) => (isObject(node) && Object.hasOwn(node, key) ? node[key] : undefined),
    root,
  )
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
