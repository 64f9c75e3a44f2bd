/** The documents agree with the code, and every link and command in them exists. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { requirements } from './requirements.ts'

interface Generator {
  loadSources(load: (name: string) => Promise<unknown>): Promise<object>
  generateDocs(sources: object, readme: string): Record<string, string>
  commandNames(sources: object): string[]
}

const root = fileURLToPath(new URL('../../../', import.meta.url))
const generatorUrl = new URL('../../../scripts/generate-docs.mjs', import.meta.url)
const readText = async (path: string) => readFile(join(root, path), 'utf8').catch(() => '')

const notOurs = new Set(['node_modules', 'dist', '.git', 'coverage'])

const findFiles = async (folder: string, ending: string): Promise<string[]> => {
  const entries = await readdir(join(root, folder), { withFileTypes: true })
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return notOurs.has(entry.name) ? [] : findFiles(path, ending)
      return entry.name.endsWith(ending) ? [path] : []
    }),
  )
  return found.flat()
}

let generator: Generator
let sources: object
let documents: { path: string; text: string }[]
let packageScripts: Record<string, string>

beforeAll(async () => {
  generator = (await import(generatorUrl.href)) as Generator
  sources = await generator.loadSources(
    async (name) => import(new URL(`../src/${name}.ts`, import.meta.url).href),
  )
  const paths = await findFiles('', '.md')
  documents = await Promise.all(paths.map(async (path) => ({ path, text: await readText(path) })))
  const { scripts } = JSON.parse(await readText('package.json')) as { scripts: Record<string, string> }
  packageScripts = scripts
})

/** Blocks between fences that a reader pastes into a shell. */
const shellBlocks = (text: string) =>
  [...text.matchAll(/^```(?:sh|bash|console)\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '')

const shellLines = (text: string) =>
  shellBlocks(text)
    .flatMap((block) => block.split('\n'))
    .map((line) =>
      line
        .replace(/^\$ /, '')
        .replace(/\s+#.*$/, '')
        .trim(),
    )
    .filter((line) => line !== '' && !line.startsWith('#'))

/** As code hosts make them: lower case, no punctuation, hyphens for spaces. */
const anchorsOf = (text: string) =>
  new Set(
    [...text.matchAll(/^#{1,6} (.+)$/gm)].map((match) =>
      (match[1] ?? '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    ),
  )

const linksOf = (text: string) =>
  [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))

describe('the documents', () => {
  it('say what the code says; "npm run docs" writes them', async () => {
    const expected = generator.generateDocs(sources, await readText('README.md'))
    expect(Object.keys(expected).length).toBeGreaterThan(4)
    for (const [path, text] of Object.entries(expected)) expect(await readText(path), path).toBe(text)
  })

  it('link only to what is there', async () => {
    const broken: string[] = []
    let links = 0
    for (const { path, text } of documents)
      for (const target of linksOf(text)) {
        links += 1
        const [file = '', fragment] = target.split('#')
        const found = file === '' ? path : join(dirname(path), decodeURIComponent(file))
        if (!existsSync(join(root, found))) broken.push(`${path}: ${target}`)
        else if (fragment && !anchorsOf(await readText(found)).has(fragment))
          broken.push(`${path}: ${target}`)
      }
    expect(links).toBeGreaterThan(20)
    expect(broken).toEqual([])
  })

  it('name only scripts, commands and files that exist', () => {
    const commands = generator.commandNames(sources)
    const unknown: string[] = []
    for (const { path, text } of documents) {
      for (const [, name = ''] of text.matchAll(/npm run (?:--silent )?([\w:-]+)/g))
        if (!(name in packageScripts)) unknown.push(`${path}: npm run ${name}`)
      for (const [, words = ''] of text.matchAll(/(?:npx|`|\$) ?stackmemory((?: [a-z][a-z0-9-]*)+)/g))
        if (!commands.some((name) => `stackmemory${words} `.startsWith(`${name} `)))
          unknown.push(`${path}: stackmemory${words}`)
      for (const line of shellLines(text)) {
        const file = /\b(?:node|vitest run) (?:--\S+ )*([\w./-]+\.\w+)/.exec(line)?.[1]
        if (file !== undefined && !existsSync(join(root, file))) unknown.push(`${path}: ${line}`)
      }
    }
    expect(unknown).toEqual([])
  })

  it('cite only requirements that there are, each of which has a test', async () => {
    const known = new Set(requirements.map(({ id }) => id))
    const cited = [...(await readText('docs/security.md')).matchAll(/`([a-z]+\.[a-z-]+)`/g)].map(
      ([, id = '']) => id,
    )
    expect(cited.length).toBeGreaterThan(10)
    expect(cited.filter((id) => !known.has(id) && !existsSync(join(root, id)))).toEqual([])
  })

  it('give a reason for every dependency', async () => {
    const reasons = await readText('docs/adr/0007-dependencies.md')
    const names = await Promise.all(
      ['package.json', 'packages/server/package.json'].map(async (path) => {
        const manifest = JSON.parse(await readText(path)) as Record<
          string,
          Record<string, string> | undefined
        >
        return ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
          Object.keys(manifest[kind] ?? {}),
        )
      }),
    )
    expect(names.flat().length).toBeGreaterThan(10)
    expect(names.flat().filter((name) => !reasons.includes(`\`${name}\``))).toEqual([])
  })

  it('show in the README only npm and stackmemory commands that .ci/run runs', async () => {
    const run = `${await readText('.ci/run')}\n${await readText('.ci/quick-start.mjs')}`
    const reached = reachedScripts(run, packageScripts)
    const lines = shellLines(await readText('README.md')).filter((line) => line.startsWith('npm '))
    expect(lines.length).toBeGreaterThan(4)
    for (const line of lines) expect(reached, line).toContain(line)
    const quickStart = run.replaceAll("', '", ' ').replaceAll("stackmemory('", 'stackmemory ')
    for (const line of shellLines(await readText('README.md'))) {
      const command = /^npx (stackmemory(?: [a-z][a-z-]*){1,2})(?= |$)/.exec(line)?.[1]
      if (command !== undefined) expect(quickStart, line).toContain(command)
    }
  })
})

/** The npm commands in a text, and those that the scripts behind them run. `docs` writes what `docs:check` compares. */
const reachedScripts = (text: string, scripts: Record<string, string>) => {
  const reached = new Set<string>(text.includes('npm ci') ? ['npm ci'] : [])
  const visit = (command: string) => {
    for (const match of command.matchAll(/npm (?:run (?:--silent )?([\w:-]+)|(test|start)\b)/g)) {
      const name = match[1] ?? match[2] ?? ''
      const line = match[2] ? `npm ${name}` : `npm run ${name}`
      if (reached.has(line) || !(name in scripts)) continue
      reached.add(line)
      visit(scripts[name] ?? '')
    }
  }
  visit(text.replaceAll(/'npm', \['(\w+)'\]/g, 'npm $1'))
  if (reached.has('npm run docs:check')) reached.add('npm run docs')
  return reached
}
