/** The reports that Claude Code's hooks would have sent while it wrote a transcript. */
import { readFile } from 'node:fs/promises'

interface Part {
  type: string
  text?: string
  id?: string
  name?: string
  input?: unknown
  tool_use_id?: string
  content?: unknown
  is_error?: boolean
}

interface Line {
  type: string
  uuid?: string
  sessionId?: string
  cwd?: string
  agentId?: string
  isSidechain?: boolean
  isMeta?: boolean
  message?: { content: string | Part[] }
}

const textOf = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : Array.isArray(content)
      ? content.map((part: Part) => part.text ?? '').join('\n')
      : ''

export const hooksOfTranscript = async (path: string): Promise<Record<string, unknown>[]> => {
  const lines = (await readFile(path, 'utf8'))
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Line]
      } catch {
        return []
      }
    })
  const root = lines.find((line) => line.cwd !== undefined)?.cwd
  const calls = new Map<string, Part>()
  const reports: Record<string, unknown>[] = []
  let lastSaid = ''
  for (const line of lines) {
    const content = line.message?.content
    if (content === undefined || line.isMeta || (line.isSidechain && line.agentId === undefined)) continue
    const common = {
      session_id: line.sessionId,
      cwd: line.cwd,
      transcript_path: `/home/ana/.claude/projects/${root?.replaceAll(/[^A-Za-z0-9]/g, '-')}/x.jsonl`,
      ...(line.isSidechain && { agent_id: line.agentId, agent_type: 'general-purpose' }),
    }
    const parts: Part[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content
    for (const part of parts) {
      if (part.type === 'tool_use' && part.id) calls.set(part.id, part)
      if (part.type === 'tool_result') reports.push({ ...common, ...toolReport(part, calls) })
      if (part.type !== 'text' || line.isSidechain) continue
      if (line.type === 'assistant') lastSaid = part.text ?? ''
      else
        reports.push({
          ...common,
          hook_event_name: 'UserPromptSubmit',
          prompt: part.text,
          prompt_id: line.uuid,
        })
    }
  }
  const [first] = reports
  const common = { session_id: first?.['session_id'], cwd: root }
  reports.push({ ...common, hook_event_name: 'Stop', last_assistant_message: lastSaid, prompt_id: 'last' })
  reports.push({ ...common, hook_event_name: 'SessionEnd', reason: 'other' })
  return reports
}

const toolReport = (result: Part, calls: ReadonlyMap<string, Part>) => {
  const call = calls.get(result.tool_use_id ?? '')
  const common = { tool_name: call?.name, tool_input: call?.input, tool_use_id: result.tool_use_id }
  return result.is_error
    ? { ...common, hook_event_name: 'PostToolUseFailure', error: textOf(result.content) }
    : { ...common, hook_event_name: 'PostToolUse', tool_response: result.content }
}
