/** From a parsed transcript to what memory keeps of it. */
import { agentKey, boundedId, sayingBase, sayingKey, sessionKey, toolKey } from '../../domain/capture/keys.ts'
import type { EventInput } from '../../domain/event/record-events.ts'
import type { ImportedFrame, ImportedSession } from '../../domain/ingest/import-session.ts'
import { isFinished, summaryOf } from '../../domain/ingest/summary-of.ts'
import { limits } from '../../domain/limits.ts'
import { titleOfSession } from './title.ts'
import type { TranscriptEntry, TranscriptError, TranscriptSession, TranscriptSubagent } from './transcript.ts'
import { shorten } from './tool-call.ts'

/** The whole prompt is the first event; in a digest a long one would leave no room for what came of it. */
const goalCharsMax = 200
const errorsMax = 6

/** @param summaryOfLeaf title that Claude Code gave elsewhere, by the uuid of a session's last message */
export const toImportedSession = (
  session: TranscriptSession,
  summaryOfLeaf: ReadonlyMap<string, string> = new Map(),
): ImportedSession => {
  const root = sessionKey('claude-code', session.sessionId)
  return {
    ...toFrame(session.entries, root, root),
    name: titleOfSession(session, summaryOfLeaf),
    type: 'session',
    goal: goalOf(session.userPrompts[0] ?? ''),
    branch: session.gitBranch === undefined ? null : shorten(session.gitBranch, limits.nameChars),
    files: [...new Set([...session.filesChanged, ...session.filesTouched])]
      .filter(isStorablePath)
      .slice(0, limits.filesPerItem),
    startedAt: session.startedAt ?? session.entries[0]?.occurredAt ?? new Date(0),
    endedAt: session.endedAt ?? session.entries.at(-1)?.occurredAt ?? new Date(0),
    errors: digestErrors(session.errors),
    subagents: session.subagents.map((subagent) => toSubagent(subagent, root)),
  }
}

const toSubagent = (subagent: TranscriptSubagent, root: string): ImportedFrame => ({
  ...toFrame(subagent.entries, agentKey(root, subagent.agentId), root),
  name: shorten(
    (subagent.description ?? subagent.entries[0]?.content ?? 'Subagent')
      .split('\n', 1)[0]
      ?.replace(/^Task\b\s*/, '') || 'Subagent',
    limits.nameChars,
  ),
  type: 'subtask',
  goal: goalOf(subagent.entries[0]?.content ?? ''),
})

const toFrame = (entries: TranscriptEntry[], externalKey: string, root: string): ImportedFrame => ({
  externalKey,
  name: '',
  type: 'session',
  goal: '',
  branch: null,
  files: [],
  startedAt: entries[0]?.occurredAt ?? new Date(0),
  endedAt: entries.at(-1)?.occurredAt ?? new Date(0),
  outcome: isFinished(entries) ? 'done' : 'abandoned',
  summary: summaryOf(entries),
  events: withAliases(
    entries.map((entry) => ({ entry, event: toEvent(entry, root) })),
    externalKey,
  ),
})

/** The keys under which hooks have recorded the same (domain/capture/keys.ts). */
const withAliases = (pairs: { entry: TranscriptEntry; event: EventInput }[], frameKey: string) => {
  const said = new Map<string, number>()
  return pairs.map(({ entry, event }): EventInput => {
    if (entry.toolUseId !== undefined) {
      const part = entry.role === 'assistant' ? 'call' : 'result'
      return { ...event, alias: toolKey('claude-code', entry.toolUseId, part) }
    }
    if (entry.kind !== 'message') return event
    const base = sayingBase(frameKey, event.role, event.content)
    const count = (said.get(base) ?? 0) + 1
    said.set(base, count)
    return { ...event, alias: sayingKey(base, count) }
  })
}

export const toEvent = (entry: TranscriptEntry, root: string): EventInput => ({
  kind: entry.kind,
  role: entry.role,
  actor: '',
  tool: entry.tool === undefined ? '' : shorten(entry.tool, limits.nameChars),
  content: entry.isError ? withoutExitCode(entry.content) : entry.content,
  files: entry.files.filter(isStorablePath).slice(0, limits.filesPerItem),
  is_error: entry.isError,
  occurred_at: entry.occurredAt.toISOString(),
  // A session that is resumed repeats the lines of the earlier one with their uuids, in a file of its own. Only
  // lines without a uuid, which are known by their number, need the session to be told apart.
  key: entry.key.startsWith('line-') ? `${root}:${entry.key}` : `claude-code:${boundedId(entry.key)}`,
})

/** What stayed broken first; the rest shows what had to be overcome. */
const digestErrors = (errors: readonly TranscriptError[]) =>
  errors
    .toSorted((a, b) => Number(a.resolved) - Number(b.resolved))
    .slice(0, errorsMax)
    .map((error) => ({
      text: `${shorten(error.call.replace(/^Bash: /, ''), 120)}: ${shorten(error.message, 200)}${error.resolved ? ' (worked later)' : ''}`,
      count: error.attempts,
    }))

/** The first line of an error is what lists show of it. */
const withoutExitCode = (content: string) =>
  content.replace(/^(?:Error: )?Exit code \d+\s*\n(?=\s*\S)/, '').trimStart()

export const goalOf = (prompt: string) =>
  shorten(
    prompt
      .replaceAll(/\b([0-9a-f]{10})[0-9a-f]{30}\b/g, '$1')
      .replaceAll(/\s+/g, ' ')
      .trim(),
    goalCharsMax,
  )
const isStorablePath = (path: string) => path !== '' && path.length <= limits.pathChars
