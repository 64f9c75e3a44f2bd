/**
 * What a hook of a client sends. The formats grow with every version, so only what decides is demanded; any other
 * field of a wrong type counts as absent, and unknown fields are ignored.
 * Sources: code.claude.com/docs/en/hooks, developers.openai.com/codex/hooks.
 */
import { z } from 'zod'
import { dropPrivate } from '../domain/ingest/private-fields.ts'

const text = z.string().optional().catch(undefined)

const payloadSchema = z.looseObject({
  hook_event_name: z.string().min(1).max(100),
  session_id: z.string().min(1).max(500),
  transcript_path: text,
  cwd: text,
  /** Claude Code: identifies the prompt that is being worked on. */
  prompt_id: text,
  /** Codex: the same. */
  turn_id: text,
  agent_id: text,
  agent_type: text,
  source: text,
  prompt: text,
  tool_name: text,
  tool_use_id: text,
  tool_input: z.unknown().optional(),
  tool_response: z.unknown().optional(),
  tool_calls: z.array(z.unknown()).optional().catch(undefined),
  error: text,
  last_assistant_message: text,
})
export type HookPayload = z.infer<typeof payloadSchema>

/** Fields with text of people, models and tools, in the order in which they came about. */
const contents = [
  'prompt',
  'tool_input',
  'tool_response',
  'tool_calls',
  'error',
  'last_assistant_message',
] as const

/** Without its private parts, which nothing after this sees; undefined for what is no hook's payload. */
export const parsePayload = (body: unknown): HookPayload | undefined => {
  const parsed = payloadSchema.safeParse(body)
  if (!parsed.success) return undefined
  const said = contents.flatMap((name) =>
    parsed.data[name] === undefined ? [] : [[name, parsed.data[name]]],
  )
  return { ...parsed.data, ...(dropPrivate(Object.fromEntries(said)) as Partial<HookPayload>) }
}
