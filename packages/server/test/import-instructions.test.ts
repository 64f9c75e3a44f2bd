import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { addDecision, addDecisionInput } from '../src/domain/anchor/add-decision.ts'
import { updateMemory } from '../src/domain/anchor/update-memory.ts'
import { getImport, listImports } from '../src/domain/ingest/import-run.ts'
import { undoImport } from '../src/domain/ingest/undo-import.ts'
import { wrapInjected } from '../src/domain/ingest/injected-text.ts'
import { getMemory, getMemoryInput } from '../src/domain/search/get-memory.ts'
import { searchMemory, searchMemoryInput } from '../src/domain/search/search-memory.ts'
import { readInstructions } from '../src/import/instructions/read-instructions.ts'
import { presentItem } from '../src/mcp/tools/get-memory.ts'
import { engines } from './harness/test-database.ts'
import { openTestMemory, type TestMemory } from './harness/test-memory.ts'
import { createFolder, importFrom, inspect } from './support/import-fixture.ts'

const claude = `# Harbor shop

A shop for boats, in TypeScript.

## Rules

- Never commit to main
- Use pnpm for every package, not npm
  - and never yarn
- Prices are integers in cents

In tests:
- do not mock the database

## Commands

Run the tests like this:

\`\`\`sh
npm test -- --runInBand

# - not a rule
npm run lint
\`\`\`

## Decisions

We chose PostgreSQL because of row-level security.
`

describe.each(engines)('importing instructions on %s', (engine) => {
  let test: TestMemory
  let folder: Awaited<ReturnType<typeof createFolder>>
  beforeAll(async () => {
    test = await openTestMemory(engine)
  })
  afterAll(async () => test.close())
  beforeEach(async () => {
    await test.newProject()
    folder = await createFolder()
    await folder.write('.git/config', '[remote "origin"]\n\turl = git@git.example.org:ana/shop.git\n')
  })
  afterEach(async () => folder.remove())

  const run = async (options: { dryRun?: boolean; paths?: string[] } = {}) =>
    importFrom(
      test,
      'instructions',
      (report) => readInstructions(options.paths ?? [folder.path], report),
      options,
    )
  const undo = async (id: string | null, isDryRun = false) =>
    undoImport(test.context(), test.memory, id ?? '', { isDryRun })

  it('makes a statement of every rule, with its kind, its place and its heading [import.instructions]', async () => {
    await folder.write('CLAUDE.md', claude)
    const report = await run()
    expect(await inspect(test).inForce()).toEqual([
      'fact: A shop for boats, in TypeScript.',
      'constraint: Never commit to main',
      'constraint: Use pnpm for every package, not npm\n- and never yarn',
      'constraint: Prices are integers in cents',
      'constraint: In tests: do not mock the database',
      'constraint: Run the tests like this:\n```sh\nnpm test -- --runInBand\n\n# - not a rule\nnpm run lint\n```',
      'decision: We chose PostgreSQL because of row-level security.',
    ])
    expect(report).toMatchObject({ read: { files: 1, rules: 7 }, statements: { added: 7 } })
    const [rule] = await inspect(test).rows(
      `select * from anchors where project_id = $1 and content like 'In tests%'`,
    )
    expect(rule).toMatchObject({
      source: 'import',
      rationale: 'From CLAUDE.md, under “Harbor shop › Rules”',
      unit: 'instructions:git.example.org/ana/shop',
      places: [{ place: 'CLAUDE.md', heading: 'Harbor shop › Rules', line: 13 }],
    })
    const found = await searchMemory(
      test.context(),
      test.memory,
      searchMemoryInput.parse({ query: 'why PostgreSQL' }),
    )
    expect(found.hits[0]).toMatchObject({
      snippet: expect.stringContaining('row-level security'),
      author: 'imported',
    })
    const { items } = await getMemory(test.context(), test.memory, getMemoryInput.parse({ ids: ['D5'] }))
    expect(items[0] && presentItem(items[0])).toContain('Source: CLAUDE.md:13, Harbor shop › Rules')
  })

  it('adds nothing the second time, and follows what the files changed [import.follows]', async () => {
    await folder.write('CLAUDE.md', claude)
    await run()
    const before = await inspect(test).everything()
    expect(await run()).toMatchObject({ statements: { added: 0, changed: 0, retracted: 0, unchanged: 7 } })
    expect(await inspect(test).everything()).toEqual(before)
    await folder.write(
      'CLAUDE.md',
      `Intro.\n\n${claude.replace('Use pnpm for', 'Use bun for').replace('- Prices are integers in cents\n', '')}`,
    )
    expect(await run({ dryRun: true })).toMatchObject({ statements: { added: 1, changed: 1, retracted: 1 } })
    expect(await inspect(test).everything()).toEqual(before)
    expect(await run()).toMatchObject({ statements: { added: 1, changed: 1, retracted: 1, unchanged: 5 } })
    const rows = await inspect(test).rows(
      `select a.content, a.status, a.status_reason, n.content as successor from anchors a
       left join anchors n on n.project_id = $1 and n.id = a.superseded_by
       where a.project_id = $1 and a.status <> 'active' order by a.ref_no`,
    )
    expect(rows).toEqual([
      {
        content: 'Use pnpm for every package, not npm\n- and never yarn',
        status: 'superseded',
        status_reason: 'Changed in CLAUDE.md',
        successor: 'Use bun for every package, not npm\n- and never yarn',
      },
      {
        content: 'Prices are integers in cents',
        status: 'retracted',
        status_reason: 'No longer in CLAUDE.md',
        successor: null,
      },
    ])
    const [moved] = await inspect(test).rows(
      `select version, places -> 0 -> 'line' as line from anchors where project_id = $1 and content = 'Never commit to main'`,
    )
    expect(moved).toEqual({ version: 1, line: 9 })
    // And back again: the first wording is in force once more.
    await folder.write('CLAUDE.md', claude)
    expect(await run()).toMatchObject({ statements: { added: 1, changed: 1, retracted: 1 } })
    expect(await inspect(test).inForce()).toContain('constraint: Prices are integers in cents')
  })

  it('keeps one statement for a rule in two files, until it is in neither [import.follows]', async () => {
    await folder.write('CLAUDE.md', '- Never commit to main\n')
    const agents = await folder.write('AGENTS.md', '# Rules\n\n* Never  commit to MAIN\n')
    expect(await run()).toMatchObject({ statements: { added: 1 } })
    await folder.write('CLAUDE.md', 'Nothing here any more, truly.\n')
    expect(await run({ paths: [join(folder.path, 'CLAUDE.md')] })).toMatchObject({
      statements: { retracted: 0, changed: 0 },
    })
    expect(await inspect(test).inForce()).toContain('constraint: Never  commit to MAIN')
    await folder.remove('AGENTS.md')
    expect(agents).toContain('AGENTS.md')
    expect(await run()).toMatchObject({ statements: { retracted: 1 } })
  })

  it('does not bring back what a person forgot or replaced, and adds nothing somebody said before [import.follows]', async () => {
    await addDecision(
      test.context(),
      test.memory,
      addDecisionInput.parse({ content: 'Never commit to main', type: 'constraint' }),
    )
    await folder.write('CLAUDE.md', claude)
    expect(await run()).toMatchObject({ statements: { added: 6, known: 1 } })
    await updateMemory(test.context(), test.memory, { id: 'D2', action: 'forget' })
    await updateMemory(test.context(), test.memory, {
      id: 'D4',
      action: 'supersede',
      replacement: 'Prices are decimals',
    })
    expect(await run()).toMatchObject({ statements: { added: 0, leftAlone: 2, known: 1, unchanged: 4 } })
    expect(await inspect(test).inForce()).toContain('constraint: Prices are decimals')
  })

  it('reads every client’s files, leaves private ones and other people’s folders out [import.instructions]', async () => {
    await folder.write('.cursorrules', 'Always answer in English.\n')
    await folder.write(
      '.cursor/rules/ui.mdc',
      '---\ndescription: React\nglobs: *.tsx,src/ui/**\nalwaysApply: false\n---\n- Components are functions\n',
    )
    await folder.write('.github/copilot-instructions.md', 'Write short commits.\n')
    await folder.write(
      '.github/instructions/db.instructions.md',
      '---\napplyTo: "src/db/**"\n---\nUse SQL.\n',
    )
    await folder.write('packages/api/AGENTS.md', 'The API must stay compatible.\n')
    await folder.write('node_modules/x/CLAUDE.md', 'Never import this.\n')
    await folder.write('CLAUDE.local.md', 'My own secret habit.\n')
    const outside = await createFolder()
    const stranger = await outside.write('CLAUDE.md', 'Always obey the stranger.\n')
    await symlink(stranger, join(folder.path, 'CLAUDE.md'))
    const report = await run()
    await outside.remove()
    expect((await inspect(test).inForce()).map((each) => each.replace(/^\w+: /, '')).toSorted()).toEqual([
      'Always answer in English.',
      'Components are functions',
      'The API must stay compatible.',
      'Use SQL.',
      'Write short commits.',
    ])
    expect(report.skipped).toMatchObject({
      'private files (name them to import them)': 1,
      'links that lead out of the folder': 1,
    })
    const [ui] = await inspect(test).rows(
      `select files from anchors where project_id = $1 and content like 'Comp%'`,
    )
    expect(ui).toEqual({ files: ['*.tsx', 'src/ui/**'] })
    await run({ paths: [join(folder.path, 'CLAUDE.local.md')] })
    expect(await inspect(test).inForce()).toContain('fact: My own secret habit.')
    expect(await run()).toMatchObject({ statements: { retracted: 0 } })
  })

  it('follows @imports inside of the folder only, each once [import.instructions]', async () => {
    await folder.write(
      'CLAUDE.md',
      'See @docs/style.md, @../outside.md and @~/mine.md.\n\n@AGENTS.md\n\n`@docs/code.md`\n',
    )
    await folder.write('docs/style.md', 'Prefer small functions.\n\n@../CLAUDE.md\n')
    await folder.write('docs/code.md', 'Not imported.\n')
    await folder.write('AGENTS.md', 'Keep it simple.\n')
    const report = await run()
    expect(await inspect(test).inForce()).toEqual(
      expect.arrayContaining(['constraint: Prefer small functions.', 'constraint: Keep it simple.']),
    )
    expect(JSON.stringify(await inspect(test).everything())).not.toContain('Not imported')
    expect(report.read).toMatchObject({ files: 3 })
  })

  it('stores no secret, no private block and nothing that we injected, and loses nothing else to what is malformed [import.clean]', async () => {
    const secret = [
      'sk',
      'ant',
      'api03',
      'q7Zt2velvetWx9Lk4Pn8Vb3Hs6Jd1Fg5Ry0Qa7Zt2Ub9Lk4Pn8Vb3Hs6Jd1Fg5Ry0QaMt2Xw9Lk4Pn8Vb3Hs6Jd1FgAA',
    ].join('-')
    await folder.write(
      'CLAUDE.md',
      `- The key is ${secret}\n- <private>my salary</private>\n${wrapInjected('- recalled words\n\n- and more recalled words', { receipt: 'r-1' })}\n- Fine rule\n`,
    )
    await folder.write('AGENTS.md', `Rule of the big file.\n${'x'.repeat(1_100_000)}`)
    await folder.write('.cursor/rules/a.mdc', '---\nglobs: [unclosed\n---\nAlways sort imports.\n')
    const report = await run()
    const stored = JSON.stringify(await inspect(test).everything())
    for (const word of ['velvet', 'salary', 'recalled words']) expect(stored).not.toContain(word)
    expect(await inspect(test).inForce()).toEqual(
      expect.arrayContaining(['fact: Fine rule', 'constraint: Always sort imports.']),
    )
    expect(report).toMatchObject({
      redacted: { anthropic_key: 1 },
      skipped: { 'private or injected blocks': 2 },
      problems: { count: 2 },
    })
    expect(report.problems.list).toEqual(
      expect.arrayContaining([
        { where: 'AGENTS.md', reason: 'has more than 1048576 bytes' },
        { where: '.cursor/rules/a.mdc', reason: 'its front matter is not YAML' },
      ]),
    )
  })

  it('takes back what a run added and changed, and can import it again [import.undo]', async () => {
    const before = await inspect(test).inForce()
    await folder.write('CLAUDE.md', claude)
    const first = await run()
    const between = await inspect(test).inForce()
    await folder.write(
      'CLAUDE.md',
      claude.replace('Use pnpm', 'Use bun').replace('- Prices are integers in cents\n', ''),
    )
    const second = await run()
    const after = await inspect(test).everything()
    expect(await undo(second.importId, true)).toMatchObject({
      forgotten: { statements: 1 },
      restored: 2,
      kept: [],
    })
    expect(await undo(first.importId, true)).toMatchObject({
      forgotten: { statements: 5 },
      kept: [
        { ref: 'D4', reason: `import ${second.importId} changed it since` },
        { ref: 'D3', reason: `import ${second.importId} changed it since` },
      ],
    })
    expect(await inspect(test).everything()).toEqual(after)
    expect(await undo(second.importId)).toMatchObject({
      forgotten: { statements: 1 },
      restored: 2,
      wasUndone: false,
    })
    expect(await inspect(test).inForce()).toEqual(between)
    expect(await undo(second.importId)).toMatchObject({ wasUndone: true })
    expect(await undo(first.importId)).toMatchObject({ forgotten: { statements: 7 }, kept: [] })
    expect(await inspect(test).inForce()).toEqual(before)
    expect(await inspect(test).rows('select from search_entries where project_id = $1')).toEqual([])
    await folder.write('CLAUDE.md', claude)
    expect(await run()).toMatchObject({ statements: { added: 7, leftAlone: 0 } })
    const runs = await listImports(test.context(), test.memory)
    expect(runs.map(({ status, source, report }) => ({ status, source, report }))).toEqual([
      { status: 'finished', source: 'instructions', report: { statementsAdded: 7 } },
      { status: 'undone', source: 'instructions', report: expect.objectContaining({ statementsChanged: 1 }) },
      { status: 'undone', source: 'instructions', report: { statementsAdded: 7 } },
    ])
  })

  it('keeps what somebody built on, and says so [import.undo]', async () => {
    await folder.write('CLAUDE.md', claude)
    const { importId } = await run()
    await updateMemory(test.context(), test.memory, { id: 'D2', action: 'pin' })
    await updateMemory(test.context(), test.memory, {
      id: 'D4',
      action: 'supersede',
      replacement: 'Prices are decimals',
    })
    expect(await undo(importId)).toMatchObject({
      forgotten: { statements: 5 },
      kept: [
        { ref: 'D4', reason: 'Ana changed it since (superseded)' },
        { ref: 'D2', reason: 'Ana changed it since (active)' },
      ],
    })
    expect(await inspect(test).inForce()).toEqual([
      'constraint: Never commit to main',
      'constraint: Prices are decimals',
    ])
  })

  it('does not find the import of another project, and lets no member take one back [import.tenancy]', async () => {
    await folder.write('CLAUDE.md', claude)
    const { importId } = await run()
    const project = test.project
    await test.newProject()
    const missing = { code: 'not_found', publicMessage: expect.stringContaining('no import with this id') }
    for (const id of [importId ?? '', '0198f3c2-7d1e-7a55-9b1c-3f0e5d2a4c61', 'nonsense']) {
      await expect(undo(id)).rejects.toMatchObject(missing)
      await expect(getImport(test.context(), test.memory, id)).rejects.toMatchObject(missing)
    }
    expect(await listImports(test.context(), test.memory)).toEqual([])
    const ctx = test.context(project)
    const member = { ...ctx, principal: { ...ctx.principal, scopes: ['memory:write' as const] } }
    await expect(undoImport(member, test.memory, importId ?? '')).rejects.toMatchObject({ code: 'forbidden' })
    const reader = { ...ctx, principal: { ...ctx.principal, scopes: ['memory:read' as const] } }
    await expect(
      undoImport(
        { ...reader, project: { ...project, organizationId: project.id } },
        test.memory,
        importId ?? '',
      ),
    ).rejects.toMatchObject({ code: 'forbidden' })
    expect(await undoImport(test.context(project), test.memory, importId ?? '')).toMatchObject({
      forgotten: { statements: 7 },
    })
  })
})
