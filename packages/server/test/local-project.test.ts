import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Principal } from '../src/domain/context.ts'
import {
  openRepositoryProject,
  type RepositoryProjectInput,
} from '../src/domain/project/repository-project.ts'
import { createLocalFetch } from '../src/local/local-fetch.ts'
import { runCommand, startCommand } from './harness/fake-io.ts'
import { engines } from './harness/test-database.ts'
import { createServedWorld, type ServedWorld } from './support/served-world.ts'
import { refusal } from './support/world.ts'
import { readLock } from '../src/local/owner.ts'

const signal = AbortSignal.timeout(120_000)

describe.each(engines)('the project of a repository on %s', (engine) => {
  let world: ServedWorld
  let owner: Principal
  let outsider: Principal
  beforeAll(async () => {
    world = await createServedWorld(engine)
    owner = world.as(world.acme.people.owner).principal
    outsider = world.as(world.globex.people.owner).principal
  })
  afterAll(async () => world.close())

  const open = async (input: RepositoryProjectInput, principal = owner) =>
    openRepositoryProject(world.accounts, { principal, newId: uuidv7, signal }, input)

  it('is made once, however many ask at once and however they write its remote [local.project]', async () => {
    const forms = [
      'https://github.com/ana/harbor',
      'git@github.com:ana/harbor.git',
      'ssh://git@ssh.github.com:443/Ana/Harbor.git',
    ]
    const found = await Promise.all([...forms, ...forms].map(async (repository) => open({ repository })))
    expect(new Set(found.map((project) => project.id)).size).toBe(1)
    expect(found[0]).toMatchObject({ slug: 'harbor', name: 'harbor', organizationId: world.acme.id })
  })

  it('has a name of its own when another repository has that one [local.project]', async () => {
    const slugs: string[] = []
    for (const repository of [
      'https://example.org/ana/Straße',
      'https://example.org/ben/Straße',
      'https://other.example.org/ben/Straße',
      `local:${'a'.repeat(32)}`,
      `local:${'b'.repeat(32)}`,
    ])
      slugs.push(
        (await open({ repository, name: repository.startsWith('local:') ? '日本' : undefined })).slug,
      )
    expect(slugs).toEqual(['stra-e', 'ben-stra-e', 'stra-e-2', 'project', 'project-2'])
  })

  it('stays when the repository gets a remote, and is not given to what lies there later [local.project]', async () => {
    const localIdentity = `local:${'c'.repeat(32)}`
    const before = await open({ repository: localIdentity, localIdentity, name: 'young' })
    const after = await open({ repository: 'https://github.com/ana/young', localIdentity, name: 'young' })
    expect(after.id).toBe(before.id)
    const other = await open({ repository: 'https://github.com/ana/another', localIdentity })
    expect(other.id).not.toBe(before.id)
    expect((await open({ repository: 'github.com/ana/young' })).id).toBe(before.id)
  })

  it('is the default one without a repository, and none for what is no repository [local.project]', async () => {
    expect((await open({})).slug).toBe('main')
    expect(await refusal(open({ repository: '/etc/passwd' }))).toMatchObject({ code: 'invalid_input' })
    const secret = ['ghp', '16C7e42F292c6912E7710c838347Ae178B4a'].join('_')
    expect(
      (await open({ repository: 'https://github.com/ana/named', name: `it ${secret}\n# Obey` })).name,
    ).not.toMatch(/ghp_|\n/)
    const member = world.as(world.acme.people.member).principal
    expect(await refusal(open({ repository: 'https://github.com/ana/new' }, member))).toMatchObject({
      code: 'forbidden',
    })
  })

  it('is another in another organization, and made anew when it was removed [local.project]', async () => {
    const repository = 'https://github.com/ana/shared'
    const [ours, theirs] = [await open({ repository }), await open({ repository }, outsider)]
    expect(theirs.organizationId).toBe(world.globex.id)
    expect(theirs.id).not.toBe(ours.id)
    await world.test.pool.query('update projects set deleted_at = now(), slug = $2 where id = $1', [
      ours.id,
      'gone',
    ])
    const next = await open({ repository })
    expect(next.id).not.toBe(ours.id)
    expect((await open({ repository })).id).toBe(next.id)
    expect((await open({ repository }, outsider)).id).toBe(theirs.id)
  })

  /** What each caller gets of a repository that belongs to a project of the first organization. */
  const cells = [
    ['owner', 'repository'],
    ['admin', 'repository'],
    ['member', 'repository'],
    ['viewer', 'repository'],
    ['read_only_key', 'repository'],
    ['no_scope', 'forbidden'],
    ['key_of_that_project', 'repository'],
    ['key_of_another_project', 'own'],
    ['other_tenant', 'own'],
    ['anonymous', '401'],
  ] as const

  it.each(cells)(
    'in the header X-StackMemory-Repository gives %s: %s [local.project]',
    async (actor, outcome) => {
      const { people } = world.acme
      const repository = 'https://github.com/ana/matrix'
      const project = await open({ repository })
      const [main] = await world.accounts.listProjects(world.acme.id, signal)
      await world.user(world.owner, { project }).decide({ content: 'The canary of the matrix sings' })
      const keyOf = {
        owner: async () => world.createKey(people.owner),
        admin: async () => world.createKey(people.admin),
        member: async () => world.createKey(people.member),
        viewer: async () => world.createKey(people.viewer),
        read_only_key: async () => world.createKey(people.member, { scopes: ['memory:read'] }),
        no_scope: async () => world.createKey(people.member, { scopes: [] }),
        key_of_that_project: async () => world.createKey(people.member, { projectId: project.id }),
        key_of_another_project: async () => world.createKey(people.member, { projectId: main?.id }),
        other_tenant: async () => world.createKey(world.globex.people.owner),
        anonymous: async () => ({ key: undefined }),
      }
      const { key } = await keyOf[actor]()
      const search = async (named: string) => {
        const response = await fetch(new URL('/mcp', world.url), {
          method: 'POST',
          headers: {
            accept: 'application/json, text/event-stream',
            'content-type': 'application/json',
            'mcp-protocol-version': '2026-07-28',
            'mcp-method': 'tools/call',
            'mcp-name': 'search_memory',
            'x-stackmemory-repository': named,
            ...(key !== undefined && { authorization: `Bearer ${key}` }),
          },
          body: JSON.stringify({
            jsonrpc: '2.0',
            id: 1,
            method: 'tools/call',
            params: {
              name: 'search_memory',
              arguments: { query: 'canary of the matrix' },
              _meta: {
                'io.modelcontextprotocol/protocolVersion': '2026-07-28',
                'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
                'io.modelcontextprotocol/clientCapabilities': {},
              },
            },
          }),
        })
        return { status: response.status, text: await response.text() }
      }
      const given = await search('git@github.com:ana/matrix.git')
      // For those who may not enter, it is as if nobody had ever heard of the repository.
      const unknown = await search('https://github.com/nobody/nothing')
      const withoutIds = (text: string) => text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>')
      if (outcome === '401') expect(given.status).toBe(401)
      else if (outcome === 'repository') expect(given.text).toContain('canary')
      else expect(given.text).not.toContain('The canary of the matrix')
      if (outcome === 'forbidden') expect(given.text).toContain('forbidden')
      if (outcome === 'own') expect(withoutIds(given.text)).toBe(withoutIds(unknown.text))
    },
  )
})

describe('POST /local/project', { timeout: 120_000 }, () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'local-project-'))
  })
  afterAll(async () => rm(folder, { recursive: true }))

  it('answers with the path of the project, on the private address only [local.project]', async () => {
    const env = { DATA_DIR: join(folder, 'data'), XDG_RUNTIME_DIR: folder, PORT: '0' }
    await runCommand(env, 'projects', 'create', 'kept', '--repository', 'https://github.com/ana/kept')
    expect((await runCommand(env, 'projects', 'create', 'x', '--repository', 'ana')).exitCode).toBe(2)
    const again = await runCommand(env, 'projects', 'create', 'x', '--repository', 'github.com/ana/kept')
    expect(again).toMatchObject({
      exitCode: 65,
      stderr: expect.stringContaining('belongs to the project kept'),
    })
    const server = await startCommand(env, /Press Ctrl/, 'serve')
    try {
      const local = createLocalFetch(readLock(env.DATA_DIR)?.info['local'] ?? '')
      const post = async (body: object) => {
        const response = await local('/local/project', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
        const answer: unknown = await response.json()
        return [response.status, answer]
      }
      expect(await post({})).toEqual([200, { organization: 'personal', project: 'default', name: 'Default' }])
      expect(await post({ repository: 'git@github.com:ana/kept.git' })).toEqual([
        200,
        { organization: 'personal', project: 'kept', name: 'kept' },
      ])
      expect(await post({ repository: 'https://github.com/ana/shop', name: 'Harbor shop' })).toEqual([
        200,
        { organization: 'personal', project: 'harbor-shop', name: 'Harbor shop' },
      ])
      expect(await post({ repository: 7 })).toMatchObject([400, { code: 'invalid_input' }])
      expect(await post({ repository: 'nothing' })).toMatchObject([400, { code: 'invalid_input' }])
      const url = /running at (\S+)/.exec(server.stdout())?.[1] ?? ''
      expect((await fetch(new URL('/local/project', url), { method: 'POST', body: '{}' })).status).toBe(404)
    } finally {
      await server.end()
    }
  })
})
