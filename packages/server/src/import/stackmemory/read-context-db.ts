/**
 * The `context.db` of another StackMemory: frames with their events and anchors, and what its `add_decision` wrote into
 * `contexts`. A tree of frames stays a tree; every table may be missing. (Field names only; see docs/importing.md.)
 */
import type { EventInput } from '../../domain/event/record-events.ts'
import { invalidInput } from '../../domain/errors.ts'
import type { ImportedSession, ImportedSubframe } from '../../domain/ingest/import-session.ts'
import type { ImportedUnit } from '../../domain/ingest/import-statements.ts'
import type { ImportedTask } from '../../domain/ingest/import-tasks.ts'
import { limits } from '../../domain/limits.ts'
import type { AnchorType, frameTypes } from '../../domain/memory.ts'
import { titleOf } from '../../domain/text.ts'
import { addProblem, count, parseTime, type ImportedPart, type SourceReport } from '../source.ts'
import {
  jsonOf,
  numberOf,
  readSqlite,
  textOf,
  type SqliteRow,
  type SqliteTables,
} from '../sqlite/open-copy.ts'

const frameKinds: Readonly<Record<string, (typeof frameTypes)[number]>> = {
  task: 'task',
  subtask: 'subtask',
  tool_scope: 'subtask',
  review: 'review',
  write: 'write',
  debug: 'debug',
}
const anchorKinds: Readonly<Record<string, AnchorType>> = {
  FACT: 'fact',
  DECISION: 'decision',
  CONSTRAINT: 'constraint',
  INTERFACE_CONTRACT: 'interface',
  RISK: 'risk',
  LEARNING: 'learning',
}
const contextKinds: Readonly<Record<string, AnchorType>> = {
  decision: 'decision',
  constraint: 'constraint',
  learning: 'learning',
}
const eventKinds: Readonly<Record<string, Pick<EventInput, 'kind' | 'role'>>> = {
  user_message: { kind: 'message', role: 'user' },
  assistant_message: { kind: 'message', role: 'assistant' },
  tool_call: { kind: 'tool_call', role: 'assistant' },
  tool_result: { kind: 'tool_result', role: 'tool' },
  artifact: { kind: 'artifact', role: 'assistant' },
  observation: { kind: 'observation', role: 'assistant' },
}

const frameKey = (id: string) => `stackmemory:frame:${id.slice(0, 150)}`

/** Text in a value that may be JSON: the field that says most, or all of it. */
const readable = (value: unknown, fields: readonly string[]): string => {
  const parsed = jsonOf(value)
  if (parsed === undefined) return textOf(value)
  if (typeof parsed === 'string') return parsed
  if (typeof parsed !== 'object' || parsed === null) return JSON.stringify(parsed)
  const found = fields
    .map((field) => (parsed as Record<string, unknown>)[field])
    .find((each) => typeof each === 'string' && each.trim() !== '')
  if (typeof found === 'string') return found
  return Object.keys(parsed).length === 0 ? '' : JSON.stringify(parsed, null, 1)
}

const payloadFields = ['content', 'text', 'message', 'output', 'result', 'summary', 'description']

const fieldOf = (value: unknown, names: readonly string[]): unknown => {
  const parsed = jsonOf(value)
  if (typeof parsed !== 'object' || parsed === null) return undefined
  return names.map((name) => (parsed as Record<string, unknown>)[name]).find((each) => each !== undefined)
}

const toEvent = (row: SqliteRow, fallback: Date, report: SourceReport): EventInput | undefined => {
  const type = textOf(row['event_type'])
  const kind = eventKinds[type]
  if (!kind) {
    count(report.skipped, `events of the unknown type ${titleOf(type, 40) || 'none'}`)
    return undefined
  }
  const payload = row['payload']
  const isCall = type === 'tool_call'
  // Of a call the arguments say what was done.
  const content = readable(payload, isCall ? [] : payloadFields)
  if (content.trim() === '') return undefined
  const tool = fieldOf(payload, ['tool', 'tool_name', 'name'])
  const isError = fieldOf(payload, ['is_error', 'isError', 'error'])
  return {
    ...kind,
    actor: '',
    tool: type.startsWith('tool') && typeof tool === 'string' ? titleOf(tool, limits.nameChars) : '',
    content,
    files: [],
    is_error: isError !== undefined && isError !== false && isError !== null,
    occurred_at: (parseTime(row['ts']) ?? fallback).toISOString(),
    key: `stackmemory:event:${textOf(row['event_id']).slice(0, 150)}`,
  }
}

const clampPriority = (value: unknown): number | undefined => {
  const number = numberOf(value)
  return number === undefined ? undefined : Math.min(10, Math.max(1, Math.round(number)))
}

const toUnit = (what: string, id: string, statement: ImportedUnit['statements'][number]): ImportedUnit => ({
  unit: `stackmemory:${what}:${id.slice(0, 150)}`,
  isSingle: true,
  statements: [statement],
})

const toAnchor = (row: SqliteRow, type: AnchorType): ImportedUnit => {
  const id = textOf(row['anchor_id'])
  const rationale = fieldOf(row['metadata'], ['rationale', 'reason', 'why'])
  return toUnit('anchor', id, {
    type,
    content: textOf(row['text']),
    rationale: typeof rationale === 'string' ? rationale : '',
    priority: clampPriority(row['priority']),
    occurredAt: parseTime(row['created_at']),
    place: { place: `anchor ${id}` },
  })
}

const toTask = (row: SqliteRow): ImportedTask => {
  const text = textOf(row['text'])
  const title = titleOf(text, limits.nameChars)
  const priority = numberOf(row['priority']) ?? 5
  return {
    externalKey: `stackmemory:todo:${textOf(row['anchor_id']).slice(0, 150)}`,
    title,
    description: title === text.trim() ? '' : text,
    priority: priority >= 9 ? 'urgent' : priority >= 7 ? 'high' : priority >= 4 ? 'medium' : 'low',
    createdAt: parseTime(row['created_at']),
    ...(textOf(row['frame_id']) && { frameKey: frameKey(textOf(row['frame_id'])) }),
  }
}

const pushTo = <T>(lists: Map<string, T[]>, key: string, value: T) => {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}

interface Anchors {
  byFrame: Map<string, ImportedUnit[]>
  others: ImportedUnit[]
  tasks: ImportedTask[]
}

const readAnchors = async (tables: SqliteTables, frames: ReadonlySet<string>, report: SourceReport) => {
  const found: Anchors = { byFrame: new Map(), others: [], tasks: [] }
  if (!tables.columns('anchors').has('text')) return found
  const damaged = () => addProblem(report, 'anchors', 'a part of the table is damaged')
  for await (const row of tables.pages(
    'select * from anchors order by rowid limit ? offset ?',
    [],
    damaged,
  )) {
    const type = textOf(row['type']).toUpperCase()
    const frame = textOf(row['frame_id'])
    if (textOf(row['text']).trim() === '' || textOf(row['anchor_id']) === '') {
      addProblem(report, `anchors ${textOf(row['anchor_id'])}`, 'has no text or no id')
      continue
    }
    count(report.read, 'anchors')
    if (type === 'TODO') {
      found.tasks.push(toTask(row))
      continue
    }
    const unit = toAnchor(row, anchorKinds[type] ?? 'fact')
    if (frames.has(frame)) pushTo(found.byFrame, frame, unit)
    else found.others.push(unit)
  }
  return found
}

const readFrames = async (tables: SqliteTables, report: SourceReport) => {
  const frames = new Map<string, SqliteRow>()
  if (!tables.columns('frames').has('frame_id')) return frames
  const damaged = () => addProblem(report, 'frames', 'a part of the table is damaged')
  for await (const row of tables.pages('select * from frames order by rowid limit ? offset ?', [], damaged)) {
    const id = textOf(row['frame_id'])
    if (id === '' || !parseTime(row['created_at'])) addProblem(report, `frames ${id}`, 'has no id or no time')
    else frames.set(id, row)
  }
  return frames
}

interface Node {
  id: string
  row: SqliteRow
  parent: Node | undefined
  depth: number
}

/** Frames from which the way up never ends. Every frame is looked at once, however long a chain is. */
const findCircles = (frames: ReadonlySet<string>, parentOf: (id: string) => string): Set<string> => {
  const circles = new Set<string>()
  const seen = new Set<string>()
  for (const id of frames) {
    const path = new Set<string>()
    let at = id
    for (; frames.has(at) && !seen.has(at); at = parentOf(at)) {
      seen.add(at)
      path.add(at)
    }
    if (path.has(at) || circles.has(at)) for (const each of path) circles.add(each)
  }
  return circles
}

/**
 * Frames of each stack, each after its parent. A frame whose parent is not there, or that is above itself, stands at the
 * top; a stack is never deeper than `limits.frameDepth`.
 */
export const buildStacks = (frames: ReadonlyMap<string, SqliteRow>): Node[][] => {
  const parentOf = (id: string) => textOf(frames.get(id)?.['parent_frame_id'])
  const circles = findCircles(new Set(frames.keys()), parentOf)
  const children = new Map<string, string[]>()
  const tops: string[] = []
  for (const id of frames.keys()) {
    const parent = parentOf(id)
    if (!frames.has(parent) || circles.has(id)) tops.push(id)
    else pushTo(children, parent, id)
  }
  const toNode = (id: string, parent: Node | undefined): Node => {
    const above = parent && parent.depth >= limits.frameDepth - 1 ? parent.parent : parent
    return { id, row: frames.get(id) ?? {}, parent: above, depth: above ? above.depth + 1 : 0 }
  }
  return tops.map((top) => {
    const stack: Node[] = []
    const waiting = [toNode(top, undefined)]
    for (let node = waiting.pop(); node; node = waiting.pop()) {
      stack.push(node)
      for (const child of (children.get(node.id) ?? []).toReversed()) waiting.push(toNode(child, node))
    }
    return stack
  })
}

const summaryOf = (row: SqliteRow) =>
  (
    textOf(row['digest_text']).trim() ||
    readable(row['digest_json'], ['summary', 'text', 'result']) ||
    readable(row['outputs'], ['summary', 'result', 'text'])
  ).slice(0, limits.summaryChars)

const readEvents = async (tables: SqliteTables, node: Node, startedAt: Date, report: SourceReport) => {
  const events: EventInput[] = []
  const statements: ImportedUnit[] = []
  if (!tables.columns('events').has('frame_id')) return { events, statements }
  const damaged = () => addProblem(report, 'events', 'a part of the table is damaged')
  const text = 'select * from events where frame_id = ? order by seq, rowid limit ? offset ?'
  for await (const row of tables.pages(text, [node.id], damaged)) {
    const type = textOf(row['event_type'])
    if (textOf(row['event_id']) === '') {
      addProblem(report, `events of ${node.id}`, 'one has no id')
      continue
    }
    count(report.read, 'events')
    if (type === 'decision' || type === 'constraint') {
      const content = readable(row['payload'], payloadFields)
      const id = textOf(row['event_id'])
      const occurredAt = parseTime(row['ts'])
      if (content.trim() !== '')
        statements.push(toUnit('event', id, { type, content, occurredAt, place: { place: `event ${id}` } }))
    } else {
      const event = toEvent(row, startedAt, report)
      if (event) events.push(event)
    }
  }
  return { events, statements }
}

const toFrame = async (
  tables: SqliteTables,
  node: Node,
  anchors: Anchors,
  report: SourceReport,
): Promise<ImportedSubframe> => {
  const { row } = node
  const startedAt = parseTime(row['created_at']) ?? new Date(0)
  const { events, statements } = await readEvents(tables, node, startedAt, report)
  const lastAt = events.at(-1)?.occurred_at
  const isClosed = textOf(row['state']) === 'closed'
  if (!isClosed) count(report.skipped, 'open states (an imported frame is always closed)')
  count(report.read, 'frames')
  return {
    externalKey: frameKey(node.id),
    ...(node.parent && { parentKey: frameKey(node.parent.id) }),
    name: titleOf(textOf(row['name']), limits.nameChars) || 'Untitled',
    type: frameKinds[textOf(row['type'])] ?? 'task',
    goal: readable(row['inputs'], ['goal', 'description', 'prompt', 'task', 'query']).slice(
      0,
      limits.contentChars,
    ),
    branch: null,
    files: [],
    startedAt,
    endedAt: parseTime(row['closed_at']) ?? (lastAt ? new Date(lastAt) : startedAt),
    outcome: isClosed ? 'done' : 'abandoned',
    summary: summaryOf(row),
    events,
    // Anchors know more than the events that say the same.
    statements: [...(anchors.byFrame.get(node.id) ?? []), ...statements],
  }
}

async function* readContexts(tables: SqliteTables, report: SourceReport): AsyncGenerator<ImportedPart> {
  if (!tables.columns('contexts').has('content')) return
  const damaged = () => addProblem(report, 'contexts', 'a part of the table is damaged')
  for await (const row of tables.pages(
    'select * from contexts order by rowid limit ? offset ?',
    [],
    damaged,
  )) {
    const type = contextKinds[textOf(row['type'])]
    const id = textOf(row['id'])
    if (!type) {
      count(report.skipped, `contexts of the type ${titleOf(textOf(row['type']), 40) || 'none'}`)
      continue
    }
    if (id === '' || textOf(row['content']).trim() === '') {
      addProblem(report, `contexts ${id}`, 'has no id or no content')
      continue
    }
    count(report.read, 'contexts')
    const importance = numberOf(row['importance'])
    const statement = {
      type,
      content: textOf(row['content']),
      priority: importance === undefined ? undefined : clampPriority(importance * 10),
      occurredAt:
        parseTime(row['created_at']) ?? parseTime(Number(/_(\d{12,14})$/.exec(id)?.[1] ?? Number.NaN)),
      place: { place: `context ${id}` },
    }
    yield { kind: 'unit', unit: toUnit('context', id, statement) }
  }
}

async function* readTables(tables: SqliteTables, report: SourceReport): AsyncGenerator<ImportedPart> {
  const known = ['frames', 'events', 'anchors', 'contexts'].filter((name) => tables.columns(name).size > 0)
  if (known.length === 0)
    throw invalidInput(
      'The database has none of the tables frames, events, anchors and contexts. Name a context.db.',
    )
  const frames = await readFrames(tables, report)
  const anchors = await readAnchors(tables, new Set(frames.keys()), report)
  for (const stack of buildStacks(frames)) {
    const all: ImportedSubframe[] = []
    for (const node of stack) all.push(await toFrame(tables, node, anchors, report))
    const [session, ...subagents] = all
    if (session) yield { kind: 'session', session: { ...session, subagents } satisfies ImportedSession }
  }
  for (const unit of anchors.others) yield { kind: 'unit', unit }
  for (const task of anchors.tasks) yield { kind: 'task', task }
  yield* readContexts(tables, report)
}

export const readContextDb = (path: string, report: SourceReport) =>
  readSqlite<ImportedPart>(path, (tables) => readTables(tables, report))
