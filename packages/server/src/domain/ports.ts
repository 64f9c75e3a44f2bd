/**
 * What the domain needs from a database. One `write` or `read` is one transaction in one project; the
 * stores inside see only that project. The implementation is in `postgres/`.
 */
import type { Context } from './context.ts'
import type {
  Anchor,
  AnchorStatus,
  AnchorVersion,
  Digest,
  Frame,
  ImportRun,
  ItemKind,
  MemoryEvent,
  Place,
  Receipt,
  Task,
  TaskStatus,
  TaskVersion,
} from './memory.ts'
import type { TransferColumn, TransferTable } from './transfer/format.ts'

export interface Memory {
  /** Runs `work` in one transaction of the context's project. Nothing of it remains when it throws. */
  transact<T>(ctx: Context, work: (stores: Stores) => Promise<T>, options?: { durable?: boolean }): Promise<T>
}

export interface Stores {
  /** Takes the project's write lock and the next short reference. */
  nextRef(): Promise<number>
  /** Several in one step, of which the last is returned. */
  nextRefs(count: number): Promise<number>
  /** Gives back the reference that `nextRef` gave last, in the same transaction. */
  returnRef(refNo: number): Promise<void>
  /** Waits for a write at the commit only, which spares a round trip; its failure is the transaction's. */
  defer(write: Promise<unknown>): void
  frames: FrameStore
  events: EventStore
  anchors: AnchorStore
  digests: DigestStore
  tasks: TaskStore
  receipts: ReceiptStore
  idempotency: IdempotencyStore
  search: SearchStore
  imports: ImportStore
  activity: ActivityStore
}

export interface FrameStore {
  insert(frame: Frame): Promise<void>
  find(ref: { id: string } | { refNo: number }): Promise<Frame | undefined>
  /** As they were at that moment (null: now); the same for `callStack`. */
  findMany(ids: readonly string[], asOf?: Date | null): Promise<Frame[]>
  findByExternalKey(key: string): Promise<Frame | undefined>
  /** The path from the root to this frame, root first, without what was forgotten. */
  callStack(id: string, asOf?: Date | null): Promise<Frame[]>
  /** Open descendants, deepest first, locked until the end of the transaction. */
  lockOpenDescendants(id: string): Promise<Frame[]>
  lock(id: string): Promise<Frame | undefined>
  /** The frame and everything below it. */
  subtree(id: string): Promise<Frame[]>
  /** Open at that moment (null: now), newest first. */
  listOpen(limit: number, asOf: Date | null): Promise<Frame[]>
  countOpen(): Promise<number>
  close(id: string, outcome: string, at: Date): Promise<void>
  /** Only for sessions, which people resume; a bundle of an earlier moment then sees it as open all the time. */
  reopen(id: string, at: Date): Promise<void>
  reparent(id: string, parentId: string | null, depth: number, at: Date): Promise<void>
  /** Reserves `count` sequence numbers and returns the last one; undefined when the frame is not there. */
  reserveEvents(
    id: string,
    count: number,
    at: Date,
  ): Promise<{ lastSeq: number; status: 'open' | 'closed' } | undefined>
  forget(id: string, at: Date): Promise<void>
}

export interface EventStore {
  insertMany(events: readonly MemoryEvent[]): Promise<void>
  findMany(ids: readonly string[]): Promise<MemoryEvent[]>
  find(ref: { id: string } | { frameRefNo: number; seq: number }): Promise<MemoryEvent | undefined>
  /** By position in their frames, for neighbours of a hit. */
  findAt(places: readonly { frameId: string; seq: number }[]): Promise<MemoryEvent[]>
  timeline(frameId: string, fromSeq: number, toSeq: number, limit: number): Promise<MemoryEvent[]>
  recent(frameId: string, limit: number, asOf: Date | null): Promise<MemoryEvent[]>
  knownExternalKeys(keys: readonly string[]): Promise<string[]>
  /** Counts by kind, errors and touched files of some frames, for a digest. */
  summarise(frameIds: readonly string[]): Promise<{
    counts: Record<string, number>
    files: string[]
    errors: { text: string; count: number }[]
    firstAt: Date | null
    lastAt: Date | null
  }>
  forget(id: string, at: Date): Promise<void>
}

export interface AnchorStore {
  insert(anchor: Anchor): Promise<void>
  /** Anchors with their first versions. */
  insertMany(anchors: readonly Anchor[], versions: readonly AnchorVersion[]): Promise<void>
  insertVersion(version: AnchorVersion): Promise<void>
  find(ref: { id: string } | { refNo: number }): Promise<Anchor | undefined>
  lock(ref: { id: string } | { refNo: number }): Promise<Anchor | undefined>
  findMany(ids: readonly string[], asOf: Date | null): Promise<Anchor[]>
  findByRefs(refNos: readonly number[], asOf: Date | null): Promise<Anchor[]>
  findByContent(hash: string): Promise<Anchor | undefined>
  findByExternalKey(key: string): Promise<Anchor | undefined>
  /** Also what was forgotten. */
  findByExternalKeys(keys: readonly string[]): Promise<Anchor[]>
  /** Those in force. */
  findByContents(hashes: readonly string[]): Promise<Anchor[]>
  /** Statements in force of units of an import's source, locked until the end of the transaction. */
  lockUnits(units: readonly string[]): Promise<Anchor[]>
  /** Where the source says it now; no version, because nothing of the statement changes. */
  setPlaces(id: string, places: readonly Place[]): Promise<void>
  /** Statements in force: pinned first, then by priority, then newest. */
  listInForce(limit: number, asOf: Date | null): Promise<Anchor[]>
  listByFrames(frameIds: readonly string[]): Promise<Anchor[]>
  versions(id: string): Promise<AnchorVersion[]>
  /** Of several, each in their order. */
  versionsOf(ids: readonly string[]): Promise<AnchorVersion[]>
  /** Writes the mutable columns of `anchor`; its version must be one above the stored one. */
  update(anchor: Anchor): Promise<void>
}

/** A frame that an import added, or added events to, and what else has come to it. */
export interface ImportedFrameState {
  id: string
  refNo: number
  parentId: string | null
  depth: number
  /** The import made the frame; otherwise it only added events. */
  isOwn: boolean
  /** What somebody else put into it that is still there. */
  events: number
  children: number
  anchors: number
  tasks: number
  /** A later import that added to it. */
  laterImport: string | null
}

export interface ImportStore {
  insert(run: ImportRun): Promise<void>
  find(id: string): Promise<ImportRun | undefined>
  /** The same, locked until the end of the transaction. */
  lock(id: string): Promise<ImportRun | undefined>
  list(limit: number): Promise<ImportRun[]>
  update(run: Pick<ImportRun, 'id' | 'status' | 'report' | 'finishedAt' | 'undoneAt'>): Promise<void>
  /** Anchors and tasks that it added or changed and that are not forgotten, newest first. */
  changedAnchors(id: string): Promise<string[]>
  changedTasks(id: string): Promise<string[]>
  /** Frames that are not forgotten, deepest first. */
  frames(id: string): Promise<ImportedFrameState[]>
  /** Forgets what the import added to a frame and frees the keys; returns the ids. */
  forgetEvents(id: string, frameId: string, at: Date): Promise<string[]>
  countEvents(id: string, frameId: string): Promise<number>
  /** Frees the key of a forgotten frame, so that it can be imported again. */
  releaseFrame(frameId: string): Promise<void>
  releaseTask(taskId: string): Promise<void>
  /** Keeps a digest before this import replaces it; the first one stays. */
  keepDigest(id: string, digest: Digest): Promise<void>
  keptDigest(id: string, frameId: string): Promise<KeptDigest | undefined>
  /** Puts the end of a frame back to what it was. */
  restoreEnd(frameId: string, outcome: string, at: Date): Promise<void>
}

export type KeptDigest = Pick<
  Digest,
  'frameId' | 'outcome' | 'summary' | 'text' | 'body' | 'durationMs' | 'occurredAt' | 'createdAt'
>

export interface DigestStore {
  insert(digest: Digest): Promise<void>
  findByFrames(frameIds: readonly string[]): Promise<Digest[]>
  findMany(ids: readonly string[]): Promise<Digest[]>
  recent(limit: number, asOf: Date | null): Promise<Digest[]>
  latestHandoff(asOf: Date | null): Promise<Digest | undefined>
  replace(digest: Digest): Promise<void>
  forget(frameId: string, at: Date): Promise<void>
}

export interface TaskFilter {
  statuses: readonly TaskStatus[]
  priority?: string
  tags?: readonly string[]
  claimedBy?: string
  limit: number
}

export interface TaskWithBlockers extends Task {
  /** References of unfinished tasks this one waits for. */
  blockedBy: number[]
}

export interface TaskStore {
  insert(task: Task): Promise<void>
  insertVersion(version: TaskVersion): Promise<void>
  find(ref: { id: string } | { refNo: number }): Promise<Task | undefined>
  lock(ref: { id: string } | { refNo: number }): Promise<Task | undefined>
  findMany(ids: readonly string[]): Promise<Task[]>
  findByExternalKey(key: string): Promise<Task | undefined>
  update(task: Task): Promise<void>
  addDependencies(taskId: string, blockedByIds: readonly string[], at: Date): Promise<void>
  /** They end now; an earlier bundle still sees them. */
  removeDependencies(taskId: string, blockedByIds: readonly string[], at: Date): Promise<void>
  /** True when `fromId` already waits, directly or not, for `toId`. */
  waitsFor(fromId: string, toId: string): Promise<boolean>
  list(filter: TaskFilter, asOf: Date | null): Promise<TaskWithBlockers[]>
  blockers(taskIds: readonly string[]): Promise<{ taskId: string; refNo: number; status: TaskStatus }[]>
  versions(id: string): Promise<TaskVersion[]>
  metrics(): Promise<Record<TaskStatus | 'ready' | 'total', number>>
}

export interface ActivityFilter {
  /** `frame`, `task`, types of statements, kinds of events; empty: frames, tasks, statements and errors. */
  kinds: readonly string[]
  since?: Date
  until?: Date
  /** Name of a person or client, in any case. */
  author?: string
  /** Only what belongs to this frame, then with all of its events. */
  frameId?: string
  limit: number
}

export interface ActivityEntry {
  itemId: string
  itemKind: ItemKind
  frameId: string | null
  at: Date
}

export interface MemoryCounts {
  frames: number
  openFrames: number
  events: number
  statementsInForce: number
  statementsSuperseded: number
  tasks: number
  openTasks: number
  readyTasks: number
}

export interface ActivityStore {
  /** Newest first. */
  list(filter: ActivityFilter): Promise<ActivityEntry[]>
  counts(): Promise<MemoryCounts & { lastActivityAt: Date | null }>
}

export interface ReceiptStore {
  insert(receipt: Receipt): Promise<void>
  find(id: string): Promise<Receipt | undefined>
}

export interface IdempotencyStore {
  /** Claims the key; false when an earlier call holds it, after that call has finished. */
  claim(entry: {
    operation: string
    key: string
    authorId: string
    requestHash: string
    at: Date
  }): Promise<boolean>
  find(
    operation: string,
    key: string,
    authorId: string,
  ): Promise<{ requestHash: string; response: unknown } | undefined>
  complete(operation: string, key: string, authorId: string, response: unknown): Promise<void>
  /** Takes the words of memories out of all kept answers, because something was forgotten. */
  withholdTexts(): Promise<void>
}

/** One chunk of a memory as the search index holds it. */
export interface SearchEntry {
  itemId: string
  ord: number
  itemKind: ItemKind
  version: number
  frameId: string | null
  seq: number | null
  kind: string
  role: string | null
  actor: string
  authorId: string
  branch: string | null
  files: string[]
  len: number
  tokens: number
  startOffset: number
  endOffset: number
  instruction: boolean
  occurredAt: Date
  createdAt: Date
  tsv: string
  /** The words of a statement in force, in the form of `tsv`; only in its first chunk. */
  statement?: string
}

export interface SearchFilter {
  itemKinds?: readonly ItemKind[]
  kinds?: readonly string[]
  files?: readonly string[]
  branch?: string
  authorId?: string
  since?: Date
  until?: Date
}

export interface CandidateQuery extends SearchFilter {
  gate: string
  lexemes: readonly string[]
  weights: readonly number[]
  /** Mean number of lexemes in a chunk of the project. */
  averageLength: number
  asOf: Date | null
  limit: number
}

export interface Candidate extends Omit<
  SearchEntry,
  'tsv' | 'statement' | 'branch' | 'version' | 'authorId' | 'createdAt'
> {
  /** Term frequency of each lexeme of the query in this chunk, in the order they were asked. */
  tf: number[]
}

export interface StatementInForce {
  id: string
  refNo: number
  content: string
}

export interface SearchStore {
  insertMany(entries: readonly SearchEntry[]): Promise<void>
  /** An earlier version stays visible to bundles of an earlier moment. */
  retire(itemId: string, at: Date): Promise<void>
  remove(itemIds: readonly string[]): Promise<void>
  removeFrame(frameId: string): Promise<void>
  size(asOf: Date | null): Promise<{ entries: number; averageLength: number }>
  documentFrequencies(lexemes: readonly string[], asOf: Date | null): Promise<Map<string, number>>
  candidates(query: CandidateQuery): Promise<Candidate[]>
  /** The words that a statement in force is compared by; null when it is not in force any more. */
  markStatement(itemId: string, statement: string | null): Promise<void>
  /** Statements in force that hold one of the gate's lexemes: those with most of `lexemes`, in no order. */
  statements(query: { gate: string; lexemes: readonly string[]; limit: number }): Promise<StatementInForce[]>
  instructions(limit: number, asOf: Date | null): Promise<Candidate[]>
  /** Index rows of events at these places, whether or not they matched. */
  neighbours(places: readonly { frameId: string; seq: number }[], asOf: Date | null): Promise<Candidate[]>
}

export type AnchorInForce = Anchor & { status: Extract<AnchorStatus, 'active'> }

/** Whole projects, out and in. */
export interface Transfer {
  /** Opens one consistent, read-only view of the project; the caller closes it. */
  openSource(ctx: Context): Promise<TransferSource>
  /** Runs `work` in one transaction of the project. Nothing of it remains when it throws. */
  write<T>(ctx: Context, work: (target: TransferTarget) => Promise<T>): Promise<T>
}

export interface TransferSource {
  lastRef(): Promise<number>
  tables(): Promise<{ name: TransferTable; columns: string[]; rows: number }[]>
  /** Rows as JSON text, a page at a time, in a stable order. */
  pages(table: TransferTable): AsyncIterable<string[]>
  close(): Promise<void>
}

export interface TransferTarget {
  columns(): Promise<Map<TransferTable, TransferColumn[]>>
  /** Takes the project's write lock and makes sure that references up to `lastRef` are not given out again. */
  lock(lastRef: number): Promise<void>
  /**
   * Inserts rows given as JSON text, without the columns that `link` sets, and compares those that are there.
   * Both sets hold the key of a row, its columns joined by a space. `lines` is for the message of an error.
   */
  insert(
    table: TransferTable,
    columns: readonly string[],
    rows: readonly string[],
    lines: { from: number; to: number },
  ): Promise<{ inserted: Set<string>; identical: Set<string> }>
  /** Numbers that two things of the project have; there must be none. */
  repeatedRefs(): Promise<number[]>
  link(table: TransferTable, column: string, links: readonly { id: string; to: string }[]): Promise<void>
  search: SearchStore
}
