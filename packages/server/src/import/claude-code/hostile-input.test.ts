import { describe, expect, it } from 'vitest'
import { limits } from '../../domain/limits.ts'
import { parseTranscript } from './parse-transcript.ts'
import { titleOfPrompt, titleOfSession } from './title.ts'
import { describeToolCall } from './tool-call.ts'
import { describeToolResult } from './tool-result.ts'

/** Milliseconds; far more than linear work takes, and far less than work that grows with the square. */
const generousMs = 2_000
const took = (work: () => unknown): number => {
  const startedAt = performance.now()
  work()
  return performance.now() - startedAt
}
const bash = (command: string) => describeToolCall({ name: 'Bash', input: { command } })

describe('texts that were written to be slow to read', () => {
  it('takes commands with many pipes and spaces', () => {
    const command = `x ${'|cat   '.repeat(20)}|x`
    expect(took(() => bash(command))).toBeLessThan(generousMs)
    expect(took(() => bash(`x ${'|cat   '.repeat(200)}|x`))).toBeLessThan(generousMs)
  }, 600_000)

  it('still takes the same command for a second try, whatever cuts its output', () => {
    for (const end of ['', ' ', ' | tail -5', ' 2>&1', ' 2>&1 | tail -5', ' 2>&1 | head -90 | cat -A  '])
      expect(bash(`npm test${end}`).signature).toBe('Bash: npm test')
    expect(bash('cat a | sort').signature).toBe('Bash: cat a | sort')
    expect(bash('cat').signature).toBe('Bash: cat')
  })

  it('takes a command with many spaces when it reads the result', () => {
    const call = bash(`x && ${' '.repeat(200_000)}x`)
    expect(took(() => describeToolResult(call, 'said', false))).toBeLessThan(generousMs)
    expect(took(() => describeToolResult(bash('x'), '\n'.repeat(4_000) + '.', false))).toBeLessThan(
      generousMs,
    )
  }, 600_000)

  it('takes titles of many dots, spaces and line ends', () => {
    const dots = `${'. '.repeat(200_000)}x`
    expect(titleOfPrompt(`Please explain ${dots}`).length).toBeLessThanOrEqual(400)
    const session = { entries: [], userPrompts: [], title: dots } as unknown as Parameters<
      typeof titleOfSession
    >[0]
    expect(took(() => titleOfSession(session, new Map()))).toBeLessThan(generousMs)
    const lines = (count: number) => `Fix this:\n${'\n>'.repeat(count)}.`
    expect(took(() => titleOfPrompt(lines(2_000)))).toBeLessThan(
      50 + 20 * took(() => titleOfPrompt(lines(200))),
    )
  }, 600_000)

  it('names as many files of a patch as a memory may', async () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `/w/${'d'.repeat(60)}/file-${index}.ts`)
    const patch = names.map((name) => `*** Update File: ${name}\n`).join('')
    const call = describeToolCall({ name: 'apply_patch', input: { command: patch } })
    expect(call.files).toHaveLength(limits.filesPerItem)
    expect(call.content.length).toBeLessThan(10_000)
    expect(call.signature.length).toBeLessThan(10_000)
    const part = { type: 'tool_use', id: 't', name: 'apply_patch', input: { command: patch } }
    const line = { type: 'assistant', sessionId: 's', cwd: '/w', message: { content: [part] } }
    const { sessions } = await parseTranscript([JSON.stringify(line)], { fileName: 's' })
    expect(sessions[0]?.entries[0]?.files).toHaveLength(limits.filesPerItem)
    expect(sessions[0]?.entries[0]?.content).toMatch(/^Edit d{60}\/file-0\.ts, /)
  }, 600_000)
})
