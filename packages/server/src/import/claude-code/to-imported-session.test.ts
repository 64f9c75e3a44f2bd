import { describe, expect, it } from 'vitest'
import { parseTranscript } from './parse-transcript.ts'
import { summaryOf } from '../../domain/ingest/summary-of.ts'
import { titleOfPrompt } from './title.ts'
import { toImportedSession } from './to-imported-session.ts'
import type { TranscriptEntry } from './transcript.ts'

const line = (type: 'user' | 'assistant', text: string, extra: object = {}) =>
  JSON.stringify({
    type,
    sessionId: 's-1',
    timestamp: '2026-03-09T09:00:00.000Z',
    message: { role: type, content: type === 'user' ? text : [{ type: 'text', text }] },
    ...extra,
  })

const imported = async (lines: string[], summaries?: Map<string, string>) => {
  const { sessions } = await parseTranscript(lines, { fileName: 's-1.jsonl' })
  const [session] = sessions
  if (!session) throw new Error('no session')
  return toImportedSession(session, summaries)
}

const said = (...contents: string[]): TranscriptEntry[] =>
  contents.map((content, index) => ({
    key: `k${index}:0`,
    kind: 'message',
    role: 'assistant',
    content,
    files: [],
    isError: false,
    occurredAt: new Date(0),
  }))

describe('titles', () => {
  it.each([
    ['Make the cart survive a reload', 'Make the cart survive a reload'],
    [
      'Fix this issue:\n  id: 17\n  problem_statement: The cart is empty after a reload\n',
      'The cart is empty after a reload',
    ],
    ['Please do:\n**Title:** Upgrade the router to version 7', 'Upgrade the router to version 7'],
    ['Do this:\nfirst the one, then the other', 'Do this:\nfirst the one, then the other'],
  ])('reads %j as %j', (prompt, title) => expect(titleOfPrompt(prompt)).toBe(title))

  it('takes the name that Claude Code gave, also from another file', async () => {
    const lines = [
      line('user', 'hello there, please help', { uuid: 'u-1' }),
      line('assistant', 'Yes.', { uuid: 'u-2' }),
    ]
    expect((await imported(lines, new Map([['u-2', 'A better name.']]))).name).toBe('A better name')
    expect((await imported(lines, new Map([['u-9', 'Of another session']]))).name).toBe(
      'hello there, please help',
    )
    const own = JSON.stringify({ type: 'summary', summary: 'Its own name', leafUuid: 'u-2' })
    expect((await imported([own, ...lines])).name).toBe('Its own name')
  })
})

describe('summaries', () => {
  const body = 'The cause was a stale cache entry; it is now removed together with the session it belongs to.'

  it('leaves out what only announces it', () => {
    expect(
      summaryOf(said(`Perfect! All tests pass. Here's a summary of what was done:\n\n## Summary\n\n${body}`)),
    ).toBe(body)
    expect(summaryOf(said(`## Summary\n\n${body}\n\n### Tests\nAll pass.`))).toBe(
      `${body}\n\n### Tests\nAll pass.`,
    )
  })

  it('prefers the last message that says something', () => {
    expect(
      summaryOf(
        said(
          'An earlier remark about something else entirely, which is long enough to be chosen.',
          body,
          'Done.',
        ),
      ),
    ).toBe(body)
    expect(summaryOf(said('Done.'))).toBe('Done.')
    expect(summaryOf([])).toBe('')
  })

  it('is short, and closes a code fence that it cuts', () => {
    const long = summaryOf(said(`${body}\n\n\`\`\`ts\n${'const a = 1\n\n'.repeat(400)}\`\`\``))
    expect(long.length).toBeLessThan(1_600)
    expect(long.match(/```/g)).toHaveLength(2)
  })
})

describe('what is imported', () => {
  it('tells a finished session from one that was cut off', async () => {
    const done = [
      line('user', 'please fix the cart', { uuid: 'a' }),
      line('assistant', 'It is fixed.', { uuid: 'b' }),
    ]
    expect((await imported(done)).outcome).toBe('done')
    expect((await imported([...done, line('user', 'and the menu too', { uuid: 'c' })])).outcome).toBe(
      'abandoned',
    )
  })

  it('knows an event by the uuid of its line in whichever session it is repeated', async () => {
    const first = await imported([line('user', 'please fix the cart', { uuid: 'a' })])
    const resumed = await imported([line('user', 'please fix the cart', { uuid: 'a', sessionId: 's-2' })])
    expect(resumed.externalKey).not.toBe(first.externalKey)
    expect(resumed.events.map((event) => event.key)).toEqual(first.events.map((event) => event.key))
    const numbered = await imported([line('user', 'please fix the cart')])
    expect(numbered.events[0]?.key).toContain('s-1')
  })

  it('bounds keys and paths that come from the file', async () => {
    const huge = 'x'.repeat(5_000)
    const tool = {
      type: 'tool_use',
      id: 't',
      name: 'Edit',
      input: { file_path: `/p/${huge}`, old_string: 'a', new_string: 'b' },
    }
    const session = await imported([
      line('user', 'please fix the cart', { uuid: huge, sessionId: huge }),
      line('assistant', '', { sessionId: huge, uuid: 'e', message: { role: 'assistant', content: [tool] } }),
    ])
    expect(session.externalKey.length).toBeLessThan(200)
    expect(session.events.every((event) => (event.key?.length ?? 0) <= 200)).toBe(true)
    expect(session.files).toEqual([])
    expect(session.events.at(-1)?.files).toEqual([])
  })

  it('starts an error with what went wrong, not with its exit code', async () => {
    const use = { type: 'tool_use', id: 't', name: 'Bash', input: { command: 'npm test' } }
    const result = {
      type: 'tool_result',
      tool_use_id: 't',
      is_error: true,
      content: 'Exit code 1\nError: port is taken',
    }
    const session = await imported([
      line('user', 'please run the tests', { uuid: 'a' }),
      line('assistant', '', { uuid: 'b', message: { role: 'assistant', content: [use] } }),
      line('user', '', { uuid: 'c', message: { role: 'user', content: [result] } }),
    ])
    expect(session.events.at(-1)).toMatchObject({
      kind: 'error',
      content: 'Error: port is taken',
      is_error: true,
    })
    expect(session.errors).toEqual([{ text: 'npm test: Error: port is taken', count: 1 }])
  })
})
