/**
 * The clients that can be connected: where each keeps its configuration, what an entry looks like there, and how
 * it refers to a secret. Formats and places are those of the vendors' documentation of November 2026; what was
 * tried with the real program stands in docs/clients.md.
 */
import { existsSync } from 'node:fs'
import { applicationData, folderFrom, joinPath, xdgConfig, type Place } from './place.ts'
import { environmentWords, shell, startWords } from './shell.ts'
import { keyVariable, type JsonObject, type KeySource, type Start } from './target.ts'

export type Scope = 'user' | 'project'

/** What a client is to do: start the bridge, or speak to a server by itself. */
export type Wanted = { kind: 'stdio'; start: Start } | { kind: 'http'; url: string; key: KeySource }

export interface Client {
  id: string
  title: string
  /** The program to look for on PATH, when it has one. */
  program?: string
  format: 'json' | 'toml'
  /** The object in the file that holds the servers by their names. */
  container: string
  file: Record<'user', (place: Place) => string> & Partial<Record<'project', (place: Place) => string>>
  /** Folders and files that are only there when the client is. */
  signs: (place: Place) => string[]
  stdio: (start: Start) => JsonObject
  /** An entry for Streamable HTTP. Without it, a remote server is reached through the bridge. */
  http?: (url: string, key: KeySource) => JsonObject
  /** What else the file needs for that entry: a thing in the array of this name, known by its id. */
  extra?: (key: KeySource) => { container: string; id: string; value: JsonObject } | undefined
  /** Why a bridge of this client can't be given a key by the environment. Absent: it hands its environment on. */
  keyNeedsFile?: string
  /** The client's own command that does the same, for people who prefer it; undefined when it can't. */
  ownCommand?: (name: string, scope: Scope, wanted: Wanted) => string | undefined
  /** How a person sees that it works. */
  check: string
  /** What has to happen before the client reads the file again. */
  reload: string
}

const bearer = (text: string): JsonObject => ({ Authorization: `Bearer ${text}` })
const keyText = (key: KeySource, reference: (name: string) => string) =>
  key.kind === 'text' ? key.text : reference(key.name)

const dollar = (name: string) => `\${${name}}`
const dollarEnv = (name: string) => `\${env:${name}}`
const braceEnv = (name: string) => `{env:${name}}`

const withEnv = (entry: JsonObject, env: Record<string, string>, name = 'env'): JsonObject =>
  Object.keys(env).length === 0 ? entry : { ...entry, [name]: env }

const commandLine = ({ command, args, env }: Start) => withEnv({ command, args }, env)

const claudeCode: Client = {
  id: 'claude-code',
  title: 'Claude Code',
  program: 'claude',
  format: 'json',
  container: 'mcpServers',
  file: {
    user: (place) => joinPath(place, folderFrom(place, 'CLAUDE_CONFIG_DIR', place.home), '.claude.json'),
    project: (place) => joinPath(place, place.project, '.mcp.json'),
  },
  signs: (place) => [
    joinPath(place, folderFrom(place, 'CLAUDE_CONFIG_DIR', place.home), '.claude.json'),
    joinPath(place, place.home, '.claude'),
  ],
  stdio: ({ command, args, env }) => ({ type: 'stdio', command, args, env }),
  http: (url, key) => ({ type: 'http', url, headers: bearer(keyText(key, dollar)) }),
  ownCommand: (name, scope, wanted) =>
    wanted.kind === 'http'
      ? shell(
          `claude mcp add --scope ${scope} --transport http ${name}`,
          wanted.url,
          '--header',
          `Authorization: Bearer ${keyText(wanted.key, dollar)}`,
        )
      : shell(
          `claude mcp add --scope ${scope}`,
          ...environmentWords(wanted.start, '--env'),
          name,
          '--',
          ...startWords(wanted.start),
        ),
  check: 'Run `claude mcp list`; in a session, `/mcp`.',
  reload:
    'Start a new session. A server of a project (`.mcp.json`) is used only after you approved it in a session there.',
}

/** The version from the Microsoft Store keeps its files in a container of its own. */
const claudeDesktopFolder = (place: Place): string => {
  const usual = joinPath(place, applicationData(place), 'Claude')
  if (place.platform !== 'win32') return usual
  const local = folderFrom(place, 'LOCALAPPDATA', place.home, 'AppData', 'Local')
  const contained = joinPath(
    place,
    local,
    'Packages',
    'Claude_pzs8sxrjxfjjc',
    'LocalCache',
    'Roaming',
    'Claude',
  )
  return existsSync(contained) ? contained : usual
}

const claudeDesktop: Client = {
  id: 'claude-desktop',
  title: 'Claude Desktop',
  format: 'json',
  container: 'mcpServers',
  file: { user: (place) => joinPath(place, claudeDesktopFolder(place), 'claude_desktop_config.json') },
  signs: (place) => [claudeDesktopFolder(place)],
  stdio: commandLine,
  keyNeedsFile:
    'Claude Desktop starts servers without your environment, so a variable cannot bring the key. Add --key-in-file to write the key into its file, readable by you alone, or add the URL in Claude under Settings, Connectors.',
  check: 'Settings, Developer: the server is listed as running.',
  reload: 'Quit Claude Desktop completely and start it again.',
}

const cursor: Client = {
  id: 'cursor',
  title: 'Cursor',
  program: 'cursor',
  format: 'json',
  container: 'mcpServers',
  file: {
    user: (place) => joinPath(place, place.home, '.cursor', 'mcp.json'),
    project: (place) => joinPath(place, place.project, '.cursor', 'mcp.json'),
  },
  signs: (place) => [joinPath(place, place.home, '.cursor')],
  stdio: commandLine,
  http: (url, key) => ({ url, headers: bearer(keyText(key, dollarEnv)) }),
  check: 'Cursor Settings, MCP: the server is on and shows its tools.',
  reload: 'Cursor notices the file; if not, reload its window.',
}

/** VS Code asks for the key once and keeps it in the secret storage of the system. */
const vscodeInput = 'stackmemory-api-key'
const vscodeKey = (key: KeySource) => {
  if (key.kind === 'text') return key.text
  return key.isDefault ? `\${input:${vscodeInput}}` : dollarEnv(key.name)
}

const vscode: Client = {
  id: 'vscode',
  title: 'VS Code',
  program: 'code',
  format: 'json',
  container: 'servers',
  file: {
    user: (place) => joinPath(place, applicationData(place), 'Code', 'User', 'mcp.json'),
    project: (place) => joinPath(place, place.project, '.vscode', 'mcp.json'),
  },
  signs: (place) => [joinPath(place, applicationData(place), 'Code', 'User')],
  stdio: (start) => ({ type: 'stdio', ...commandLine(start) }),
  http: (url, key) => ({ type: 'http', url, headers: bearer(vscodeKey(key)) }),
  extra: (key) =>
    key.kind === 'variable' && key.isDefault
      ? {
          container: 'inputs',
          id: vscodeInput,
          value: {
            type: 'promptString',
            id: vscodeInput,
            description: 'StackMemory API key',
            password: true,
          },
        }
      : undefined,
  ownCommand: (name, scope, wanted) => {
    if (scope !== 'user') return undefined
    if (wanted.kind === 'stdio')
      return shell('code --add-mcp', JSON.stringify({ name, type: 'stdio', ...commandLine(wanted.start) }))
    if (wanted.key.kind === 'variable' && wanted.key.isDefault) return undefined
    const headers = bearer(vscodeKey(wanted.key))
    return shell('code --add-mcp', JSON.stringify({ name, type: 'http', url: wanted.url, headers }))
  },
  check: 'Run the command "MCP: List Servers".',
  reload:
    'Open the file and press Start above the server, or start it from "MCP: List Servers". VS Code asks for the key once.',
}

const codex: Client = {
  id: 'codex',
  title: 'Codex',
  program: 'codex',
  format: 'toml',
  container: 'mcp_servers',
  file: {
    user: (place) => joinPath(place, folderFrom(place, 'CODEX_HOME', place.home, '.codex'), 'config.toml'),
    project: (place) => joinPath(place, place.project, '.codex', 'config.toml'),
  },
  signs: (place) => [folderFrom(place, 'CODEX_HOME', place.home, '.codex')],
  stdio: commandLine,
  http: (url, key): JsonObject =>
    key.kind === 'text' ? { url, http_headers: bearer(key.text) } : { url, bearer_token_env_var: key.name },
  ownCommand: (name, scope, wanted) => {
    if (scope !== 'user') return undefined
    if (wanted.kind === 'stdio')
      return shell(
        `codex mcp add ${name}`,
        ...environmentWords(wanted.start, '--env'),
        '--',
        ...startWords(wanted.start),
      )
    if (wanted.key.kind === 'text') return undefined
    return shell(`codex mcp add ${name} --url`, wanted.url, '--bearer-token-env-var', wanted.key.name)
  },
  check: 'Run `codex mcp list`; in a session, `/mcp`.',
  reload: 'Start a new session. Codex reads the file of a project only when you trust that project.',
}

const gemini: Client = {
  id: 'gemini',
  title: 'Gemini CLI',
  program: 'gemini',
  format: 'json',
  container: 'mcpServers',
  file: {
    user: (place) =>
      joinPath(place, folderFrom(place, 'GEMINI_CLI_HOME', place.home), '.gemini', 'settings.json'),
    project: (place) => joinPath(place, place.project, '.gemini', 'settings.json'),
  },
  signs: (place) => [joinPath(place, folderFrom(place, 'GEMINI_CLI_HOME', place.home), '.gemini')],
  stdio: commandLine,
  http: (url, key) => ({ url, type: 'http', headers: bearer(keyText(key, dollar)) }),
  ownCommand: (name, scope, wanted) =>
    wanted.kind === 'http'
      ? shell(
          `gemini mcp add --scope ${scope} --transport http ${name}`,
          wanted.url,
          '--header',
          `Authorization: Bearer ${keyText(wanted.key, dollar)}`,
        )
      : shell(
          `gemini mcp add --scope ${scope}`,
          ...environmentWords(wanted.start, '--env'),
          name,
          ...startWords(wanted.start),
        ),
  check: 'Run `gemini mcp list`; in a session, `/mcp`.',
  reload: 'Start a new session. Gemini CLI uses servers only in a folder that you trust.',
}

/** Either name is read; the one that is there is changed. */
const opencodeFile = (place: Place, folder: string) => {
  const commented = joinPath(place, folder, 'opencode.jsonc')
  const plain = joinPath(place, folder, 'opencode.json')
  return existsSync(commented) && !existsSync(plain) ? commented : plain
}

const opencode: Client = {
  id: 'opencode',
  title: 'OpenCode',
  program: 'opencode',
  format: 'json',
  container: 'mcp',
  file: {
    user: (place) => opencodeFile(place, joinPath(place, xdgConfig(place), 'opencode')),
    project: (place) => opencodeFile(place, place.project),
  },
  signs: (place) => [joinPath(place, xdgConfig(place), 'opencode')],
  stdio: ({ command, args, env }) =>
    withEnv({ type: 'local', command: [command, ...args] }, env, 'environment'),
  http: (url, key) => ({
    type: 'remote',
    url,
    headers: bearer(keyText(key, braceEnv)),
    oauth: false,
  }),
  check: 'Run `opencode mcp list`.',
  reload: 'Start OpenCode again.',
}

const windsurf: Client = {
  id: 'windsurf',
  title: 'Windsurf',
  program: 'windsurf',
  format: 'json',
  container: 'mcpServers',
  file: {
    user: (place) => joinPath(place, place.home, '.codeium', 'windsurf', 'mcp_config.json'),
  },
  signs: (place) => [joinPath(place, place.home, '.codeium', 'windsurf')],
  stdio: commandLine,
  http: (url, key) => ({ serverUrl: url, headers: bearer(keyText(key, dollarEnv)) }),
  check: 'The MCP panel of Cascade lists the server with its tools.',
  reload: 'Press the refresh button of the MCP panel.',
}

const zed: Client = {
  id: 'zed',
  title: 'Zed',
  program: 'zed',
  format: 'json',
  container: 'context_servers',
  file: {
    user: (place) =>
      place.platform === 'win32'
        ? joinPath(place, applicationData(place), 'Zed', 'settings.json')
        : joinPath(
            place,
            place.platform === 'darwin' ? joinPath(place, place.home, '.config') : xdgConfig(place),
            'zed',
            'settings.json',
          ),
    project: (place) => joinPath(place, place.project, '.zed', 'settings.json'),
  },
  signs: (place) =>
    place.platform === 'win32'
      ? [joinPath(place, applicationData(place), 'Zed')]
      : [joinPath(place, xdgConfig(place), 'zed')],
  stdio: commandLine,
  // Zed sends headers as they stand, so a reference to a variable would never become the key: the bridge it is.
  check: 'The settings of the Agent Panel show a green dot beside the server.',
  reload: 'Zed notices the file by itself.',
}

const jetbrains: Client = {
  id: 'jetbrains',
  title: 'JetBrains (Junie)',
  format: 'json',
  container: 'mcpServers',
  file: {
    user: (place) => joinPath(place, place.home, '.junie', 'mcp', 'mcp.json'),
    project: (place) => joinPath(place, place.project, '.junie', 'mcp', 'mcp.json'),
  },
  signs: (place) => [
    joinPath(place, place.home, '.junie'),
    joinPath(place, applicationData(place), 'JetBrains'),
  ],
  stdio: commandLine,
  check: 'Settings, Tools, Junie, MCP Settings: the server is listed as started.',
  reload:
    'Junie notices the file. AI Assistant keeps its servers elsewhere: paste the snippet under Settings, Tools, AI Assistant, Model Context Protocol.',
}

export const clients: readonly Client[] = [
  claudeCode,
  claudeDesktop,
  cursor,
  vscode,
  codex,
  gemini,
  opencode,
  windsurf,
  zed,
  jetbrains,
]

export const findClient = (id: string): Client | undefined => clients.find((client) => client.id === id)

export const scopesOf = (client: Client): Scope[] => (client.file.project ? ['user', 'project'] : ['user'])

/** Only the default variable can be handed on without naming it in the file. */
export const handsOnKey = (key: KeySource): boolean => key.kind === 'text' || key.name === keyVariable
