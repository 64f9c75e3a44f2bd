/** The same few things on a file of either format: what stands there, add ours, take ours out. */
import { createHash } from 'node:crypto'
import type { Client, Wanted } from './clients.ts'
import { addThing, isEmptyJson, readThing, removeThing, type Added, type Thing } from './json-file.ts'
import { startOf, type Json, type JsonObject, type Target } from './target.ts'
import { addTable, isBlockUntouched, readTable, removeTable, renderTable } from './toml-file.ts'

/** A client that can't speak to a server by itself, or can't be given the key, starts the bridge. */
export const wantedOf = (client: Client, target: Target, platform: NodeJS.Platform): Wanted =>
  target.kind === 'remote' && client.http
    ? { kind: 'http', url: target.url, key: target.key }
    : { kind: 'stdio', start: startOf(target, platform) }

/** What a client needs in its file, the entry of the server first. */
export const thingsFor = (
  client: Client,
  name: string,
  target: Target,
  platform: NodeJS.Platform,
): [Thing, ...Thing[]] => {
  const wanted = wantedOf(client, target, platform)
  const { container } = client
  if (wanted.kind === 'stdio' || !client.http)
    return [{ container, name, value: client.stdio(startOf(target, platform)) }]
  const extra = client.extra?.(wanted.key)
  const value = client.http(wanted.url, wanted.key)
  return [{ container, name, value }, ...(extra ? [extra] : [])]
}

type Format = Client['format']

const isNamed = (thing: Thing): thing is Thing & { name: string } => thing.name !== undefined

export const readEntry = (format: Format, text: string, thing: Thing): Json | undefined =>
  format === 'toml' ? (isNamed(thing) ? readTable(text, thing) : undefined) : readThing(text, thing)?.value

/** Whether somebody wrote into it: a comment, or another layout between our marks. */
export const isAnnotated = (format: Format, text: string, thing: Omit<Thing, 'value'>, value: JsonObject) => {
  if (format === 'toml')
    return thing.name === undefined || !isBlockUntouched(text, { ...thing, name: thing.name, value })
  return readThing(text, { ...thing, value })?.hasComments !== false
}

export const addEntry = (format: Format, text: string, thing: Thing): Added =>
  format === 'toml' && isNamed(thing) ? addTable(text, thing) : addThing(text, thing)

export const removeEntry = (format: Format, text: string, thing: Thing, isContainerOurs: boolean): string =>
  format === 'toml'
    ? isNamed(thing)
      ? removeTable(text, thing)
      : text
    : removeThing(text, thing, isContainerOurs)

export const isEmpty = (format: Format, text: string): boolean =>
  format === 'toml' ? text.trim() === '' : isEmptyJson(text)

/** What a person would paste, or reads in the documents: the whole file if it held nothing else. */
export const renderSnippet = (client: Client, things: readonly Thing[], isOneLine = false): string => {
  if (client.format === 'toml')
    return things
      .filter(isNamed)
      .map((thing) => renderTable(thing))
      .join('\n\n')
  const whole: JsonObject = {}
  for (const { container, name, value } of things)
    whole[container] = name === undefined ? [value] : { [name]: value }
  return JSON.stringify(whole, null, isOneLine ? 0 : 2)
}

export const fingerprint = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex')
