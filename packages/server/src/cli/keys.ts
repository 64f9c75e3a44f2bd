/** `stackmemory keys`: API keys of the organization. A key is shown once, when it is made. */
import { createApiKey } from '../auth/api-key.ts'
import type { ApiKey } from '../domain/accounts.ts'
import { scopes as knownScopes, type Scope } from '../domain/context.ts'
import { isUuid } from '../domain/refs.ts'
import { loadSecretKey } from '../secret-key.ts'
import { connectText } from './connect-text.ts'
import { dataError, print, printJson, usageError, type Io } from './io.ts'
import { chooseProject, withLocal } from './local.ts'
import { table } from './table.ts'

export interface CreateKeyOptions {
  name: string
  project?: string
  scopes: string
  expiresDays: string
  json?: boolean
}

const expiresDaysMax = 365
const nameCharsMax = 100
const dayMs = 24 * 60 * 60 * 1000

const parseScopes = (text: string): Scope[] => {
  const names = [
    ...new Set(
      text
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    ),
  ]
  const scopes = names.flatMap((name) => knownScopes.find((scope) => scope === name) ?? [])
  if (scopes.length === names.length && scopes.length > 0) return scopes
  throw usageError(`--scopes takes one or more of ${knownScopes.join(', ')}, separated by commas.`)
}

const parseExpiresDays = (text: string): number => {
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (days >= 1 && days <= expiresDaysMax) return days
  throw usageError(`--expires-days takes a whole number from 1 to ${expiresDaysMax}.`)
}

export const createKey = async (io: Io, options: CreateKeyOptions): Promise<void> => {
  const scopes = parseScopes(options.scopes)
  const days = parseExpiresDays(options.expiresDays)
  const name = options.name.trim()
  if (name === '' || name.length > nameCharsMax)
    throw usageError(`--name takes 1 to ${nameCharsMax} characters.`)
  await withLocal(io, { purpose: 'to make a key' }, async (local) => {
    const project = options.project === undefined ? undefined : await chooseProject(local, options.project)
    const key = createApiKey()
    const expiresAt = new Date(Date.now() + days * dayMs)
    await local.accounts.insertKey(
      {
        id: key.id,
        userId: local.principal.userId,
        organizationId: local.principal.organizationId,
        projectId: project?.id ?? null,
        keyHash: key.secretHash(await loadSecretKey(local.env)),
        hint: key.hint,
        name,
        scopes,
        expiresAt,
      },
      local.signal,
    )
    local.progress.done()
    if (options.json)
      return printJson(io, {
        id: key.id,
        key: key.key,
        name,
        project: project ? `${project.organizationSlug}/${project.slug}` : null,
        scopes,
        expiresAt: expiresAt.toISOString(),
      })
    const origin = local.env.PUBLIC_URL ?? `http://${local.env.HOST}:${local.env.PORT}`
    print(
      io,
      `Your API key "${name}", shown this once, valid until ${expiresAt.toISOString().slice(0, 10)}:\n\n    ${key.key}\n\n` +
        connectText(new URL('/mcp', origin).href, key.key),
    )
  })
}

const stateOf = (key: ApiKey, now: Date) => {
  if (key.revokedAt && key.revokedAt <= now) return 'revoked'
  return key.expiresAt && key.expiresAt <= now ? 'expired' : 'active'
}

const day = (date: Date | null, otherwise: string) => date?.toISOString().slice(0, 10) ?? otherwise

export const listKeys = async (io: Io, options: { json?: boolean }): Promise<void> =>
  withLocal(io, { purpose: 'to list its keys', mustExist: true }, async (local) => {
    const keys = await local.accounts.listKeys(local.principal.organizationId, local.signal)
    const projects = await local.accounts.listProjects(local.principal.organizationId, local.signal)
    const slugOf = (id: string | null) => projects.find((project) => project.id === id)?.slug ?? null
    const now = new Date()
    const rows = keys.map((key) => ({
      id: key.id,
      name: key.name,
      hint: key.hint,
      state: stateOf(key, now),
      project: key.projectId === null ? null : slugOf(key.projectId),
      scopes: key.scopes,
      createdAt: key.createdAt,
      expiresAt: key.expiresAt,
      lastUsed: key.lastUsed,
    }))
    local.progress.done()
    if (options.json) return printJson(io, { keys: rows })
    const head = ['Id', 'Name', 'Ends with', 'State', 'Project', 'Expires', 'Last used']
    const lines = rows.map((row) => [
      row.id,
      row.name,
      row.hint,
      row.state,
      row.project ?? 'all',
      day(row.expiresAt, 'never'),
      day(row.lastUsed, 'never'),
    ])
    print(
      io,
      rows.length ? table(head, lines) : 'There are no keys. Make one with "stackmemory keys create".',
    )
  })

export const revokeKey = async (io: Io, id: string, options: { json?: boolean }): Promise<void> => {
  if (!isUuid(id)) throw usageError('The id of a key is a UUID; "stackmemory keys list" shows it.')
  await withLocal(io, { purpose: 'to revoke the key', mustExist: true }, async (local) => {
    const at = new Date()
    const revoked = await local.accounts.revokeKey(local.principal.organizationId, id, at, local.signal)
    local.progress.done()
    if (!revoked)
      throw dataError('There is no key with this id that could be revoked. See "stackmemory keys list".')
    if (options.json) printJson(io, { id, revokedAt: at })
    else print(io, 'The key is revoked: no request is accepted with it any more.')
  })
}
