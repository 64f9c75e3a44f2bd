import { relativeFile } from './file-path.ts'
import { shorten, type ToolCall } from './tool-call.ts'
import type { ToolOutcome } from './tool-result.ts'
import type { TranscriptEntry, TranscriptError, TranscriptSession, TranscriptSubagent } from './transcript.ts'
import type { TranscriptLine } from './transcript-line.ts'

const titleCharsMax = 100

interface StartedCall extends ToolCall {
  /** Key of the call's entry. */
  readonly key: string
  /** The task for a subagent, by which its thread is recognised. */
  readonly prompt: string | undefined
}

/** One line of conversation: the session's own, or that of one subagent. */
export class Thread {
  readonly entries: TranscriptEntry[] = []
  readonly calls = new Map<string, StartedCall>()
  readonly ownCalls = new Set<string>()
  readonly isSidechain: boolean
  readonly agentId: string
  readonly #session: SessionBuilder
  readonly #replacedPlans: { key: string; line: number }[] = []
  #plan: { key: string; line: number } | undefined

  constructor(session: SessionBuilder, agentId: string, isSidechain: boolean) {
    this.#session = session
    this.agentId = agentId
    this.isSidechain = isSidechain
  }

  startCall(id: string, call: StartedCall): void {
    this.calls.set(id, call)
  }

  timeOf(line: TranscriptLine): Date {
    return this.#session.timeOf(line)
  }

  filesOf(call: ToolCall, cwd: string | undefined): string[] {
    const root = this.#session.cwd ?? ''
    const files = call.files.map((file) => relativeFile(file, { cwd: cwd ?? root, root }))
    this.#session.touch(files, call.changesFiles)
    return files
  }

  /** Only the last state of a plan is worth keeping. */
  replacePlan(key: string, line: number): void {
    if (this.#plan !== undefined) this.#replacedPlans.push(this.#plan)
    this.#plan = { key, line }
  }

  settle(call: StartedCall, outcome: ToolOutcome, key: string, at: Date): void {
    this.#session.settle(call, outcome, key, at)
  }

  /** The result of a call that started a subagent names the agent. */
  linkAgent(toolUseResult: unknown, call: StartedCall | undefined): void {
    if (call === undefined || typeof toolUseResult !== 'object' || toolUseResult === null) return
    const { agentId } = toolUseResult as { agentId?: unknown }
    if (typeof agentId === 'string') this.#session.callOfAgent.set(agentId, call)
  }

  finish(skip: (reason: string, line: number) => void): TranscriptEntry[] {
    const replaced = new Set(this.#replacedPlans.map((plan) => plan.key))
    for (const plan of this.#replacedPlans) skip('plan that was replaced', plan.line)
    return this.entries.filter((entry) => !replaced.has(entry.key))
  }
}

export class SessionBuilder {
  readonly sessionId: string
  title: string | undefined
  cwd: string | undefined
  readonly callOfAgent = new Map<string, StartedCall>()
  readonly #main: Thread
  readonly #sidechains = new Map<string, Thread>()
  readonly #agentOfUuid = new Map<string, string>()
  readonly #touched = new Set<string>()
  readonly #changed = new Set<string>()
  readonly #failures = new Map<string, TranscriptError>()
  #gitBranch: string | undefined
  #version: string | undefined
  #startedAt: Date | undefined
  #endedAt: Date | undefined

  constructor(sessionId: string) {
    this.sessionId = sessionId
    this.#main = new Thread(this, sessionId, false)
  }

  get isEmpty(): boolean {
    return this.#main.entries.length === 0 && this.#sidechains.size === 0
  }

  seeLine(line: TranscriptLine): void {
    this.cwd ??= line.cwd
    this.#gitBranch = line.gitBranch || this.#gitBranch
    this.#version = line.version ?? this.#version
    const at = dateOf(line)
    if (at === undefined) return
    if (this.#startedAt === undefined || at < this.#startedAt) this.#startedAt = at
    if (this.#endedAt === undefined || at > this.#endedAt) this.#endedAt = at
  }

  /** A line without a readable time happened when the one before it did. */
  timeOf(line: TranscriptLine): Date {
    return dateOf(line) ?? this.#endedAt ?? new Date(0)
  }

  /** Subagents are told apart by their id, in older versions by the chain of parents. */
  threadFor(line: TranscriptLine, number: number): Thread {
    if (!line.isSidechain) return this.#main
    const uuid = line.uuid ?? `line-${number}`
    const agentId = line.agentId ?? this.#agentOfUuid.get(line.parentUuid ?? '') ?? uuid
    this.#agentOfUuid.set(uuid, agentId)
    let thread = this.#sidechains.get(agentId)
    if (thread === undefined) this.#sidechains.set(agentId, (thread = new Thread(this, agentId, true)))
    return thread
  }

  touch(files: readonly string[], changes: boolean): void {
    for (const file of files) {
      this.#touched.add(file)
      if (changes) this.#changed.add(file)
    }
  }

  /** Remembers failures by what was tried; the same thing succeeding later resolves them. */
  settle(call: StartedCall, outcome: ToolOutcome, key: string, occurredAt: Date): void {
    const known = this.#failures.get(call.signature)
    if (outcome.skip === undefined && outcome.kind === 'error') {
      const first = known ?? { key, tool: call.tool, call: firstLine(call.content), occurredAt, attempts: 0 }
      this.#failures.set(call.signature, {
        ...first,
        message: outcome.message,
        attempts: first.attempts + 1,
        resolved: false,
      })
    } else if (
      known !== undefined &&
      !outcome.failed &&
      !(outcome.skip === undefined && outcome.kind === 'observation')
    ) {
      this.#failures.set(call.signature, { ...known, resolved: true })
    }
  }

  finish(skip: (reason: string, line: number) => void): TranscriptSession {
    const entries = this.#main.finish(skip)
    const subagents = [...this.#sidechains.values()].map((thread) => this.#finishSubagent(thread, skip))
    const prompts = entries
      .filter((entry) => entry.kind === 'message' && entry.role === 'user')
      .map((entry) => entry.content)
    const opening =
      prompts[0] ??
      subagents[0]?.description ??
      subagents[0]?.entries[0]?.content ??
      entries[0]?.content ??
      ''
    return {
      sessionId: this.sessionId,
      title: shorten(this.title ?? titleFrom(opening), titleCharsMax),
      cwd: this.cwd,
      gitBranch: this.#gitBranch,
      version: this.#version,
      startedAt: this.#startedAt,
      endedAt: this.#endedAt,
      entries,
      subagents,
      userPrompts: prompts,
      filesTouched: [...this.#touched],
      filesChanged: [...this.#changed],
      errors: [...this.#failures.values()],
      outcomeHint: entries.findLast((entry) => entry.kind === 'message' && entry.role === 'assistant')
        ?.content,
    }
  }

  #finishSubagent(thread: Thread, skip: (reason: string, line: number) => void): TranscriptSubagent {
    const entries = thread.finish(skip)
    const task = entries[0]?.content
    const calls = [...this.#main.calls.values()]
    const call =
      this.callOfAgent.get(thread.agentId) ??
      calls.find(({ prompt }) => prompt !== undefined && prompt === task)
    return {
      agentId: thread.agentId,
      parentKey: call?.key,
      description: call && firstLine(call.content),
      entries,
    }
  }
}

/** The first line, or more when that only announces what follows. */
function titleFrom(text: string): string {
  const line = firstLine(text)
  return line.endsWith(':') || line.length < 12 ? text.trim().slice(0, 400).replaceAll(/\s+/g, ' ') : line
}

const firstLine = (text: string) => text.trim().split('\n', 1)[0] ?? ''

function dateOf({ timestamp }: TranscriptLine): Date | undefined {
  const date = new Date(timestamp ?? '')
  return Number.isNaN(date.getTime()) ? undefined : date
}
