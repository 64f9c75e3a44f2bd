import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sqlite from 'node-sqlite3-wasm'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { limits } from '../domain/limits.ts'
import { parseNote } from './basic-memory/parse-note.ts'
import { readVault } from './basic-memory/read-vault.ts'
import { findTranscripts } from './claude-code/find-transcripts.ts'
import { readFrontMatter } from './instructions/front-matter.ts'
import { readInstructions } from './instructions/read-instructions.ts'
import { newSourceReport, type ImportedPart } from './source.ts'
import { buildStacks, readContextDb } from './stackmemory/read-context-db.ts'
import { readSqlite, type SqliteTables } from './sqlite/open-copy.ts'
import { walkFolder } from './walk-folder.ts'
import type { SqliteRow } from './sqlite/open-copy.ts'

let folder: string
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'hostile-')))
})
afterEach(async () => rm(folder, { recursive: true }))

const write = async (name: string, text: string) => {
  await mkdir(dirname(join(folder, name)), { recursive: true })
  await writeFile(join(folder, name), text)
}
const writeLinks = async () => {
  await symlink('.', join(folder, 'a'))
  await symlink('.', join(folder, 'b'))
}
const contentsOf = async (parts: AsyncIterable<ImportedPart>) => {
  const found: string[] = []
  for await (const part of parts)
    if (part.kind === 'unit') found.push(...part.unit.statements.map(({ content }) => content))
  return found
}
/** Quadratic work on these texts takes minutes; one pass takes milliseconds, on a busy machine a second or two. */
const isQuick = (work: () => void) => {
  const startedAt = performance.now()
  work()
  return performance.now() - startedAt < 8_000
}

it('reads a vault with links to itself once, and names the links [import.hostile]', async () => {
  await writeLinks()
  await write('notes/one.md', '- [fact] Only once\n')
  const report = newSourceReport()
  expect(await contentsOf(readVault(folder, report))).toEqual(['one: Only once'])
  expect(report).toMatchObject({ read: { notes: 1 }, skipped: { 'links (name what they lead to)': 2 } })
}, 10_000)

it('finds transcripts in a folder with links to itself once [import.hostile]', async () => {
  await writeLinks()
  await write('p/one.jsonl', '{}\n')
  await symlink(join(folder, 'p/one.jsonl'), join(folder, 'linked.jsonl'))
  const skipped = {}
  expect(await findTranscripts(folder, skipped)).toEqual([{ path: join(folder, 'p/one.jsonl'), bytes: 3 }])
  expect(skipped).toEqual({ 'links (name what they lead to)': 3 })
}, 10_000)

it('walks through no more folders than it may, and says so [import.hostile]', async () => {
  for (const name of ['a/1.md', 'b/2.md', 'c/3.md']) await write(name, '')
  const walk = async (foldersMax: number) => {
    const names: string[] = []
    let isCut = false
    const options = { foldersMax, isEntered: () => true, onTooMany: () => void (isCut = true) }
    for await (const { name } of walkFolder(folder, options)) names.push(name)
    return { names, isCut }
  }
  expect(await walk(3)).toEqual({ names: ['a/1.md', 'b/2.md'], isCut: true })
  expect(await walk(4)).toEqual({ names: ['a/1.md', 'b/2.md', 'c/3.md'], isCut: false })
})

it('imports with @ only text that is not hidden [import.hostile]', async () => {
  const names = ['.env', '.aws/keys.txt', 'credentials', 'key.pem', 'docs/.private/x.md', 'linked.md']
  const allowed = ['docs/a.md', 'docs/b.markdown', 'docs/c.txt', '.cursor/rules/d.mdc', '.claude/e.md']
  await mkdir(join(folder, '.git'))
  for (const name of [...names.slice(0, -1), ...allowed]) await write(name, `Always use ${name} here.\n`)
  await symlink('.env', join(folder, 'linked.md'))
  await write('CLAUDE.md', [...names, ...allowed].map((name) => `@${name}\n`).join('\n'))
  const report = newSourceReport()
  const found = await contentsOf(readInstructions([join(folder, 'CLAUDE.md')], report))
  expect(found).toEqual(allowed.map((name) => `Always use ${name} here.`))
  expect(
    report.skipped['imports of hidden files or of files that are no Markdown or text'],
  ).toBeGreaterThanOrEqual(3)
})

it('follows no @import inside of a fence, also one that stays open [import.hostile]', async () => {
  await mkdir(join(folder, '.git'))
  for (const name of ['a', 'b', 'c']) await write(`docs/${name}.md`, `Always use ${name} here.\n`)
  await write('CLAUDE.md', '```\n@docs/a.md\n```\n@docs/b.md\n\n~~~\n@docs/c.md\n')
  const found = await contentsOf(readInstructions([join(folder, 'CLAUDE.md')], newSourceReport()))
  expect(found).toContain('Always use b here.')
  expect(found).not.toContain('Always use a here.')
  expect(found).not.toContain('Always use c here.')
})

it('reads marks that are never closed in one pass [import.hostile]', async () => {
  await mkdir(join(folder, '.git'))
  // A fence can be read as one of every shorter length, and none of them is closed.
  const fences = `${'`'.repeat(200_000)}\n${'a\n'.repeat(100_000)}`
  await write('CLAUDE.md', fences)
  const startedAt = performance.now()
  await contentsOf(readInstructions([join(folder, 'CLAUDE.md')], newSourceReport()))
  expect(performance.now() - startedAt).toBeLessThan(8_000)
  const blank = '\n'.repeat(300_000)
  const keys = Array.from({ length: 40_000 }, (_, index) => `k${index}: 1\n`).join('')
  expect(isQuick(() => readFrontMatter(`---\n${keys}---\n`))).toBe(true)
  expect(isQuick(() => readFrontMatter(`---\na: 1${blank}\n---\n`))).toBe(true)
  const spaces = ' '.repeat(200_000)
  expect(isQuick(() => parseNote(`- a${spaces}[[b]]${spaces}x\n- ${spaces}x\n`, 'n.md'))).toBe(true)
}, 60_000)

it('reads relations with and without type and context [import.hostile]', () => {
  const contents = parseNote(
    '- "builds on" [[B|b]] (since (May))\n- see [[C]] and [[D]]\n- [[E]] is no relation\n',
    'n.md',
  ).statements.map(({ content, rationale }) => `${content} | ${rationale}`)
  expect(contents.slice(0, 2)).toEqual([
    'n builds on B | A relation of the note “n”; since (May)',
    'n see [[C]] and D | A relation of the note “n”',
  ])
})

it('reads tables and no views of a database [import.hostile]', async () => {
  const path = join(folder, 'context.db')
  const database = new sqlite.Database(path)
  database.exec(`create table anchors (anchor_id text, type text, text text);
    insert into anchors values ('a-1', 'FACT', 'Kept');
    create view contexts as with recursive endless(n) as (select 1 union all select n + 1 from endless)
      select n as id, 'decision' as type, 'x' as content from endless limit 3;
    create virtual table frames using fts5(frame_id);`)
  database.close()
  async function* columnsOf(tables: SqliteTables) {
    for (const name of ['Anchors', 'contexts', 'frames', 'none']) yield [...tables.columns(name)]
  }
  const columns: string[][] = []
  for await (const each of readSqlite(path, columnsOf)) columns.push(each)
  expect(columns).toEqual([['anchor_id', 'type', 'text'], [], [], []])
  expect(await contentsOf(readContextDb(path, newSourceReport()))).toEqual(['Kept'])
})

it('builds stacks of a chain of 100,000 frames, and of circles, without recursion [import.hostile]', () => {
  const count = 100_000
  // From the far end, so that the way up is longest where it is asked first.
  const frames = new Map(
    Array.from({ length: count }, (_, index) => {
      const at = count - index
      return [`f${at}`, { frame_id: `f${at}`, parent_frame_id: at > 1 ? `f${at - 1}` : '' }]
    }),
  )
  let stacks: ReturnType<typeof buildStacks> = []
  expect(isQuick(() => (stacks = buildStacks(frames)))).toBe(true)
  expect(stacks).toHaveLength(1)
  expect(stacks[0]?.map(({ id }) => id)).toEqual([...frames.keys()].toReversed())
  expect(Math.max(...(stacks[0] ?? []).slice(0, 200).map(({ depth }) => depth))).toBe(limits.frameDepth - 1)
  const circle = new Map<string, SqliteRow>([
    ['a', { parent_frame_id: 'b' }],
    ['b', { parent_frame_id: 'a' }],
    ['c', { parent_frame_id: 'c' }],
    ['d', { parent_frame_id: 'e' }],
    ['e', { parent_frame_id: null }],
  ])
  expect(buildStacks(circle).map((stack) => stack.map(({ id }) => id))).toEqual([
    ['a'],
    ['b'],
    ['c'],
    ['e', 'd'],
  ])
}, 60_000)
