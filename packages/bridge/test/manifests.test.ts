import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

interface Manifests {
  readonly serverJson: (pkg: object) => Record<string, unknown>
  readonly mcpbManifest: (pkg: object, tools: readonly object[]) => Record<string, unknown>
}

const root = new URL('../../../', import.meta.url)
const script = new URL('scripts/bridge-manifests.mjs', root).href
const { serverJson, mcpbManifest } = (await import(script)) as Manifests
const readJson = (path: string) =>
  JSON.parse(readFileSync(new URL(path, root), 'utf8')) as Record<string, unknown>
const pkg = readJson('packages/bridge/package.json')

describe('what describes the bridge', () => {
  it('is made of its package.json: server.json of the registry [bridge.manifests]', () => {
    expect(readJson('packages/bridge/server.json'), 'run node scripts/build-mcpb.mjs').toEqual(
      serverJson(pkg),
    )
    // Limits of the registry's schema 2025-12-11.
    expect(serverJson(pkg)).toMatchObject({
      name: expect.stringMatching(/^[\w.-]+\/[\w.-]+$/),
      version: pkg['version'],
    })
    expect(String(serverJson(pkg)['description']).length).toBeLessThanOrEqual(100)
  })

  it('hides the key in every form that asks for it [bridge.manifests]', () => {
    expect(JSON.stringify(serverJson(pkg))).toMatch(/"STACKMEMORY_API_KEY"[^}]*"isSecret":true/)
    const manifest = mcpbManifest(pkg, [{ name: 'a', description: 'b', inputSchema: {} }])
    expect(manifest).toMatchObject({
      version: pkg['version'],
      tools: [{ name: 'a', description: 'b' }],
      user_config: { api_key: { sensitive: true } },
    })
    expect(JSON.stringify(manifest['tools'])).not.toContain('inputSchema')
  })
})
