import { parse as parseToml } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { connectText } from './connect-text.ts'

describe('what the first start shows', () => {
  const text = connectText('http://127.0.0.1:8080/mcp', 'smk_live_abc')
  const after = (title: string) => {
    const lines = text.split('\n')
    const start = lines.findIndex((line) => line.trim().startsWith(title)) + 1
    return lines.slice(start, lines.indexOf('', start)).map((line) => line.trim())
  }

  it('is the command, and what to paste with the key inside', () => {
    expect(text).toContain('npx stackmemory connect claude-code --url http://127.0.0.1:8080/mcp')
    const headers = { Authorization: 'Bearer smk_live_abc' }
    expect(after('Claude Code')).toEqual([
      "claude mcp add --scope user --transport http stackmemory http://127.0.0.1:8080/mcp --header 'Authorization: Bearer smk_live_abc'",
    ])
    expect(JSON.parse(after('Cursor').join(''))).toEqual({
      mcpServers: { stackmemory: { url: 'http://127.0.0.1:8080/mcp', headers } },
    })
    expect(after('VS Code')[0]).toMatch(
      /^code --add-mcp '\{"name":"stackmemory","type":"http",.*smk_live_abc"\}\}'$/,
    )
    expect(parseToml(after('Codex').join('\n'))).toMatchObject({
      mcp_servers: { stackmemory: { http_headers: headers } },
    })
  })
})
