/** Paste-ready commands for clients, with the key inside, as the first start shows them. */
export const connectText = (mcpUrl: string, key: string): string => {
  const config = (extra: object) =>
    JSON.stringify({ ...extra, url: mcpUrl, headers: { Authorization: `Bearer ${key}` } })
  return [
    'Connect a client:',
    '',
    '  Claude Code',
    `    claude mcp add --transport http stackmemory ${mcpUrl} --header "Authorization: Bearer ${key}"`,
    '',
    '  Cursor (~/.cursor/mcp.json)',
    `    {"mcpServers":{"stackmemory":${config({})}}}`,
    '',
    '  VS Code',
    `    code --add-mcp '${config({ name: 'stackmemory', type: 'http' })}'`,
    '',
    '  Codex (~/.codex/config.toml)',
    '    [mcp_servers.stackmemory]',
    `    url = "${mcpUrl}"`,
    `    http_headers = { Authorization = "Bearer ${key}" }`,
    '',
    '  Any other client: Streamable HTTP at',
    `    ${mcpUrl}`,
    '    with the header "Authorization: Bearer <the key>".',
  ].join('\n')
}
