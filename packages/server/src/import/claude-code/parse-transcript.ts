import { cleanForStorage } from '../../domain/ingest/clean-for-storage.ts'
import { isOwnToolName } from '../../domain/ingest/injected-text.ts'
import { redactDeep } from '../../domain/redaction/redact-deep.ts'
import { SessionBuilder, type Thread } from './session-builder.ts'
import type { Skipped, TranscriptEntry, TranscriptFile } from './transcript.ts'
import {
  parseLine,
  parsePart,
  type ToolResultPart,
  type ToolUsePart,
  type TranscriptLine,
} from './transcript-line.ts'
import { describeToolCall } from './tool-call.ts'
import { describeToolResult } from './tool-result.ts'
import { parseUserText, withoutReminders } from './user-text.ts'

/**
 * Turns the lines of a Claude Code transcript into what is worth remembering: what people asked, what the
 * assistant said and did, what failed. Left out, and counted: thinking, images, contents of files, reminders
 * to the model, results of our own tools, repeated lines. A line that is not understood loses nothing else.
 *
 * Every text is cleaned here already, and cut only after that, so that no secret escapes by being cut in half.
 */
export interface ParseTranscriptOptions {
  readonly fileName: string
  /** Longer lines are reported as malformed. */
  readonly lineCharsMax?: number
  /** For one message; tool results have tighter limits of their own. */
  readonly textBytesMax?: number
  /** False where a failure's text is all the tool's own: then it is not read as a refusal by the person. */
  readonly hasRefusals?: boolean
}

export const lineCharsMaxDefault = 16_000_000
const textBytesMaxDefault = 32_768
const malformedMax = 1_000

export async function parseTranscript(
  lines: AsyncIterable<string> | Iterable<string>,
  {
    fileName,
    lineCharsMax = lineCharsMaxDefault,
    textBytesMax = textBytesMaxDefault,
    hasRefusals = true,
  }: ParseTranscriptOptions,
): Promise<TranscriptFile> {
  const parser = new TranscriptParser(fileName, textBytesMax, hasRefusals)
  let number = 0
  for await (const line of lines) {
    number += 1
    const text = line.replace(/\r$/, '').replace(/^\uFEFF/, '')
    if (text.trim() === '') continue
    if (text.length > lineCharsMax) parser.reportMalformed(number, `longer than ${lineCharsMax} characters`)
    else parser.readLine(text, number)
  }
  return parser.finish(number)
}

class TranscriptParser {
  readonly #fileName: string
  readonly #textBytesMax: number
  readonly #hasRefusals: boolean
  readonly #sessions = new Map<string, SessionBuilder>()
  readonly #sessionOfUuid = new Map<string, string>()
  readonly #summaries: { leafUuid: string; summary: string }[] = []
  readonly #skipped = new Map<string, { count: number; firstLine: number }>()
  readonly #malformed: { line: number; reason: string }[] = []
  readonly #redacted = new Map<string, number>()
  #malformedCount = 0
  #injectedRemoved = 0

  constructor(fileName: string, textBytesMax: number, hasRefusals: boolean) {
    this.#fileName = fileName
    this.#hasRefusals = hasRefusals
    this.#textBytesMax = textBytesMax
  }

  reportMalformed(line: number, reason: string): void {
    this.#malformedCount += 1
    if (this.#malformed.length < malformedMax) this.#malformed.push({ line, reason })
  }

  readLine(text: string, number: number): void {
    const { value: line, reason } = parseLine(text)
    if (line === undefined) return this.reportMalformed(number, reason)
    if (line.type === 'summary') return this.#readSummary(line, number)
    if (line.uuid !== undefined && this.#sessionOfUuid.has(line.uuid))
      return this.#skip('repeated line', number)
    const session = this.#sessionFor(line)
    if (line.uuid !== undefined) this.#sessionOfUuid.set(line.uuid, session.sessionId)
    if (line.type !== 'user' && line.type !== 'assistant')
      return this.#skip(`type ${plainWord(line.type)}`, number)
    session.seeLine(line)
    const omitted = whyOmitted(line)
    if (omitted !== undefined) return this.#skip(omitted, number)
    this.#readMessage(line, session.threadFor(line, number), number)
  }

  finish(lastLine: number): TranscriptFile {
    const cut = this.#malformed.at(-1)
    if (cut?.line === lastLine && cut.reason === 'not JSON')
      cut.reason = 'not JSON (the last line, probably not written to its end)'
    const otherSummaries: { leafUuid: string; summary: string }[] = []
    for (const summary of this.#summaries) {
      const session = this.#sessions.get(this.#sessionOfUuid.get(summary.leafUuid) ?? '')
      if (session === undefined) otherSummaries.push(summary)
      else session.title = summary.summary
    }
    const sessions = [...this.#sessions.values()].filter((session) => !session.isEmpty)
    return {
      fileName: this.#fileName,
      sessions: sessions.map((session) => session.finish((reason, line) => this.#skip(reason, line))),
      skipped: [...this.#skipped].map(([reason, entry]): Skipped => ({ reason, ...entry })),
      malformed: this.#malformed,
      malformedCount: this.#malformedCount,
      otherSummaries,
      redacted: [...this.#redacted].map(([kind, count]) => ({ kind, count })),
      injectedRemoved: this.#injectedRemoved,
    }
  }

  #readSummary({ summary, leafUuid }: TranscriptLine, number: number): void {
    if (summary === undefined || leafUuid === undefined)
      return this.reportMalformed(number, 'summary without text or leafUuid')
    this.#summaries.push({ leafUuid, summary: this.#clean(summary) })
  }

  #sessionFor(line: TranscriptLine): SessionBuilder {
    const sessionId = line.sessionId ?? this.#fileName.replace(/\.jsonl$/, '')
    let session = this.#sessions.get(sessionId)
    if (session === undefined) this.#sessions.set(sessionId, (session = new SessionBuilder(sessionId)))
    return session
  }

  #readMessage(line: TranscriptLine, thread: Thread, number: number): void {
    const content = line.message?.content
    if (content === undefined) return this.reportMalformed(number, 'line has no message')
    if (typeof content === 'string') return this.#readText(content, { line, thread, number, part: 0 })
    content.forEach((item, part) => {
      const place: Place = { line, thread, number, part }
      const { value, reason } = parsePart(item)
      if (value === undefined) return this.reportMalformed(number, reason)
      switch (value.type) {
        case 'text':
          return this.#readText(value.text, place)
        case 'tool_use':
          return this.#readToolCall(value, place)
        case 'tool_result':
          return this.#readToolResult(value, place)
        case 'other':
          return this.#skip(value.name.endsWith('thinking') ? 'thinking' : plainWord(value.name), number)
      }
    })
  }

  #readText(raw: string, place: Place): void {
    if (place.line.isCompactSummary)
      return this.#add(place, { kind: 'observation', role: 'system', content: raw })
    if (place.line.type === 'assistant')
      return this.#add(place, { kind: 'message', role: 'assistant', content: raw })
    const said = parseUserText(raw)
    switch (said.kind) {
      case 'skip':
        return this.#skip(said.reason, place.number)
      case 'interruption':
        return this.#add(place, {
          kind: 'observation',
          role: 'user',
          content: 'The user interrupted the assistant.',
        })
      case 'shell_input':
        return this.#add(place, {
          kind: 'tool_call',
          role: 'user',
          tool: 'Bash',
          content: `Bash: ${said.text}`,
        })
      case 'shell_output':
        return this.#addShellOutput(said.text, place)
      case 'prompt':
        return this.#add(place, {
          kind: 'message',
          role: place.thread.isSidechain ? 'assistant' : 'user',
          content: said.text,
        })
    }
  }

  #addShellOutput(raw: string, place: Place): void {
    const outcome = describeToolResult(undefined, this.#clean(raw), false)
    if (outcome.skip !== undefined) return this.#skip(outcome.skip, place.number)
    this.#add(place, { kind: 'tool_result', role: 'tool', tool: 'Bash', content: outcome.content })
  }

  #readToolCall(part: ToolUsePart, place: Place): void {
    if (isOwnToolName(part.name)) {
      place.thread.ownCalls.add(part.id)
      return this.#skip('own tool', place.number)
    }
    const call = describeToolCall({ name: part.name, input: this.#cleanInput(part.input) })
    const key = keyOf(place)
    place.thread.startCall(part.id, { ...call, key, prompt: promptOf(part) })
    const files = place.thread.filesOf(call, place.line.cwd)
    const kind = part.name === 'TodoWrite' ? 'observation' : 'tool_call'
    if (kind === 'observation') place.thread.replacePlan(key, place.number)
    const content = call.files.reduce(
      (text, file, index) => text.replace(file, () => files[index] ?? file),
      call.content,
    )
    this.#add(place, { kind, role: 'assistant', tool: part.name, toolUseId: part.id, content, files })
  }

  #readToolResult(part: ToolResultPart, place: Place): void {
    const { thread, number } = place
    if (thread.ownCalls.has(part.tool_use_id)) return this.#skip('own tool', number)
    const call = thread.calls.get(part.tool_use_id)
    const text = this.#clean(this.#textOf(part, number), Number.MAX_SAFE_INTEGER)
    const outcome = describeToolResult(call, text, part.is_error === true, {
      hasRefusals: this.#hasRefusals,
    })
    thread.linkAgent(place.line.toolUseResult, call)
    if (call !== undefined) thread.settle(call, outcome, keyOf(place), thread.timeOf(place.line))
    if (outcome.skip !== undefined) return this.#skip(outcome.skip, number)
    const files = call === undefined ? [] : thread.filesOf(call, place.line.cwd)
    const role = outcome.kind === 'observation' ? 'user' : 'tool'
    this.#add(place, {
      kind: outcome.kind,
      role,
      tool: call?.tool,
      toolUseId: part.tool_use_id,
      content: outcome.content,
      files,
      isError: outcome.failed,
    })
  }

  #textOf({ content }: ToolResultPart, number: number): string {
    if (typeof content === 'string') return withoutReminders(content)
    const texts: string[] = []
    for (const part of content ?? []) {
      if (part.type === 'text') texts.push(part.text ?? '')
      else this.#skip(plainWord(part.type), number)
    }
    return withoutReminders(texts.join('\n'))
  }

  #add(
    place: Place,
    entry: Pick<TranscriptEntry, 'kind' | 'role' | 'content'> & Partial<TranscriptEntry>,
  ): void {
    const content = this.#clean(entry.content).trim()
    if (content === '') return this.#skip('nothing left after cleaning', place.number)
    const occurredAt = place.thread.timeOf(place.line)
    place.thread.entries.push({ files: [], isError: false, ...entry, key: keyOf(place), content, occurredAt })
  }

  #clean(text: string, textBytesMax = this.#textBytesMax): string {
    const cleaned = cleanForStorage(text, { textBytesMax })
    for (const { kind, count } of cleaned.redacted)
      this.#redacted.set(kind, (this.#redacted.get(kind) ?? 0) + count)
    this.#injectedRemoved += cleaned.injectedRemoved
    return cleaned.text
  }

  /** Inputs are cleaned before they are rendered, because rendering shortens them. */
  #cleanInput(input: ToolUsePart['input']): ToolUsePart['input'] {
    const cleaned: [string, unknown][] = Object.entries(input).map(([name, value]) => {
      const visible = mapStrings(value, (text) => this.#clean(text, Number.MAX_SAFE_INTEGER))
      const { value: safe, found } = redactDeep(visible, name)
      for (const { kind, count } of found) this.#redacted.set(kind, (this.#redacted.get(kind) ?? 0) + count)
      return [name, safe]
    })
    return Object.fromEntries(cleaned)
  }

  #skip(reason: string, line: number): void {
    const entry = this.#skipped.get(reason)
    if (entry === undefined) this.#skipped.set(reason, { count: 1, firstLine: line })
    else entry.count += 1
  }
}

interface Place {
  readonly line: TranscriptLine
  readonly thread: Thread
  readonly number: number
  readonly part: number
}

/** JSON of a transcript line is no deeper than its reader allows; beyond that it is left as it is. */
function mapStrings(value: unknown, map: (text: string) => string, depth = 0): unknown {
  if (typeof value === 'string') return map(value)
  if (typeof value !== 'object' || value === null || depth > 200) return value
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, map, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mapStrings(item, map, depth + 1)]),
  )
}

const keyOf = ({ line, number, part }: Place) => `${line.uuid ?? `line-${number}`}:${part}`
const promptOf = ({ input }: ToolUsePart) =>
  typeof input['prompt'] === 'string' ? input['prompt'].trim() : undefined
/** Types and part names come from the file: only plain words are repeated in the report. */
const plainWord = (word: string) => (/^[\w-]{1,40}$/.test(word) ? word : 'unknown')

function whyOmitted(line: TranscriptLine): string | undefined {
  if (line.isMeta) return 'added by the client'
  if (line.isApiErrorMessage) return 'API error'
  return line.message?.model === '<synthetic>' ? 'synthetic message' : undefined
}
