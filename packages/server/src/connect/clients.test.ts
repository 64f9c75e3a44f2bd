import { describe, expect, it } from 'vitest'
import { clients, findClient, scopesOf } from './clients.ts'
import { thingsFor, wantedOf } from './edit.ts'
import type { Place } from './place.ts'
import type { RemoteTarget, Target } from './target.ts'

const place = (platform: NodeJS.Platform, home: string, env: NodeJS.ProcessEnv = {}): Place => ({
  platform,
  home,
  env,
  project: '/work',
})
const linux = place('linux', '/home/ana')
const windows = place('win32', 'C:\\Users\\ana', { APPDATA: 'D:\\Roaming' })
const remote = (key: RemoteTarget['key']): Target => ({
  kind: 'remote',
  version: '1.2.3',
  url: 'https://memory.example.com/mcp',
  key,
})
const byVariable = remote({ kind: 'variable', name: 'STACKMEMORY_API_KEY', isDefault: true })
const secret = 'smk_live_secret'

describe('the clients', () => {
  it('have names, and files on each platform that are not those of another', () => {
    expect(clients.map(({ id }) => id)).toEqual([
      'claude-code',
      'claude-desktop',
      'cursor',
      'vscode',
      'codex',
      'gemini',
      'opencode',
      'windsurf',
      'zed',
      'jetbrains',
    ])
    for (const each of [linux, place('darwin', '/Users/ana'), windows]) {
      const files = clients.flatMap((client) => scopesOf(client).map((scope) => client.file[scope]?.(each)))
      expect(new Set(files).size).toBe(files.length)
    }
  })

  it.each([
    ['claude-desktop', windows, 'D:\\Roaming\\Claude\\claude_desktop_config.json'],
    [
      'claude-desktop',
      place('darwin', '/u'),
      '/u/Library/Application Support/Claude/claude_desktop_config.json',
    ],
    ['vscode', windows, 'D:\\Roaming\\Code\\User\\mcp.json'],
    ['vscode', place('linux', '/u', { XDG_CONFIG_HOME: '/x' }), '/x/Code/User/mcp.json'],
    ['zed', windows, 'D:\\Roaming\\Zed\\settings.json'],
    ['zed', place('darwin', '/u', { XDG_CONFIG_HOME: '/x' }), '/u/.config/zed/settings.json'],
    ['codex', place('linux', '/u', { CODEX_HOME: '/c' }), '/c/config.toml'],
    ['claude-code', place('linux', '/u', { CLAUDE_CONFIG_DIR: '/c' }), '/c/.claude.json'],
    ['windsurf', windows, 'C:\\Users\\ana\\.codeium\\windsurf\\mcp_config.json'],
  ] as const)('%s keeps its file where its vendor says', (id, where, file) => {
    expect(findClient(id)?.file.user(where)).toBe(file)
  })

  it('start a fixed version, on Windows by the command interpreter', () => {
    for (const client of clients) {
      const local: Target = { kind: 'local', version: '1.2.3' }
      const text = (platform: NodeJS.Platform) =>
        JSON.stringify(thingsFor(client, 'n', local, platform)[0].value)
      expect(text('linux')).toContain('"-y","@stackmemoryai/mcp-server@1.2.3"')
      expect(text('linux')).not.toContain('cmd')
      expect(text('win32')).toMatch(/"cmd",?"?.*"\/c","npx","-y"/)
    }
  })

  it('are given a reference to the key, never the key, unless asked for [connect.key]', () => {
    for (const client of clients) {
      const text = JSON.stringify(thingsFor(client, 'n', byVariable, 'linux'))
      if (client.http) expect(text, client.id).toMatch(/STACKMEMORY_API_KEY|\$\{input:stackmemory-api-key\}/)
      else expect(text, client.id).toContain('"STACKMEMORY_ENDPOINT":"https://memory.example.com/mcp"')
      const asked = JSON.stringify(thingsFor(client, 'n', remote({ kind: 'text', text: secret }), 'linux'))
      expect(asked, client.id).toContain(secret)
      expect(asked, client.id).not.toContain('${input:')
    }
  })

  it('have commands of their own that a shell reads as one word each', () => {
    const command = (id: string, target: Target) => {
      const client = findClient(id)
      return client?.ownCommand?.('n', 'user', wantedOf(client, target, 'linux'))
    }
    expect(command('claude-code', byVariable)).toBe(
      "claude mcp add --scope user --transport http n https://memory.example.com/mcp --header 'Authorization: Bearer ${STACKMEMORY_API_KEY}'",
    )
    expect(command('codex', byVariable)).toBe(
      'codex mcp add n --url https://memory.example.com/mcp --bearer-token-env-var STACKMEMORY_API_KEY',
    )
    expect(command('codex', { kind: 'local', version: '1', dataDir: "/it's mine" })).toBe(
      "codex mcp add n --env 'DATA_DIR=/it'\\''s mine' -- npx -y @stackmemoryai/mcp-server@1",
    )
    expect(command('vscode', byVariable)).toBeUndefined() // it can't take the question for the key along
  })
})
