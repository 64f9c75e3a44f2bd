import type { Redaction } from '../../domain/redaction/redact-secrets.ts'

/** What a Claude Code transcript says, reduced to what is worth remembering. */
export interface TranscriptFile {
  readonly fileName: string
  readonly sessions: TranscriptSession[]
  /** Understood and left out on purpose, by reason. */
  readonly skipped: Skipped[]
  /** Not understood, at most a thousand of them; `malformedCount` has them all. */
  readonly malformed: { line: number; reason: string }[]
  readonly malformedCount: number
  /** Summary lines about sessions of other files: a folder's import can place them by `leafUuid`. */
  readonly otherSummaries: { leafUuid: string; summary: string }[]
  /** What cleaning took out of all entries together. */
  readonly redacted: Redaction[]
  readonly injectedRemoved: number
}

export interface Skipped {
  readonly reason: string
  readonly count: number
  /** Line number of the first, from 1. */
  readonly firstLine: number
}

export interface TranscriptSession {
  readonly sessionId: string
  readonly title: string
  readonly cwd: string | undefined
  readonly gitBranch: string | undefined
  readonly version: string | undefined
  readonly startedAt: Date | undefined
  readonly endedAt: Date | undefined
  readonly entries: TranscriptEntry[]
  readonly subagents: TranscriptSubagent[]
  /** What people wrote, in order. */
  readonly userPrompts: string[]
  /** Read or changed by tools, subagents included, relative to `cwd`, in order of first use. */
  readonly filesTouched: string[]
  readonly filesChanged: string[]
  readonly errors: TranscriptError[]
  /** The assistant's last message: where the work stood when the session ended. */
  readonly outcomeHint: string | undefined
}

/** A sidechain: work that the assistant gave to an agent of its own. */
export interface TranscriptSubagent {
  readonly agentId: string
  /** Key of the tool call that started it, when the file tells. */
  readonly parentKey: string | undefined
  readonly description: string | undefined
  readonly entries: TranscriptEntry[]
}

export type TranscriptEntryKind = 'message' | 'tool_call' | 'tool_result' | 'error' | 'observation'

export interface TranscriptEntry {
  /** Stable over repeated imports: uuid of the line and index of the part. */
  readonly key: string
  readonly kind: TranscriptEntryKind
  readonly role: 'user' | 'assistant' | 'tool' | 'system'
  readonly tool?: string
  /** Id of the tool call that this is, or is the result of. */
  readonly toolUseId?: string
  /** Readable, cleaned and bounded; ready to be stored. */
  readonly content: string
  readonly files: string[]
  readonly isError: boolean
  readonly occurredAt: Date
}

/** Something that failed, once per command however often it was tried. */
export interface TranscriptError {
  /** Key of the entry with the first failure. */
  readonly key: string
  readonly tool: string
  /** The command or call that failed, as its entry renders it. */
  readonly call: string
  readonly message: string
  readonly attempts: number
  readonly occurredAt: Date
  /** True when the same command succeeded later in the same session. */
  readonly resolved: boolean
}
