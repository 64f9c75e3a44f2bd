import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { requirements } from './requirements.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** `it('…'`, `it.each(…)('…'`, `test.skipIf(…)("…"`: the title is the second group. */
const titles =
  /(?<![\w.])(?:it|test)(?:\.\w+(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))?)*\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gs
const idsAtEnd = /((?:\s*\[[a-z][a-z-]*\.[a-z0-9.-]+\])+)$/

const idsOf = (source: string): string[] =>
  [...source.matchAll(titles)].flatMap(([, , title = '']) =>
    [...(idsAtEnd.exec(title)?.[1] ?? '').matchAll(/\[([^\]]+)\]/g)].map((match) => match[1] ?? ''),
  )

const testFiles = async () => {
  const folders = ['e2e', ...(await readdir(join(root, 'packages'))).map((name) => join('packages', name))]
  const paths: string[] = []
  for (const folder of folders)
    for (const part of folder === 'e2e' ? ['.'] : ['src', 'test']) {
      const entries = await readdir(join(root, folder, part), { recursive: true }).catch(() => [])
      paths.push(...entries.map((entry) => join(root, folder, part, entry)))
    }
  // This file holds titles of no test.
  return paths.filter((path) => path.endsWith('.test.ts') && path !== import.meta.filename)
}

describe('requirements', () => {
  const tested = new Map<string, string[]>()

  beforeAll(async () => {
    for (const path of await testFiles())
      for (const id of idsOf(await readFile(path, 'utf8'))) tested.set(id, [...(tested.get(id) ?? []), path])
  })

  it('are read from titles of every form', () => {
    const source = [
      `it('plain [a.one]', () => {})`,
      `it.each(engines)("each, with 'quotes' [a.two]", { timeout: 5 }, () => {})`,
      'it.skipIf(f(g(1)))(\n  `template ${x} [a.three] [a.four]`,\n  () => {})',
      `it('not [at.the] end', () => {})`,
      `expect(await it_('no [a.five]'))`,
    ]
    expect(idsOf(source.join('\n'))).toEqual(['a.one', 'a.two', 'a.three', 'a.four'])
  })

  it('each have an id of their own and a sentence', () => {
    const ids = requirements.map(({ id }) => id)
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
    for (const { id, sentence, source } of requirements) {
      expect(id).toMatch(/^[a-z]+\.[a-z0-9-]+$/)
      expect(sentence, id).toMatch(/^[A-Z].{10,}\.$|^[a-z]\S* .{10,}\.$/)
      expect(source, id).not.toBe('')
    }
  })

  it('each have a test that names them', () => {
    expect(requirements.map(({ id }) => id).filter((id) => !tested.has(id))).toEqual([])
  })

  it('are known to every test that names one', () => {
    const known = new Set(requirements.map(({ id }) => id))
    const unknown = [...tested]
      .filter(([id]) => !known.has(id))
      .map(([id, paths]) => `${id} in ${relative(root, paths[0] ?? '')}`)
    expect(unknown, 'add the requirement to test/requirements.ts').toEqual([])
  })
})
