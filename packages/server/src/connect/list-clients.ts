/** Which clients there are, which of them are on this machine, and which are connected. */
import { existsSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { print, printJson, type Io } from '../cli/io.ts'
import { clients, scopesOf, type Client } from './clients.ts'
import { readConfig } from './config-file.ts'
import { readEntry } from './edit.ts'
import { parseName, type ConnectOptions } from './options.ts'
import { herePlace, type Place } from './place.ts'

export interface ListedClient {
  client: string
  title: string
  /** What showed that it is here: a program or a folder. */
  found?: string
  files: { scope: string; file: string; isConnected: boolean; problem?: string }[]
}

const findProgram = (name: string, { env, platform }: Place): string | undefined => {
  const endings = platform === 'win32' ? ['.exe', '.cmd', '.bat'] : ['']
  for (const folder of (env['PATH'] ?? '').split(delimiter))
    for (const ending of endings) {
      const path = join(folder, `${name}${ending}`)
      if (folder !== '' && existsSync(path)) return path
    }
  return undefined
}

const findClientHere = (client: Client, place: Place): string | undefined =>
  (client.program === undefined ? undefined : findProgram(client.program, place)) ??
  client.signs(place).find((path) => existsSync(path))

const look = async (client: Client, place: Place, name: string): Promise<ListedClient> => {
  const files = await Promise.all(
    scopesOf(client).map(async (scope) => {
      const file = client.file[scope]?.(place) ?? ''
      try {
        const { text } = await readConfig(file)
        const entry = readEntry(client.format, text, { container: client.container, name, value: {} })
        return { scope, file, isConnected: entry !== undefined }
      } catch (error) {
        return {
          scope,
          file,
          isConnected: false,
          problem: error instanceof Error ? error.message : String(error),
        }
      }
    }),
  )
  const found = findClientHere(client, place)
  return { client: client.id, title: client.title, ...(found === undefined ? {} : { found }), files }
}

export const listClients = async (place: Place, name: string): Promise<ListedClient[]> =>
  Promise.all(clients.map(async (client) => look(client, place, name)))

const stateOf = ({ files, found }: ListedClient) => {
  const connected = files.filter(({ isConnected }) => isConnected).map(({ scope }) => scope)
  if (connected.length > 0) return `connected (${connected.join(', ')})`
  if (files.some(({ problem }) => problem !== undefined)) return 'unreadable configuration'
  return found === undefined ? 'not found' : 'found'
}

export const presentClients = async (io: Io, options: ConnectOptions, program: string): Promise<void> => {
  const place = herePlace(io.env, resolve(io.cwd, options.directory ?? '.'))
  const listed = await listClients(place, parseName(options.name))
  if (options.json) return printJson(io, { clients: listed })
  const width = (key: 'client' | 'title') => Math.max(...listed.map((each) => each[key].length)) + 2
  for (const each of listed)
    print(io, `${each.client.padEnd(width('client'))}${each.title.padEnd(width('title'))}${stateOf(each)}`)
  print(io, `\nConnect one with: ${program} connect <client>`)
}
