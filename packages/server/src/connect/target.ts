/** What a client shall be connected to, and how it is told the key. */

export const bridgePackage = '@stackmemoryai/mcp-server'
export const keyVariable = 'STACKMEMORY_API_KEY'

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json }
export type JsonObject = { [name: string]: Json }

/** The name of an environment variable, or, only when the person asked for it, the key itself. */
export type KeySource =
  | { kind: 'variable'; name: string; isDefault: boolean }
  | { kind: 'text'; text: string }

/** Memory on this machine: the client starts the bridge, and the bridge finds or starts the owner of the memory. */
export interface LocalTarget {
  kind: 'local'
  /** Version of the bridge; the same one every time the client starts. */
  version: string
  /** A file to start with this Node in place of the package, as in a checkout. */
  bridge?: string
  dataDir?: string
}

/** A server at a URL. The version is for clients that need the bridge to reach one. */
export interface RemoteTarget {
  kind: 'remote'
  version: string
  bridge?: string
  url: string
  key: KeySource
}

export type Target = LocalTarget | RemoteTarget

/** How a client starts the bridge. */
export interface Start {
  command: string
  args: string[]
  env: Record<string, string>
}

/** On Windows `npx` is a script, which only the command interpreter can start. */
const npx = (version: string, platform: NodeJS.Platform): string[] => [
  ...(platform === 'win32' ? ['cmd', '/c'] : []),
  'npx',
  '-y',
  `${bridgePackage}@${version}`,
]

export const startOf = (target: Target, platform: NodeJS.Platform): Start => {
  const [command = '', ...args] = target.bridge
    ? [process.execPath, target.bridge]
    : npx(target.version, platform)
  if (target.kind === 'local')
    return { command, args, env: target.dataDir === undefined ? {} : { DATA_DIR: target.dataDir } }
  const env: Record<string, string> = { STACKMEMORY_ENDPOINT: target.url }
  if (target.key.kind === 'text') env[keyVariable] = target.key.text
  return { command, args, env }
}
