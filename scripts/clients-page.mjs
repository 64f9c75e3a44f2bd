/** docs/clients.md, one section per client, from packages/server/src/connect. Used by generate-docs.mjs. */

/** The address that the examples connect to. */
const url = 'https://memory.example.com/mcp/acme/shop'

const realClient = (program, how) =>
  `with the real ${program}, from npm on Linux: ${how}. The same for a server at a URL, with the key from the environment; with a wrong key it says that it is not connected.`
const formatOnly = (why) =>
  `not with the real client, ${why}. The format is that of its documentation; reading, writing and undoing of its file are tested.`

/** What was tried with the client itself. `npm run test:clients` repeats it. */
const verified = {
  'claude-code': realClient('Claude Code 2.1', '`claude mcp list` says that it is connected'),
  'claude-desktop': formatOnly('which is a desktop program'),
  cursor: formatOnly('which is a desktop program'),
  vscode: formatOnly('which needs a desktop and an account'),
  codex: realClient('Codex 0.169', 'its app server connects and is offered the tools'),
  gemini: realClient('Gemini CLI 0.61', '`gemini mcp list` says that it is connected'),
  opencode: realClient('OpenCode 1.18', '`opencode mcp list` says that it is connected'),
  windsurf: formatOnly('which is a desktop program'),
  zed: formatOnly('which is a desktop program'),
  jetbrains: formatOnly('which is a plugin of desktop programs'),
}

const fence = (language, text) => `\`\`\`${language}\n${text}\n\`\`\``

const places = [
  { title: 'Linux', platform: 'linux', home: '~', env: {} },
  { title: 'macOS', platform: 'darwin', home: '~', env: {} },
  {
    title: 'Windows',
    platform: 'win32',
    home: '%USERPROFILE%',
    env: { APPDATA: '%APPDATA%', LOCALAPPDATA: '%LOCALAPPDATA%' },
  },
]

const describeFiles = (client) => {
  const files = places.map((place) => ({ ...place, file: client.file.user({ ...place, project: '' }) }))
  const user = [...new Set(files.map(({ file }) => file))].map((file) => {
    const titles = files.filter((each) => each.file === file).map(({ title }) => title)
    return `\`${file}\` (${titles.join(', ')})`
  })
  const project = client.file.project?.({ platform: 'linux', home: '~', env: {}, project: '' })
  return `${user.join('; ')}${project ? `. Per project, with \`--scope project\`: \`${project}\`` : ''}.`
}

const section = ({ connect, version }, client) => {
  const { findClient, renderSnippet, thingsFor, wantedOf, entryName } = connect
  const key = client.keyNeedsFile
    ? { kind: 'text', text: '<key>' }
    : { kind: 'variable', name: 'STACKMEMORY_API_KEY', isDefault: true }
  const local = { kind: 'local', version }
  const remote = { kind: 'remote', version, url, key }
  const snippet = (target) =>
    fence(client.format, renderSnippet(findClient(client.id), thingsFor(client, entryName, target, 'linux')))
  const own = [local, remote]
    .map((target) => client.ownCommand?.(entryName, 'user', wantedOf(client, target, 'linux')))
    .filter((command) => command !== undefined)
  return [
    `## ${client.title}`,
    fence('sh', `npx stackmemory connect ${client.id}`),
    snippet(local),
    'For a server:',
    fence(
      'sh',
      `npx stackmemory connect ${client.id} --url ${url}${client.keyNeedsFile ? ' --key-in-file' : ''}`,
    ),
    snippet(remote),
    ...(client.keyNeedsFile ? [client.keyNeedsFile] : []),
    ...(own.length > 0 ? [`Its own command for the same:`, fence('sh', own.join('\n'))] : []),
    [
      `- **File:** ${describeFiles(client)}`,
      `- **Then:** ${client.reload}`,
      `- **Check:** ${client.check}`,
      `- **Undo:** \`npx stackmemory connect ${client.id} --undo\`.`,
      `- **Tried:** ${verifiedOf(client)}`,
    ].join('\n'),
  ].join('\n\n')
}

const verifiedOf = ({ id }) => {
  if (!Object.hasOwn(verified, id))
    throw new Error(`The client ${id} has no sentence in scripts/clients-page.mjs. Add one.`)
  return verified[id]
}

export const renderClients = (sources, page) =>
  page(
    '# Clients',
    'The command writes one entry into the configuration of a client, and takes out that entry again. Without a client it lists the clients and says which of them are on this machine. `npx @stackmemoryai/mcp-server connect <client>` is the same command without a checkout.',
    fence(
      'sh',
      [
        'npx stackmemory connect',
        'npx stackmemory connect claude-code --dry-run',
        'npx stackmemory connect claude-code',
        'npx stackmemory connect claude-code --undo',
      ].join('\n'),
    ),
    [
      '- **Memory on this machine** needs no key. The client starts the bridge, of the version that wrote the entry unless `--latest` was given. On Windows the entry begins with `cmd /c`. In a checkout that nobody published, `--bridge packages/bridge/dist/mcp-server.js` starts that file.',
      '- **A server** is given with `--url`, and one of its projects with `--project organization/project`. The key is never written: the entry names the variable `STACKMEMORY_API_KEY` (another with `--key-env`), or the client asks for it. `--key-in-file` writes it after all, into a file that then only you can read.',
      '- **Nothing else changes.** Comments, order, layout, line ends, permissions and symbolic links stay. The first change leaves a copy beside the file. A malformed file is reported with line and column, and a read-only one is left alone. An entry of the same name that the command did not write stays; `--name` chooses another name.',
      '- **`--undo`** gives back the very bytes that were there, or takes out only the entry when something else changed since. An entry that was changed by hand is shown and stays. What was written is noted, without the key, under `~/.config/stackmemory/connections` (`~/Library/Application Support` on macOS, `%APPDATA%` on Windows).',
      '- **`--print`** prints only the snippet, `--dry-run` the change, `--json` the result for programs. Options are in [cli.md](cli.md).',
    ].join('\n'),
    ...sources.clients.map((client) => section(sources, client)),
    '## Other clients',
    `A client that speaks Streamable HTTP is given the URL and the header \`Authorization: Bearer <key>\`. One that only starts programs is given \`npx -y @stackmemoryai/mcp-server@${sources.version}\`, with \`STACKMEMORY_ENDPOINT\` and \`STACKMEMORY_API_KEY\` in its environment for a server.`,
    '## Trying the real clients',
    '`npm run test:clients` installs Claude Code, Codex, Gemini CLI and OpenCode into a throw-away folder, connects each to both kinds of memory, has the client itself say whether it is connected, and undoes it. No account is needed.',
  )
