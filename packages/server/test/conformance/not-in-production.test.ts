import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const server = fileURLToPath(new URL('../../', import.meta.url))
const fixtures = join(server, 'test/conformance/fixtures')

const filesUnder = (folder: string, suffix: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(suffix))
    .map((path) => join(folder, path))

/** The fixed names that the runner looks for, and the one function that registers them. */
function fixtureNames(): string[] {
  const text = filesUnder(fixtures, '.ts')
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n')
  return [...text.matchAll(/\btest_[a-z]\w+|test:\/\/[\w-]+|\bregisterConformanceFixtures\b/g)].map(
    ([name]) => name,
  )
}

describe('the conformance fixtures', () => {
  it('are unknown to every production source: no import, no name, no switch [mcp.conformance]', () => {
    const names = fixtureNames()
    expect(names).toEqual(expect.arrayContaining(['test_simple_text', 'registerConformanceFixtures']))
    const sources = filesUnder(join(server, 'src'), '.ts').filter((path) => !path.endsWith('.test.ts'))
    const offenders = sources.filter((path) => {
      const text = readFileSync(path, 'utf8')
      return /\btest\/conformance\b|\bconformance\//.test(text) || names.some((name) => text.includes(name))
    })
    expect(offenders.map((path) => relative(server, path))).toEqual([])
  })

  it('are outside of what is built [mcp.conformance]', () => {
    const compiler = fileURLToPath(new URL('../../../../node_modules/typescript/bin/tsc', import.meta.url))
    const { stdout } = spawnSync(process.execPath, [compiler, '-p', server, '--listFilesOnly'], {
      encoding: 'utf8',
    })
    const listed = stdout.split('\n').filter((path) => path.includes('packages/server/'))
    expect(listed.some((path) => path.endsWith('src/http/app.ts'))).toBe(true)
    expect(listed.filter((path) => path.includes('/test/'))).toEqual([])
  })

  it('are refused as an import by the compiler settings of the build', () => {
    const settings = readFileSync(join(server, 'tsconfig.json'), 'utf8')
    expect(settings).toMatch(/"rootDir":\s*"src"/)
    if (!existsSync(join(server, 'dist'))) return
    const built = filesUnder(join(server, 'dist'), '.js').filter((path) =>
      readFileSync(path, 'utf8').includes('registerConformanceFixtures'),
    )
    expect(built).toEqual([])
  })
})
