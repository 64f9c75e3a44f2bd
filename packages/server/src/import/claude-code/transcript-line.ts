import { z } from 'zod'

/**
 * One line of a transcript. The format is not documented and grows with every version, so only what decides
 * over a line is demanded; any other field of a wrong type counts as absent and unknown fields are ignored.
 */
const optionalString = z.string().optional().catch(undefined)
const flag = z.boolean().optional().catch(undefined)

const lineSchema = z.looseObject({
  type: z.string().min(1),
  uuid: optionalString,
  parentUuid: optionalString,
  sessionId: optionalString,
  agentId: optionalString,
  cwd: optionalString,
  gitBranch: optionalString,
  version: optionalString,
  timestamp: optionalString,
  subtype: optionalString,
  summary: optionalString,
  leafUuid: optionalString,
  isSidechain: flag,
  isMeta: flag,
  isCompactSummary: flag,
  isApiErrorMessage: flag,
  message: z
    .looseObject({ model: optionalString, content: z.union([z.string(), z.array(z.unknown())]) })
    .optional(),
  toolUseResult: z.unknown().optional(),
})

const textPart = z.looseObject({ type: z.literal('text'), text: z.string() })
const toolUsePart = z.looseObject({
  type: z.literal('tool_use'),
  id: z.string(),
  name: z.string(),
  input: z.record(z.string(), z.unknown()).catch({}),
})
const toolResultPart = z.looseObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string(),
  content: z
    .union([z.string(), z.array(z.looseObject({ type: z.string(), text: optionalString }))])
    .optional(),
  is_error: flag,
})
const otherPart = z.looseObject({ type: z.string().min(1) })

export type TranscriptLine = z.infer<typeof lineSchema>
export type ToolUsePart = z.infer<typeof toolUsePart>
export type ToolResultPart = z.infer<typeof toolResultPart>
export type TranscriptPart =
  | z.infer<typeof textPart>
  | ToolUsePart
  | ToolResultPart
  | { type: 'other'; name: string }

type Parsed<T> = { value: T; reason?: undefined } | { value?: undefined; reason: string }

export function parseLine(text: string): Parsed<TranscriptLine> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { reason: 'not JSON' }
  }
  return parsed(lineSchema.safeParse(json), 'line')
}

const knownParts = { text: textPart, tool_use: toolUsePart, tool_result: toolResultPart } as const

export function parsePart(part: unknown): Parsed<TranscriptPart> {
  const outer = parsed(otherPart.safeParse(part), 'part')
  if (outer.reason !== undefined) return outer
  const { type } = outer.value
  if (type !== 'text' && type !== 'tool_use' && type !== 'tool_result')
    return { value: { type: 'other', name: type } }
  return parsed<TranscriptPart>(knownParts[type].safeParse(part), type)
}

/** The reason names our field and never repeats what stood in the file. */
function parsed<T>(result: z.ZodSafeParseResult<T>, what: string): Parsed<T> {
  if (result.success) return { value: result.data }
  const path = result.error.issues[0]?.path.filter((step) => typeof step === 'string').join('.')
  return { reason: path ? `${what} has an unexpected shape at ${path}` : `${what} has an unexpected shape` }
}
