/**
 * What describes the bridge to others, made from its package.json: the manifest of its `.mcpb` bundle, and the
 * `server.json` of the MCP registry (schema 2025-12-11).
 */

/** The namespace must be proved when it is published; the package must repeat the name as `mcpName`. */
const registryName = 'io.github.stackmemoryai/mcp-server'
const title = 'StackMemory'
const keywords = ['memory', 'context', 'decisions', 'coding agents']

const endpoint = {
  name: 'STACKMEMORY_ENDPOINT',
  description: 'MCP endpoint of a StackMemory server. Empty: the memory on this machine.',
}
const apiKey = { name: 'STACKMEMORY_API_KEY', description: 'API key for that server.' }
const dataDir = { name: 'DATA_DIR', description: 'Folder of the memory on this machine.' }

/** @param {{ version: string, name: string }} pkg packages/bridge/package.json */
export function serverJson(pkg) {
  return {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name: pkg.mcpName ?? registryName,
    title,
    description: 'Project memory for coding agents: decisions and history, on this machine or on a server.',
    version: pkg.version,
    packages: [
      {
        registryType: 'npm',
        identifier: pkg.name,
        version: pkg.version,
        runtimeHint: 'npx',
        transport: { type: 'stdio' },
        environmentVariables: [
          { ...endpoint, placeholder: 'https://memory.example.com/mcp' },
          { ...apiKey, isSecret: true },
          { ...dataDir, format: 'filepath', placeholder: '~/.stackmemory' },
        ],
      },
    ],
  }
}

/**
 * Manifest version 0.3. The bundle holds the server, too, so that memory on this machine needs nothing else.
 *
 * @param {object} pkg packages/bridge/package.json
 * @param {readonly { name: string, description: string }[]} tools the server's listed tools
 */
export function mcpbManifest(pkg, tools) {
  return {
    manifest_version: '0.3',
    name: 'stackmemory',
    display_name: title,
    version: pkg.version,
    description: pkg.description,
    author: { name: 'The StackMemory authors' },
    license: pkg.license,
    keywords,
    server: {
      type: 'node',
      entry_point: 'server/mcp-server.js',
      mcp_config: {
        command: 'node',
        args: ['${__dirname}/server/mcp-server.js'],
        env: { [endpoint.name]: '${user_config.endpoint}', [apiKey.name]: '${user_config.api_key}' },
      },
    },
    tools: tools.map(({ name, description }) => ({ name, description })),
    tools_generated: true,
    prompts_generated: true,
    user_config: {
      endpoint: {
        type: 'string',
        title: 'Server',
        description: endpoint.description,
        required: false,
        default: '',
      },
      api_key: {
        type: 'string',
        title: 'API key',
        description: apiKey.description,
        required: false,
        sensitive: true,
        default: '',
      },
    },
    compatibility: {
      platforms: ['darwin', 'linux', 'win32'],
      runtimes: { node: pkg.engines.node },
    },
  }
}
