import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { wrapInjected } from '../../domain/ingest/injected-text.ts'
import { parseTranscript } from './parse-transcript.ts'
import { readTranscript, splitLines } from './read-transcript.ts'

/** Small transcripts, written line by line; the clock goes on by a second with each line. */
let clock = Date.parse('2026-05-04T10:00:00Z')
let serial = 0
type Fields = Record<string, unknown>

function line(type: string, content: unknown, fields: Fields = {}): string {
  clock += 1_000
  serial += 1
  return JSON.stringify({
    type,
    uuid: `u${serial}`,
    parentUuid: `u${serial - 1}`,
    sessionId: 's1',
    cwd: '/home/ana/shop',
    gitBranch: 'main',
    version: '2.1.0',
    timestamp: new Date(clock).toISOString(),
    isSidechain: false,
    message: { role: type, content },
    ...fields,
  })
}
const user = (text: unknown, fields?: Fields) => line('user', text, fields)
const says = (text: string, fields?: Fields) => line('assistant', [{ type: 'text', text }], fields)
const calls = (id: string, name: string, input: Fields, fields?: Fields) =>
  line('assistant', [{ type: 'tool_use', id, name, input }], fields)
const answers = (id: string, content: unknown, { isError, ...fields }: Fields = {}) =>
  line('user', [{ type: 'tool_result', tool_use_id: id, content, is_error: isError }], fields)
const bash = (id: string, command: string, output: string, isError = false) => [
  calls(id, 'Bash', { command, description: 'Run it' }),
  answers(id, output, { isError }),
]

const parse = (lines: Iterable<string>, options = {}) =>
  parseTranscript(lines, { fileName: 's1.jsonl', ...options })
async function session(...lines: (string | string[])[]) {
  const file = await parse(lines.flat())
  const first = file.sessions[0]
  if (first === undefined) throw new Error('no session')
  return { file, ...first, contents: first.entries.map((entry) => entry.content) }
}
const reasons = (file: { skipped: { reason: string; count: number }[] }) =>
  Object.fromEntries(file.skipped.map(({ reason, count }) => [reason, count]))

describe('parseTranscript', () => {
  it('tells a session: what was asked, done, read, changed and said [import.transcript]', async () => {
    const { file, ...told } = await session(
      user('Round prices to cents.\nThey are floats today.'),
      line('assistant', [{ type: 'thinking', thinking: 'hm' }]),
      says('I will look at the price module.'),
      calls('t1', 'Read', { file_path: '/home/ana/shop/src/price.ts', offset: 10, limit: 5 }),
      answers('t1', '10→export const price = 1.1'),
      calls('t2', 'Edit', {
        file_path: '/home/ana/shop/src/price.ts',
        old_string: 'a = 1.1',
        new_string: 'a = 110',
      }),
      answers('t2', 'The file has been updated. Here is a snippet'),
      bash('t3', 'npm test', 'Tests  12 passed'),
      says('Prices are integer cents now.'),
    )
    expect(told).toMatchObject({
      sessionId: 's1',
      title: 'Round prices to cents.',
      cwd: '/home/ana/shop',
      gitBranch: 'main',
      version: '2.1.0',
      userPrompts: ['Round prices to cents.\nThey are floats today.'],
      filesTouched: ['src/price.ts'],
      filesChanged: ['src/price.ts'],
      errors: [],
      subagents: [],
      outcomeHint: 'Prices are integer cents now.',
    })
    expect(told.contents).toEqual([
      'Round prices to cents.\nThey are floats today.',
      'I will look at the price module.',
      'Read src/price.ts:10-14',
      'Edit src/price.ts\n- a = 1.1\n+ a = 110',
      'Bash: npm test',
      'Tests  12 passed',
      'Prices are integer cents now.',
    ])
    expect(told.entries.map((entry) => `${entry.kind}/${entry.role}`)).toEqual([
      'message/user',
      'message/assistant',
      'tool_call/assistant',
      'tool_call/assistant',
      'tool_call/assistant',
      'tool_result/tool',
      'message/assistant',
    ])
    expect(told.entries[3]).toMatchObject({ tool: 'Edit', files: ['src/price.ts'], isError: false })
    expect(told.entries[0]?.occurredAt).toEqual(told.startedAt)
    expect(told.entries.at(-1)?.occurredAt).toEqual(told.endedAt)
    expect(reasons(file)).toEqual({ thinking: 1, 'file content': 1, 'confirmation of an edit': 1 })
    expect(file.malformed).toEqual([])
  })

  it('gives the same keys on every import, one for each part [import.transcript]', async () => {
    const parts = [
      { type: 'text', text: 'one' },
      { type: 'tool_use', id: 't', name: 'Bash', input: { command: 'ls' } },
    ]
    const lines = [line('assistant', parts, { uuid: 'abc' })]
    const keys = (await session(lines)).entries.map((entry) => entry.key)
    expect(keys).toEqual(['abc:0', 'abc:1'])
    expect((await session(lines)).entries.map((entry) => entry.key)).toEqual(keys)
  })

  it('counts a line that a resumed session repeats once [import.transcript]', async () => {
    const lines = [user('Hello there, a question'), says('An answer')]
    const { file, contents } = await session(lines, lines)
    expect(contents).toEqual(['Hello there, a question', 'An answer'])
    expect(reasons(file)).toEqual({ 'repeated line': 2 })
  })

  it('titles the session whose line a summary names, and hands on the other summaries [import.transcript]', async () => {
    const summary = (leafUuid: string, text: string) =>
      JSON.stringify({ type: 'summary', summary: text, leafUuid })
    const { file, title } = await session(
      summary('elsewhere', 'Another session'),
      summary('leaf', 'Cents for prices'),
      user('Round prices to cents.', { uuid: 'leaf' }),
    )
    expect(title).toBe('Cents for prices')
    expect(file.otherSummaries).toEqual([{ leafUuid: 'elsewhere', summary: 'Another session' }])
    const long = await session(user(`Do all of this:\n- first ${'x '.repeat(200)}`))
    expect(long.title).toMatch(/^Do all of this: - first x .*…$/)
    expect(long.title.length).toBeLessThanOrEqual(100)
  })

  it('keeps several sessions of one file apart', async () => {
    const file = await parse([
      user('First one please'),
      user('Second one please', { sessionId: 's2' }),
      says('Yes, first'),
    ])
    expect(file.sessions.map(({ sessionId, entries }) => [sessionId, entries.length])).toEqual([
      ['s1', 2],
      ['s2', 1],
    ])
  })

  it('gives each subagent a list of its own with the call that started it [import.transcript]', async () => {
    const side = (agent: string | undefined, content: string, fields: Fields = {}) =>
      user(content, { isSidechain: true, agentId: agent, ...fields })
    const { entries, subagents, userPrompts, filesTouched } = await session(
      user('Find the leak'),
      calls(
        't1',
        'Task',
        { subagent_type: 'Explore', description: 'Search pools', prompt: 'Where are pools made?' },
        { uuid: 'c1' },
      ),
      side(undefined, 'Where are pools made?', { uuid: 'a1', parentUuid: null }),
      says('In pool.ts', { uuid: 'a2', parentUuid: 'a1', isSidechain: true }),
      calls('t2', 'Task', { description: 'Second', prompt: 'Other task' }, { uuid: 'c2' }),
      side('agent-9', 'Reworded task', { parentUuid: null }),
      calls(
        't3',
        'Read',
        { file_path: '/home/ana/shop/src/pool.ts' },
        { isSidechain: true, agentId: 'agent-9' },
      ),
      answers('t2', [{ type: 'text', text: 'The pool leaks in close().' }], {
        toolUseResult: { agentId: 'agent-9' },
      }),
    )
    expect(subagents).toMatchObject([
      {
        parentKey: 'c1:0',
        description: 'Task Explore: Search pools',
        entries: [{ role: 'assistant' }, { content: 'In pool.ts' }],
      },
      { agentId: 'agent-9', parentKey: 'c2:0', description: 'Task: Second' },
    ])
    expect(entries.map((entry) => entry.kind)).toEqual(['message', 'tool_call', 'tool_call', 'tool_result'])
    expect(userPrompts).toEqual(['Find the leak'])
    expect(filesTouched).toEqual(['src/pool.ts'])
  })

  it('says what failed, how often, and whether the same command succeeded later [import.transcript]', async () => {
    const { errors, entries } = await session(
      bash(
        't1',
        'cd /home/ana/shop && npm test 2>&1 | tail -20',
        'FAIL src/a.test.ts\nTests:       1 failed, 4 passed',
      ),
      bash('t2', 'npm test', 'Exit code 1\nboom\nTests:       2 failed, 3 passed', true),
      bash(
        't3',
        'python3 run.py',
        'Traceback (most recent call last):\n  File "run.py", line 1\nKeyError: \'cents\'',
      ),
      bash('t4', 'npm test', 'Tests:       5 passed'),
      bash('t5', 'git push', 'Exit code 128\nfatal: no upstream branch', true),
    )
    expect(
      errors.map(({ call, message, attempts, resolved }) => [call, message, attempts, resolved]),
    ).toEqual([
      ['Bash: cd /home/ana/shop && npm test 2>&1 | tail -20', 'Tests:       2 failed, 3 passed', 2, true],
      ['Bash: python3 run.py', "KeyError: 'cents'", 1, false],
      ['Bash: git push', 'fatal: no upstream branch', 1, false],
    ])
    expect(entries.filter((entry) => entry.isError).map((entry) => entry.kind)).toEqual([
      'error',
      'error',
      'error',
      'error',
    ])
    expect(errors[0]?.key).toBe(entries[1]?.key)
  })

  it('takes a traceback in the middle for a warning, and an empty or misguided answer for nothing', async () => {
    const noise =
      'Error processing line 1\nTraceback (most recent call last):\n  x\nAttributeError: y\nRemainder ignored\nall 5 passed'
    const { file, errors, contents } = await session(
      bash('t1', 'pytest', noise),
      bash('t2', 'mkdir out', ''),
      bash('t3', 'test -f out/x', 'Exit code 1', true),
      bash(
        't4',
        'cd nowhere && npm test',
        'Exit code 1\nbash: line 1: cd: nowhere: No such file or directory',
        true,
      ),
      calls('t5', 'Edit', { file_path: '/home/ana/shop/a.ts', old_string: 'a', new_string: 'b' }),
      answers('t5', '<tool_use_error>File has not been read yet.</tool_use_error>', { isError: true }),
      bash('t6', 'ls -la src', 'a.ts\nb.ts'),
    )
    expect(errors).toEqual([])
    expect(contents).toContain(noise)
    expect(reasons(file)).toEqual({
      'empty result': 2,
      'wrong path': 1,
      'tool used wrongly': 1,
      'listing or search of files': 1,
    })
  })

  it('keeps refusals and interruptions, with the reason the user gave [import.transcript]', async () => {
    const { entries } = await session(
      calls('t1', 'Bash', { command: 'rm -rf data' }),
      answers(
        't1',
        "The user doesn't want to proceed with this tool use. To tell you how to proceed, the user said:\nuse a fixture",
        {
          isError: true,
        },
      ),
      user([{ type: 'text', text: '[Request interrupted by user for tool use]' }]),
    )
    expect(entries.slice(1)).toMatchObject([
      {
        kind: 'observation',
        role: 'user',
        content: 'Refused by the user: Bash: rm -rf data\nReason: use a fixture',
        isError: false,
      },
      { kind: 'observation', role: 'user', content: 'The user interrupted the assistant.' },
    ])
  })

  it('takes the words of the user out of what the client wraps around them [import.transcript]', async () => {
    const { file, contents, userPrompts } = await session(
      user(
        '<command-message>clear</command-message>\n<command-name>/clear</command-name>\n<command-args></command-args>',
      ),
      user('<local-command-stdout>Cleared</local-command-stdout>'),
      user('Caveat: The messages below were generated by the user while running local commands.', {
        isMeta: true,
      }),
      user(
        '<command-message>review</command-message>\n<command-name>/review</command-name>\n<command-args>src/price.ts</command-args>',
      ),
      user(
        '<system-reminder>Be brief.</system-reminder>Fix the rounding<system-reminder>x</system-reminder>',
      ),
      user([
        { type: 'text', text: '<system-reminder>only this</system-reminder>' },
        { type: 'image', source: { data: 'AAAA' } },
      ]),
      user('<bash-input>npm run lint</bash-input>'),
      user('<bash-stdout>2 warnings</bash-stdout><bash-stderr></bash-stderr>'),
      calls('t1', 'WebSearch', { query: 'half even' }),
      answers('t1', 'Found it<system-reminder>Check for malware</system-reminder>'),
      user('This session is being continued: prices are cents.', { isCompactSummary: true }),
      says('API Error: 500', { isApiErrorMessage: true }),
    )
    expect(contents).toEqual([
      '/review src/price.ts',
      'Fix the rounding',
      'Bash: npm run lint',
      '2 warnings',
      'WebSearch "half even"',
      'Found it',
      'This session is being continued: prices are cents.',
    ])
    expect(userPrompts).toEqual(['/review src/price.ts', 'Fix the rounding'])
    expect(reasons(file)).toEqual({
      'client command': 1,
      'output of a client command': 1,
      'added by the client': 2,
      image: 1,
      'API error': 1,
    })
  })

  it('keeps the last state of a plan', async () => {
    const plan = (id: string, status: string) => [
      calls(id, 'TodoWrite', {
        todos: [
          { content: 'Round', status },
          { content: 'Test', status: 'pending' },
        ],
      }),
      answers(id, 'Todos have been modified successfully.'),
    ]
    const { file, entries } = await session(
      plan('t1', 'in_progress'),
      says('Working on it'),
      plan('t2', 'completed'),
    )
    expect(entries.map((entry) => entry.content)).toEqual([
      'Working on it',
      'Plan, 1 of 2 done:\n[x] Round\n[ ] Test',
    ])
    expect(reasons(file)).toEqual({ 'plan that was replaced': 1, 'confirmation of a plan': 2 })
  })

  it('never takes our own tools and injected text for new knowledge [ingest.injected]', async () => {
    const envelope = wrapInjected('D31 We keep money in integer cents.', { receipt: 'R1' })
    const { file, contents } = await session(
      calls('t1', 'mcp__stackmemory__get_context', { query: 'money' }),
      answers('t1', [{ type: 'text', text: 'D31 We keep money in integer cents.' }]),
      user(`${envelope}\nGo on then, please`),
      user(envelope),
      calls('t2', 'mcp__github__get_issue', { number: 7 }),
      answers('t2', [{ type: 'text', text: JSON.stringify({ body: `see ${envelope}` }) }]),
      user('<private>my notes</private>'),
    )
    expect(contents).toEqual(['Go on then, please', 'github get_issue number=7', '{"body":"see "}'])
    expect(reasons(file)).toEqual({ 'own tool': 2, 'nothing left after cleaning': 2 })
    expect(file.injectedRemoved).toBe(4)
  })

  it('stores no secret, wherever it stood and wherever it was cut [redact.corpus]', async () => {
    const secret = ['gh', 'p_', 'Qw8Er5Ty2Ui9Op3As6Df1Gh4Jk7Lz0Xc8Vb5'].join('')
    const { file, ...told } = await session(
      user(`Deploy with ${secret}`),
      calls('t1', 'Bash', { command: `${'x'.repeat(1_480)} ${secret}` }),
      answers('t1', `${'y'.repeat(1_300)} ${secret} ${'z '.repeat(4_000)}`, { isError: true }),
      calls('t2', 'mcp__db__connect', { host: 'db', password: ['hunter2', 'secret'].join('') }),
    )
    expect(JSON.stringify(told)).not.toMatch(/ghp_|Qw8Er5|hunter2/)
    expect(file.redacted).toContainEqual({ kind: 'github_token', count: 3 })
    expect(file.redacted).toContainEqual({ kind: 'password', count: 1 })
  })

  it('bounds every entry, keeping the beginning and the end of an output', async () => {
    const { entries } = await session(
      bash('t1', 'make', `START\n${'line 日本 of output\n'.repeat(20_000)}END`),
      user('ü'.repeat(50_000)),
    )
    const [, output, prompt] = entries
    expect(output?.content).toMatch(/^START\n[\s\S]*\[… \d+ bytes left out …\][\s\S]*END$/)
    expect(Buffer.byteLength(output?.content ?? '')).toBeLessThan(4_300)
    expect(Buffer.byteLength(prompt?.content ?? '')).toBeLessThanOrEqual(32_768)
  })

  it('names a file the same after the current directory has moved, on Windows too', async () => {
    const read = (file_path: string, cwd: string) => calls(`t${serial}`, 'Read', { file_path }, { cwd })
    const moved = await session(
      read('/r/src/a.ts', '/r'),
      read('b.ts', '/r/src'),
      read('/etc/hosts', '/r'),
      read('./c.ts', '/r'),
    )
    expect(moved.filesTouched).toEqual(['src/a.ts', 'src/b.ts', '/etc/hosts', 'c.ts'])
    const windows = await session(read('C:\\work\\shop\\src\\a.ts', 'C:\\work\\shop'))
    expect(windows.filesTouched).toEqual(['src/a.ts'])
  })
})

describe('malformed lines', () => {
  const good = () => [user('A question of mine'), says('An answer to it')]

  it.each([
    ['not JSON', '{"type":"user",'],
    ['a bare word', 'hello'],
    ['an array', '[1,2]'],
    ['a number', '17'],
    ['null', 'null'],
    ['no type', '{"uuid":"x"}'],
    ['no message', JSON.stringify({ type: 'user', uuid: 'x', sessionId: 's1' })],
    ['a message that is a word', JSON.stringify({ type: 'user', uuid: 'x', sessionId: 's1', message: 'hi' })],
    [
      'content that is a number',
      JSON.stringify({ type: 'user', uuid: 'x', sessionId: 's1', message: { content: 5 } }),
    ],
    ['a summary without text', JSON.stringify({ type: 'summary', leafUuid: 'x' })],
    ['JSON nested without measure', '['.repeat(200_000)],
  ])('lose nothing else: %s [import.malformed]', async (_, bad) => {
    const [first, second] = good()
    const file = await parse([first ?? '', bad, second ?? ''])
    expect(file.sessions[0]?.entries.map((entry) => entry.content)).toEqual([
      'A question of mine',
      'An answer to it',
    ])
    expect(file.malformed).toMatchObject([{ line: 2 }])
    expect(file.malformedCount).toBe(1)
  })

  it('a part that is not understood loses neither its line nor the next [import.malformed]', async () => {
    const parts = [
      { type: 'text', text: 'before' },
      { type: 'text' },
      7,
      { type: 'tool_use', id: 1 },
      { type: 'hologram' },
      { type: 'text', text: 'after' },
    ]
    const { file, contents } = await session(line('assistant', parts), says('next'))
    expect(contents).toEqual(['before', 'after', 'next'])
    expect(file.malformed).toHaveLength(3)
    expect(reasons(file)).toEqual({ hologram: 1 })
  })

  it('fields of a wrong type count as absent, and unknown types are counted [import.malformed]', async () => {
    const { file, ...told } = await session(
      user('Fine all the same', {
        cwd: 5,
        gitBranch: {},
        timestamp: 'yesterday',
        version: null,
        parentUuid: 3,
        agentId: [],
      }),
      line('hologram', 'x'),
      line('system', 'x', { subtype: 'compact_boundary' }),
    )
    expect(told.contents).toEqual(['Fine all the same'])
    expect(told.cwd).toBeUndefined()
    expect(reasons(file)).toEqual({ 'type hologram': 1, 'type system': 1 })
  })

  it('a file of garbage is reported within bounds [import.malformed]', async () => {
    const file = await parse(Array.from({ length: 5_000 }, (_, index) => `garbage ${index}`))
    expect(file.malformed).toHaveLength(1_000)
    expect(file.malformedCount).toBe(5_000)
    expect(file.sessions).toEqual([])
  })
})

describe('readTranscript', () => {
  async function read(bytes: Buffer | string, options?: { lineCharsMax: number }) {
    const folder = await mkdtemp(join(tmpdir(), 'transcript-'))
    try {
      const path = join(folder, 's1.jsonl')
      await writeFile(path, bytes)
      return await readTranscript(path, options)
    } finally {
      await rm(folder, { recursive: true })
    }
  }
  const contentsOf = (file: Awaited<ReturnType<typeof read>>) =>
    file.sessions.flatMap(({ entries }) => entries.map((entry) => entry.content))

  it('takes a byte order mark, CRLF, blank lines and separators inside strings [import.malformed]', async () => {
    const file = await read(`\uFEFF${user('with a BOM')}\r\n\r\n${says('one\u2028two')}\r\n`)
    expect(contentsOf(file)).toEqual(['with a BOM', 'one\ntwo'])
    expect(file.malformed).toEqual([])
  })

  it('loses only the line that was cut, was too long or holds invalid bytes as text [import.malformed]', async () => {
    const long = user('y'.repeat(200_000))
    const invalid = Buffer.from(user('bad XX byte').replace('XX', '\u0001'))
    const bytes = Buffer.from(invalid.map((byte) => (byte === 1 ? 0xff : byte)))
    const file = await read(
      Buffer.concat([
        Buffer.from(`${user('first')}\n${long}\n`),
        bytes,
        Buffer.from(`\n${user('third')}\n${user('cut').slice(0, -9)}`),
      ]),
      { lineCharsMax: 100_000 },
    )
    expect(contentsOf(file)).toEqual(['first', 'bad \uFFFD byte', 'third'])
    expect(file.malformed).toEqual([
      { line: 2, reason: 'longer than 100000 characters' },
      { line: 5, reason: 'not JSON (the last line, probably not written to its end)' },
    ])
  })

  it('reads characters and lines that chunk boundaries split', async () => {
    const bytes = Buffer.from('日本語😀\nzweite\n\nletzte')
    async function* chunks(size: number) {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    }
    for (const size of [1, 2, 3, 5, 7, 1_000]) {
      const lines: string[] = []
      for await (const text of splitLines(chunks(size), 1_000)) lines.push(text)
      expect(lines).toEqual(['日本語😀', 'zweite', '', 'letzte'])
    }
  })

  it('says so when the file is not there', async () => {
    await expect(readTranscript('/nonexistent/s1.jsonl')).rejects.toThrow('ENOENT')
  })
})
