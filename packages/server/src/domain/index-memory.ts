/** From a memory to its rows in the search index. The same tokeniser reads the query. */
import type { Anchor, Digest, Frame, MemoryEvent, Task } from './memory.ts'
import type { SearchEntry } from './ports.ts'
import { chunkText } from './retrieval/chunk.ts'
import { isStandingInstruction } from './retrieval/instruction.ts'
import { countTokens } from './retrieval/tokens.ts'
import { tokenise, toTsvector } from './retrieval/tokenise.ts'

type EntryHead = Omit<
  SearchEntry,
  'ord' | 'len' | 'tokens' | 'startOffset' | 'endOffset' | 'tsv' | 'statement'
>

const toEntries = (head: EntryHead, text: string): SearchEntry[] => {
  const tokens = countTokens(text)
  return chunkText(text).map((chunk) => {
    const lexemes = tokenise(chunk.text)
    return {
      ...head,
      ord: chunk.ord,
      len: Math.min(lexemes.length, 32_767),
      tokens,
      startOffset: chunk.start,
      endOffset: chunk.end,
      tsv: toTsvector(lexemes),
    }
  })
}

/** What of an anchor is searched; the reasons count as much as the statement. */
export const anchorText = (anchor: Pick<Anchor, 'content' | 'rationale' | 'alternatives' | 'files'>) =>
  [
    anchor.content,
    anchor.rationale && `Why: ${anchor.rationale}`,
    anchor.alternatives.length > 0 && `Instead of: ${anchor.alternatives.join('; ')}`,
    anchor.files.length > 0 && `Files: ${anchor.files.join(', ')}`,
  ]
    .filter(Boolean)
    .join('\n')

export const taskText = (task: Pick<Task, 'title' | 'description' | 'note' | 'tags'>) =>
  [task.title, task.description, task.note, task.tags.join(' ')].filter(Boolean).join('\n')

export const frameText = (frame: Pick<Frame, 'name' | 'goal' | 'constraints' | 'files'>) =>
  [frame.name, frame.goal, ...frame.constraints, frame.files.join(', ')].filter(Boolean).join('\n')

/** What a new statement is compared with. Change it together with `find-conflicts.ts`. */
export const statementWords = (anchor: Pick<Anchor, 'content' | 'status' | 'deletedAt'>): string | null =>
  anchor.status === 'active' && !anchor.deletedAt ? toTsvector(tokenise(anchor.content)) : null

const withStatement = (entries: SearchEntry[], statement: string | null): SearchEntry[] =>
  statement === null ? entries : entries.map((entry) => (entry.ord === 0 ? { ...entry, statement } : entry))

export const anchorEntries = (anchor: Omit<Anchor, 'refNo'>): SearchEntry[] =>
  withStatement(
    toEntries(
      {
        itemId: anchor.id,
        itemKind: 'anchor',
        version: anchor.version,
        frameId: anchor.frameId,
        seq: null,
        kind: anchor.type,
        role: null,
        actor: anchor.authorName,
        authorId: anchor.authorId,
        branch: anchor.scope === 'branch' ? anchor.branch : null,
        files: anchor.files,
        instruction: anchor.type === 'constraint' || isStandingInstruction(anchor.content),
        occurredAt: anchor.occurredAt,
        createdAt: anchor.updatedAt,
      },
      anchorText(anchor),
    ),
    statementWords(anchor),
  )

export const eventEntries = (event: MemoryEvent): SearchEntry[] =>
  toEntries(
    {
      itemId: event.id,
      itemKind: 'event',
      version: 1,
      frameId: event.frameId,
      seq: event.seq,
      kind: event.kind,
      role: event.role,
      actor: event.actor,
      authorId: event.authorId,
      branch: null,
      files: event.files,
      instruction: event.kind === 'message' && event.role === 'user' && isStandingInstruction(event.content),
      occurredAt: event.occurredAt,
      createdAt: event.createdAt,
    },
    event.content,
  )

export const digestEntries = (digest: Digest): SearchEntry[] =>
  toEntries(
    {
      itemId: digest.id,
      itemKind: 'digest',
      version: 1,
      frameId: digest.frameId,
      seq: null,
      kind: 'digest',
      role: null,
      actor: digest.authorName,
      authorId: digest.authorId,
      branch: null,
      files: digest.body.files,
      instruction: false,
      occurredAt: digest.occurredAt,
      createdAt: digest.createdAt,
    },
    digest.text,
  )

export const taskEntries = (task: Task): SearchEntry[] =>
  toEntries(
    {
      itemId: task.id,
      itemKind: 'task',
      version: task.version,
      frameId: task.frameId,
      seq: null,
      kind: 'task',
      role: null,
      actor: task.authorName,
      authorId: task.authorId,
      branch: null,
      files: [],
      instruction: false,
      occurredAt: task.createdAt,
      createdAt: task.updatedAt,
    },
    taskText(task),
  )

export const frameEntries = (frame: Frame): SearchEntry[] =>
  toEntries(
    {
      itemId: frame.id,
      itemKind: 'frame',
      version: 1,
      frameId: frame.id,
      seq: null,
      kind: 'frame',
      role: null,
      actor: frame.authorName,
      authorId: frame.authorId,
      branch: null,
      files: frame.files,
      instruction: false,
      occurredAt: frame.startedAt,
      createdAt: frame.createdAt,
    },
    frameText(frame),
  )
