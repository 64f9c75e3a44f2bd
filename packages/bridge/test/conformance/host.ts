/**
 * A small MCP client on stdio: what the conformance runner starts to measure the bridge. It starts the bundled
 * bridge with the runner's URL, asks for what the server has and calls each tool. It is the official client, so
 * what it sends is right; what reaches the runner is the bridge's work. Needs a Node that runs TypeScript.
 */
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'

interface Call {
  name: string
  arguments: Record<string, unknown>
}

const url = process.argv.at(-1) ?? ''
const revision = process.env['MCP_CONFORMANCE_PROTOCOL_VERSION'] ?? '2025-11-25'
const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as { toolCalls?: Call[] }
const bridge = fileURLToPath(new URL('../../dist/mcp-server.js', import.meta.url))

const client = new Client(
  { name: 'conformance-host', version: '1.0.0' },
  {
    capabilities: { elicitation: { form: { applyDefaults: true } } },
    versionNegotiation: { mode: revision >= '2026-07-28' ? { pin: revision } : 'legacy' },
  },
)
client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: {} }))

await client.connect(new StdioClientTransport({ command: process.execPath, args: [bridge, url] }))
const capabilities = client.getServerCapabilities() ?? {}
await useTools()
if (capabilities.resources) await useResources()
if (capabilities.prompts) await usePrompts()
await client.close()

async function useTools(): Promise<void> {
  const { tools } = await client.listTools()
  const schemas = Object.fromEntries(tools.map(({ name, inputSchema }) => [name, inputSchema]))
  const calls = tools.map(({ name, inputSchema }) => ({
    name,
    arguments: argumentsFor(inputSchema, schemas),
  }))
  for (const call of context.toolCalls ?? calls) {
    // Some of the runner's servers list tools that they do not have; the runner judges by what it was sent.
    await client
      .callTool(call)
      .catch((error: unknown) => process.stderr.write(`${call.name}: ${String(error)}\n`))
  }
}

async function useResources(): Promise<void> {
  const { resources } = await client.listResources()
  for (const { uri } of resources) await client.readResource({ uri })
}

async function usePrompts(): Promise<void> {
  const { prompts } = await client.listPrompts()
  for (const { name } of prompts) await client.getPrompt({ name })
}

/** Something of the right type for every required property; a schema as an argument is the first tool's own. */
function argumentsFor(schema: object, schemas: Record<string, object>): Record<string, unknown> {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, { type?: string }>
    required?: string[]
  }
  const examples: Record<string, unknown> = {
    string: 'text',
    number: 2,
    integer: 2,
    boolean: true,
    array: [],
  }
  const object = Object.values(schemas)[0]
  return Object.fromEntries(required.map((name) => [name, examples[properties[name]?.type ?? ''] ?? object]))
}
