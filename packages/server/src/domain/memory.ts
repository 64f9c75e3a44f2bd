/** The things a project remembers. Timestamps are `Date`; lists are never null. */

export const frameTypes = ['task', 'subtask', 'debug', 'review', 'research', 'write', 'session'] as const
export const outcomes = ['done', 'abandoned', 'handoff'] as const
export type Outcome = (typeof outcomes)[number]

export const eventKinds = ['message', 'tool_call', 'tool_result', 'observation', 'error', 'artifact'] as const
export type EventKind = (typeof eventKinds)[number]
export const eventRoles = ['user', 'assistant', 'tool', 'system'] as const
export type EventRole = (typeof eventRoles)[number]

export const anchorTypes = ['decision', 'constraint', 'interface', 'fact', 'learning', 'risk'] as const
export type AnchorType = (typeof anchorTypes)[number]
export const anchorStatuses = [
  'active',
  'superseded',
  'retracted',
  'expired',
  'pending_review',
  'quarantined',
] as const
export type AnchorStatus = (typeof anchorStatuses)[number]

export const taskStatuses = ['todo', 'in_progress', 'blocked', 'done', 'cancelled'] as const
export type TaskStatus = (typeof taskStatuses)[number]
export const taskPriorities = ['low', 'medium', 'high', 'urgent'] as const
export type TaskPriority = (typeof taskPriorities)[number]

/** How a memory came in. Assigned by the server from the channel, never from the text. */
export const sources = ['person', 'agent', 'tool', 'import'] as const
export type Source = (typeof sources)[number]

export const itemKinds = ['event', 'anchor', 'digest', 'task', 'frame'] as const
export type ItemKind = (typeof itemKinds)[number]

/** Where a source of an import says something. */
export interface Place {
  /** A file, an entity, a note, a table: whatever the source has. */
  place: string
  heading?: string
  line?: number
  /** Who said it, as the source tells; shown, and never a reason to trust. */
  author?: string
}

/** Who recorded a memory, through which program, by which channel. */
export interface Provenance {
  authorId: string
  authorName: string
  clientName: string
  source: Source
}

export interface Frame extends Provenance {
  id: string
  refNo: number
  parentId: string | null
  depth: number
  name: string
  type: string
  status: 'open' | 'closed'
  outcome: Outcome | null
  goal: string
  constraints: string[]
  files: string[]
  branch: string | null
  taskId: string | null
  eventCount: number
  externalKey: string | null
  importId: string | null
  startedAt: Date
  lastActivityAt: Date
  closedAt: Date | null
  createdAt: Date
  deletedAt: Date | null
}

export interface MemoryEvent extends Provenance {
  id: string
  frameId: string
  seq: number
  kind: EventKind
  role: EventRole
  actor: string
  tool: string
  content: string
  data: Record<string, unknown>
  files: string[]
  isError: boolean
  externalKey: string | null
  importId: string | null
  occurredAt: Date
  createdAt: Date
  deletedAt: Date | null
}

export interface Anchor extends Provenance {
  id: string
  refNo: number
  version: number
  type: AnchorType
  status: AnchorStatus
  content: string
  rationale: string
  alternatives: string[]
  files: string[]
  scope: 'project' | 'branch'
  branch: string | null
  priority: number
  pinned: boolean
  frameId: string | null
  supersededBy: string | null
  contentHash: string
  statusReason: string
  confirmedAt: Date | null
  expiresAt: Date | null
  externalKey: string | null
  /** Part of an import's source whose statements are compared when it is read again. */
  unit: string | null
  /** Where that source said it when it was last read. */
  places: Place[]
  occurredAt: Date
  createdAt: Date
  updatedAt: Date
  deletedAt: Date | null
}

export interface AnchorVersion {
  anchorId: string
  version: number
  status: AnchorStatus
  content: string
  rationale: string
  priority: number
  pinned: boolean
  supersededBy: string | null
  statusReason: string
  confirmedAt: Date | null
  expiresAt: Date | null
  changedBy: string
  changedByName: string
  clientName: string
  importId: string | null
  changedAt: Date
}

/** What a frame returns when it closes. Counted from its events and anchors, not written by a model. */
export interface DigestBody {
  summary: string
  decisions: string[]
  deadEnds: string[]
  nextSteps: string[]
  files: string[]
  errors: { text: string; count: number }[]
  counts: Record<string, number>
}

export interface Digest extends Provenance {
  id: string
  frameId: string
  outcome: Outcome
  summary: string
  text: string
  body: DigestBody
  durationMs: number
  occurredAt: Date
  createdAt: Date
  deletedAt: Date | null
}

export interface Task extends Provenance {
  id: string
  refNo: number
  version: number
  title: string
  description: string
  status: TaskStatus
  priority: TaskPriority
  tags: string[]
  parentId: string | null
  frameId: string | null
  progress: number
  note: string
  claimedBy: string | null
  claimedByName: string | null
  claimedAt: Date | null
  externalKey: string | null
  createdAt: Date
  updatedAt: Date
  closedAt: Date | null
  deletedAt: Date | null
}

export interface TaskVersion {
  taskId: string
  version: number
  status: TaskStatus
  priority: TaskPriority
  progress: number
  note: string
  claimedByName: string | null
  changedBy: string
  changedByName: string
  clientName: string
  importId: string | null
  changedAt: Date
}

export const importStatuses = ['running', 'finished', 'stopped', 'undone'] as const
export type ImportStatus = (typeof importStatuses)[number]

/** One run of an import. `running` for long means that it was interrupted. */
export interface ImportRun {
  id: string
  source: string
  /** What was read, as it was named. */
  label: string
  status: ImportStatus
  /** Counts by name; no text of the source. */
  report: Record<string, number>
  authorId: string
  authorName: string
  clientName: string
  createdAt: Date
  finishedAt: Date | null
  undoneAt: Date | null
}

export interface Receipt {
  id: string
  operation: string
  input: Record<string, unknown>
  body: Record<string, unknown>
  authorId: string
  clientName: string
  createdAt: Date
}
