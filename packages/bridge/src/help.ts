import { version } from './version.ts'

export const help = `stackmemory-mcp ${version}: project memory for MCP clients that speak stdio.

Usage:
  stackmemory-mcp                    serve the memory on this machine
  stackmemory-mcp <url>              serve the memory at an MCP endpoint
  stackmemory-mcp connect <client>   configure a client to use this; "connect --help" says more
  stackmemory-mcp hook <client>      hand on what a hook of claude-code or codex reports on standard input
  stackmemory-mcp --help | --version

Environment:
  STACKMEMORY_ENDPOINT   MCP endpoint, https://…; without it, the memory on this machine (or RUNWAY_ENDPOINT)
  STACKMEMORY_API_KEY    key for that endpoint (or RUNWAY_API_KEY)
  DATA_DIR               where the memory on this machine is; ~/.stackmemory by default

Standard output carries MCP messages and nothing else; messages for people go to standard error.
`
