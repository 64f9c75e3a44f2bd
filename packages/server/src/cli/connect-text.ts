/** How to connect a client, as the first start and a new key show it: the command, or what to paste, key inside. */
import { findClient } from '../connect/clients.ts'
import { renderSnippet, thingsFor, wantedOf } from '../connect/edit.ts'
import { entryName } from '../connect/options.ts'
import { keyVariable, type RemoteTarget } from '../connect/target.ts'

/** The other clients have the same form or need the command. */
const shown = [
  { id: 'claude-code', where: '' },
  { id: 'cursor', where: ' (~/.cursor/mcp.json)' },
  { id: 'vscode', where: '' },
  { id: 'codex', where: ' (~/.codex/config.toml)' },
]

const describe = (id: string, where: string, target: RemoteTarget): string[] => {
  const client = findClient(id)
  if (!client) return []
  const command = client.ownCommand?.(entryName, 'user', wantedOf(client, target, process.platform))
  const text = command ?? renderSnippet(client, thingsFor(client, entryName, target, process.platform), true)
  return [`  ${client.title}${where}`, ...text.split('\n').map((line) => `    ${line}`), '']
}

export const connectText = (mcpUrl: string, key: string): string => {
  const target: RemoteTarget = { kind: 'remote', version: '', url: mcpUrl, key: { kind: 'text', text: key } }
  return [
    'Connect a client: set the key where the client is started, and let this write its configuration',
    '(without a client it lists them; --dry-run shows the change, --undo takes it back):',
    '',
    `    export ${keyVariable}=${key}`,
    `    npx stackmemory connect claude-code --url ${mcpUrl}`,
    '',
    'Or paste, with the key inside:',
    '',
    ...shown.flatMap(({ id, where }) => describe(id, where, target)),
    '  Any other client: Streamable HTTP at',
    `    ${mcpUrl}`,
    '    with the header "Authorization: Bearer <the key>".',
  ].join('\n')
}
