/**
 * From a hook's payload to what memory keeps of it. The payload is written as the lines that the client's transcript
 * would have, and read by the reader of transcripts: so what hooks record has the shape of what an import brings,
 * and what the import leaves out (contents of files, our own tools, reminders) is left out here too.
 */
import type { Captured } from '../domain/capture/capture.ts'
import { agentKey, sessionKey, toolKey } from '../domain/capture/keys.ts'
import type { DigestReason } from '../domain/capture/save-digest.ts'
import type { EventInput } from '../domain/event/record-events.ts'
import { parseTranscript } from '../import/claude-code/parse-transcript.ts'
import { titleOfPrompt } from '../import/claude-code/title.ts'
import { goalOf, toEvent } from '../import/claude-code/to-imported-session.ts'
import { shorten } from '../import/claude-code/tool-call.ts'
import type { TranscriptEntry } from '../import/claude-code/transcript.ts'
import type { HookPayload } from './payload.ts'
import { sessionRoot } from './session-root.ts'
import { readToolResponse, type ToolAnswer } from './tool-response.ts'

export const hookClients = ['claude-code', 'codex'] as const
export type HookClient = (typeof hookClients)[number]

const clientNames: Record<HookClient, string> = { 'claude-code': 'Claude Code', codex: 'Codex' }
const titleCharsMax = 100

const digests: Readonly<Record<string, DigestReason>> = {
  PreCompact: 'compaction',
  Stop: 'turn',
  StopFailure: 'turn',
  SubagentStop: 'end',
  SessionEnd: 'end',
}

/** @param at when the hook came, which is as near as we get to when it happened */
export const toCaptured = async (
  client: HookClient,
  payload: HookPayload,
  { at, retryKey }: { at: Date; retryKey: string | undefined },
): Promise<Captured> => {
  const session = sessionKey(client, payload.session_id)
  const entries = await readEntries(client, payload, at)
  const prompt = payload.hook_event_name === 'UserPromptSubmit' ? (entries[0]?.content ?? '') : ''
  const work = payload.prompt_id ?? payload.turn_id
  return {
    session: {
      key: session,
      name: titleFor(prompt) || `${clientNames[client]} session`,
      goal: goalOf(prompt),
    },
    agent:
      payload.agent_id === undefined
        ? undefined
        : {
            key: agentKey(session, payload.agent_id),
            name: shorten(`Agent ${payload.agent_type ?? ''}`.trim(), titleCharsMax),
            goal: '',
          },
    events: entries.map((entry) => withKey(client, entry, session)),
    identity:
      retryKey ??
      (work && JSON.stringify([payload.hook_event_name, work, ...entries.map((entry) => entry.content)])),
    continues: payload.hook_event_name === 'UserPromptSubmit' || payload.source === 'resume',
    digest: digests[payload.hook_event_name],
  }
}

const titleFor = (prompt: string) =>
  shorten(
    titleOfPrompt(prompt)
      .replaceAll(/\s+/g, ' ')
      .replace(/[\s.:]+$/, ''),
    titleCharsMax,
  ).trim()

/**
 * A message gets its key when it is recorded. Ids of calls are Claude Code's over all sessions, which an import
 * relies on, because a session that is resumed repeats those of the earlier one; elsewhere they are the session's.
 */
const withKey = (client: HookClient, entry: TranscriptEntry, session: string): EventInput => {
  const part = entry.role === 'assistant' ? 'call' : 'result'
  const key =
    entry.toolUseId === undefined
      ? undefined
      : toolKey(client === 'codex' ? session : client, entry.toolUseId, part)
  return { ...toEvent(entry, session), key }
}

type Line = Record<string, unknown>

const readEntries = async (
  client: HookClient,
  payload: HookPayload,
  at: Date,
): Promise<TranscriptEntry[]> => {
  const lines = linesOf(payload)
  if (lines.length === 0) return []
  const root = sessionRoot(payload.cwd, payload.transcript_path)
  const common = {
    sessionId: payload.session_id,
    timestamp: at.toISOString(),
    ...(payload.agent_id !== undefined && { isSidechain: true, agentId: payload.agent_id }),
  }
  const all = [
    { ...common, type: 'user', isMeta: true, cwd: root, message: { content: '' } },
    ...lines.map((line) => ({ ...common, cwd: payload.cwd, ...line })),
  ]
  const { sessions } = await parseTranscript(
    all.map((line) => JSON.stringify(line)),
    { fileName: client, hasRefusals: false },
  )
  return sessions.flatMap((each) => [...each.entries, ...each.subagents.flatMap((agent) => agent.entries)])
}

/** Claude Code compacts and titles with agents of its own, which have no type; nobody asked for their work. */
const isInternal = ({ agent_id: id, agent_type: type }: HookPayload) => id !== undefined && type === ''

const linesOf = (payload: HookPayload): Line[] => {
  if (isInternal(payload)) return []
  switch (payload.hook_event_name) {
    case 'UserPromptSubmit':
      return payload.prompt === undefined ? [] : [{ type: 'user', message: { content: payload.prompt } }]
    case 'PostToolUse':
      return toolLines(payload, readToolResponse(payload.tool_response))
    case 'PostToolUseFailure':
      return toolLines(payload, { text: payload.error ?? '', isError: true })
    case 'PostToolBatch':
      return (payload.tool_calls ?? []).slice(0, toolCallsMax).flatMap((call) => {
        const fields = typeof call === 'object' && call !== null ? (call as Line) : {}
        return toolLines(fields, readToolResponse(fields['tool_response']))
      })
    case 'Stop':
    case 'SubagentStop':
      return payload.last_assistant_message === undefined
        ? []
        : [{ type: 'assistant', message: { content: payload.last_assistant_message } }]
    default:
      return []
  }
}

/** Each makes two events, and a transaction takes `limits.eventsPerBatch`. */
const toolCallsMax = 50

const toolLines = (call: Line, answer: ToolAnswer): Line[] => {
  const { tool_name: name, tool_use_id: id, tool_input: input } = call
  if (typeof name !== 'string' || typeof id !== 'string' || name === '' || id === '') return []
  const fields = typeof input === 'object' && input !== null && !Array.isArray(input) ? input : { input }
  const result = { type: 'tool_result', tool_use_id: id, content: answer.text, is_error: answer.isError }
  return [
    { type: 'assistant', message: { content: [{ type: 'tool_use', id, name, input: fields }] } },
    { type: 'user', message: { content: [result] } },
  ]
}
