/**
 * What a hook of a client sends. The formats grow with every version, so only what decides is demanded; any other
 * field of a wrong type counts as absent, and unknown fields are ignored.
 * Sources: code.claude.com/docs/en/hooks, developers.openai.com/codex/hooks.
 */
import { z } from 'zod'
import { cleanForStorage } from '../domain/ingest/clean-for-storage.ts'
import { dropPrivate } from '../domain/ingest/private-fields.ts'
import { limits } from '../domain/limits.ts'

const text = z.string().optional().catch(undefined)
/** Ids, names and words of the client: longer ones are cut, and still tell two apart that begin differently. */
const word = text.transform((value) => value?.slice(0, limits.hookNameChars))
/** Half a path is another path: one that is too long for any file system counts as absent. */
const path = z.string().max(limits.hookNameChars).optional().catch(undefined)

const payloadSchema = z.looseObject({
  hook_event_name: z.string().min(1).max(100),
  session_id: z.string().min(1).max(500),
  transcript_path: path,
  cwd: path,
  /** Claude Code: identifies the prompt that is being worked on. */
  prompt_id: word,
  /** Codex: the same. */
  turn_id: word,
  agent_id: word,
  agent_type: word,
  source: word,
  prompt: text,
  tool_name: word,
  tool_use_id: word,
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

/**
 * Without its private parts, which nothing after this sees, and with every text cut to a limit, so that whatever reads
 * it later has little to read; undefined for what is no hook's payload.
 */
export const parsePayload = (body: unknown): HookPayload | undefined => {
  const parsed = payloadSchema.safeParse(body)
  if (!parsed.success) return undefined
  const said = contents.flatMap((name) =>
    parsed.data[name] === undefined ? [] : [[name, parsed.data[name]]],
  )
  const visible = dropPrivate(Object.fromEntries(said)) as Record<string, unknown>
  return { ...parsed.data, ...(cutTexts(visible, parsed.data.tool_name) as Partial<HookPayload>) }
}

/** Fields of a call and of its input that hold no text of any length. */
const shortFields: Readonly<Record<string, number>> = {
  tool_name: limits.hookNameChars,
  tool_use_id: limits.hookNameChars,
  file_path: limits.hookNameChars,
  notebook_path: limits.hookNameChars,
  path: limits.hookNameChars,
  command: limits.hookCommandChars,
}

/** Codex's patches stand under `command`, and are as long as texts. What a tool answers has names of its own. */
const cutTexts = (value: unknown, toolName: unknown, charsMax: number = limits.hookTextChars): unknown => {
  if (typeof value === 'string') return cut(value, charsMax)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => cutTexts(item, toolName, charsMax))
  const tool: unknown = 'tool_name' in value ? value.tool_name : toolName
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const isText = key === 'tool_response' || (key === 'command' && tool === 'apply_patch')
      const own = isText || !Object.hasOwn(shortFields, key) ? limits.hookTextChars : shortFields[key]
      const name = key.slice(0, limits.hookNameChars)
      return [name, key === 'tool_response' ? cutAll(item) : cutTexts(item, tool, own)]
    }),
  )
}

const cutAll = (value: unknown): unknown => {
  if (typeof value === 'string') return cut(value, limits.hookTextChars)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(cutAll)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cutAll(item)]))
}

/** Cleaned before it is cut, because half a secret would not be recognised. The cut is marked. */
const cut = (value: string, charsMax: number): string =>
  value.length <= charsMax ? value : cleanForStorage(value, { textBytesMax: charsMax }).text
