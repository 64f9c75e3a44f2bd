import { describe, expect, it } from 'vitest'
import { limits } from '../domain/limits.ts'
import { parsePayload } from './payload.ts'

const common = { hook_event_name: 'PostToolUse', session_id: 's' }
const read = (fields: object) => parsePayload({ ...common, ...fields })

describe('the payload of a hook', () => {
  it('cuts ids and names, and drops paths that no file system has', () => {
    const long = 'x'.repeat(limits.hookNameChars + 1)
    const payload = read({
      tool_name: long,
      tool_use_id: long,
      agent_id: long,
      cwd: long,
      transcript_path: long,
    })
    expect(payload).toMatchObject({
      tool_name: long.slice(1),
      tool_use_id: long.slice(1),
      agent_id: long.slice(1),
    })
    expect(payload?.cwd).toBeUndefined()
    expect(payload?.transcript_path).toBeUndefined()
    expect(read({ cwd: '/home/ana', transcript_path: 7 })).toMatchObject({ cwd: '/home/ana' })
  })

  it('cuts every text and says so, also in the calls of a batch', () => {
    const command = 'c'.repeat(limits.hookTextChars + 1)
    const call = { tool_name: 'Bash', tool_use_id: 't', tool_input: { command }, tool_response: { command } }
    const { tool_calls: calls } = read({ tool_calls: [call] }) ?? {}
    const [cut] = calls as (typeof call)[]
    expect(cut?.tool_input.command.length).toBeLessThanOrEqual(limits.hookCommandChars)
    expect(cut?.tool_response.command.length).toBeGreaterThan(limits.hookTextChars - 10)
    expect(cut?.tool_response.command.length).toBeLessThanOrEqual(limits.hookTextChars)
    const patch = read({ tool_name: 'apply_patch', tool_input: { command } })
    const input = patch?.tool_input as { command: string } | undefined
    expect(input?.command.length).toBeGreaterThan(limits.hookCommandChars)
    for (const payload of [read({ prompt: command }), read({ error: command })]) {
      const text = payload?.prompt ?? payload?.error ?? ''
      expect(text.length).toBeLessThanOrEqual(limits.hookTextChars)
      expect(text).toMatch(/\n\[truncated: \d+ bytes left out\]$/)
    }
  })

  it('leaves no half of a secret where it cuts', () => {
    const secret = `ghp_${'a1B2c3D4e5'.repeat(4).slice(0, 36)}`
    const command = `${'c '.repeat(limits.hookCommandChars / 2 - 30)} ${secret} ${'d'.repeat(100)}`
    const payload = read({ tool_name: 'Bash', tool_input: { command } })
    expect(JSON.stringify(payload)).not.toContain(secret.slice(0, 10))
  })
})
