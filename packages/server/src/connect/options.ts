/** From what a person typed to what shall be connected. Every mistake is one sentence. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { usageError } from '../cli/io.ts'
import { isLoopback } from '../local/endpoint-variables.ts'
import { clients, findClient, handsOnKey, scopesOf, type Client, type Scope } from './clients.ts'
import { keyVariable, type KeySource, type Target } from './target.ts'

export interface ConnectOptions {
  url?: string
  project?: string
  scope?: string
  name?: string
  keyEnv?: string
  keyInFile?: boolean
  dataDir?: string
  bridge?: string
  latest?: boolean
  directory?: string
  dryRun?: boolean
  print?: boolean
  undo?: boolean
  json?: boolean
}

/** Name of our entry when the person gives none. */
export const entryName = 'stackmemory'

export const parseClient = (id: string): Client => {
  const client = findClient(id)
  if (client) return client
  throw usageError(`there is no client "${id}". Known are: ${clients.map((each) => each.id).join(', ')}.`)
}

export const parseScope = (client: Client, scope: string | undefined): Scope => {
  const scopes = scopesOf(client)
  const found = scopes.find((each) => each === (scope ?? 'user'))
  if (found) return found
  throw usageError(
    scope === 'project'
      ? `${client.title} has no configuration per project; leave --scope out.`
      : '--scope takes user or project.',
  )
}

/** A name that every client takes, and that cannot be taken for syntax in any of the files. */
export const parseName = (name: string | undefined): string => {
  if (name === undefined) return entryName
  if (/^[a-z][a-z0-9_-]{0,39}$/.test(name)) return name
  throw usageError('--name takes 1 to 40 of a to z, 0 to 9, _ and -, beginning with a letter.')
}

const parseUrl = (text: string, project: string | undefined): string => {
  if (!URL.canParse(text))
    throw usageError('--url takes a whole address, such as https://memory.example.com/mcp.')
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    throw usageError('--url must hold no name, password or key; they would stand in the file and in logs.')
  const isAllowed = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
  if (!isAllowed)
    throw usageError('--url must begin with https://, because the key travels with every request.')
  for (const name of url.searchParams.keys())
    if (name !== 'readonly' && name !== 'tools')
      throw usageError('--url may end in ?readonly=1 or ?tools=…, and in nothing else.')
  if (url.pathname === '/') url.pathname = '/mcp'
  url.hash = ''
  return withProject(url, project).href
}

const withProject = (url: URL, project: string | undefined): URL => {
  if (project === undefined) return url
  if (!/^[a-z0-9-]+\/[a-z0-9-]+$/.test(project))
    throw usageError('--project takes organization/project, as "projects list" shows them.')
  if (!/\/mcp\/?$/.test(url.pathname))
    throw usageError('--url names a project already; give it without --project, or end it in /mcp.')
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${project}`
  return url
}

const parseKey = (
  client: Client,
  scope: Scope,
  options: ConnectOptions,
  env: NodeJS.ProcessEnv,
): KeySource => {
  const name = options.keyEnv ?? keyVariable
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(name))
    throw usageError('--key-env takes the name of a variable, not the key itself.')
  if (!options.keyInFile) {
    const key: KeySource = { kind: 'variable', name, isDefault: options.keyEnv === undefined }
    if (client.http) return key
    if (client.keyNeedsFile) throw usageError(client.keyNeedsFile)
    if (handsOnKey(key)) return key
    throw usageError(`${client.title} can only hand on the variable ${keyVariable}; leave --key-env out.`)
  }
  if (scope === 'project')
    throw usageError(
      '--key-in-file is refused for --scope project: that file is shared with everybody who has the repository.',
    )
  const text = env[name] ?? (options.keyEnv === undefined ? env['RUNWAY_API_KEY'] : undefined)
  if (text === undefined || text === '')
    throw usageError(`--key-in-file takes the key from the variable ${name}, which is not set.`)
  if (!/^[\x21-\x7e]+$/.test(text))
    throw usageError(`${name} holds characters that no key has. Copy the key again.`)
  return { kind: 'text', text }
}

/** @throws usage error: one sentence that says which option is wrong and what it takes. */
export const parseTarget = (
  client: Client,
  scope: Scope,
  options: ConnectOptions,
  { env, cwd, version }: { env: NodeJS.ProcessEnv; cwd: string; version: string },
): Target => {
  const bridge = options.bridge === undefined ? undefined : resolve(cwd, options.bridge)
  if (bridge !== undefined && !existsSync(bridge)) throw usageError(`--bridge: there is no file ${bridge}.`)
  const common = { version: options.latest ? 'latest' : version, ...(bridge === undefined ? {} : { bridge }) }
  if (options.url !== undefined) {
    if (options.dataDir !== undefined)
      throw usageError('--data-dir is for memory on this machine, not for --url.')
    const url = parseUrl(options.url, options.project)
    return { kind: 'remote', ...common, url, key: parseKey(client, scope, options, env) }
  }
  for (const [name, value] of [
    ['--project', options.project],
    ['--key-env', options.keyEnv],
    ['--key-in-file', options.keyInFile],
  ] as const)
    if (value !== undefined)
      throw usageError(
        `${name} is for a server; give its address with --url. Memory on this machine finds the project by itself and needs no key.`,
      )
  return {
    kind: 'local',
    ...common,
    ...(options.dataDir === undefined ? {} : { dataDir: resolve(cwd, options.dataDir) }),
  }
}
