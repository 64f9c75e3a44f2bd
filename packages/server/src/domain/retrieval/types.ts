/**
 * Words of the retrieval core. Everything here is plain data: the store fills it in, the ranking reads it.
 */
export type ItemKind = 'event' | 'anchor' | 'digest' | 'task' | 'frame'

/** A word of the query with the number of times it occurs there. */
export interface QueryLexeme {
  readonly lexeme: string
  readonly tf: number
}

/** A half-open span of time, `from <= t < to`. */
export interface DateRange {
  readonly from: Date
  readonly to: Date
}

export interface ParsedQuery {
  readonly text: string
  readonly lexemes: readonly QueryLexeme[]
  /** Text between double quotes, normalised as `normaliseForMatch` does. */
  readonly phrases: readonly string[]
  /** Whole identifiers and paths, lower case, without the `=` of their lexemes. */
  readonly identifiers: readonly string[]
  /** The identifiers that look like file paths or file names, in their original case. */
  readonly files: readonly string[]
  readonly dates: readonly DateRange[]
  /** The question asks for a moment or a duration, so that memories with dates and durations gain. */
  readonly asksWhen: boolean
  /** Those of `knownActors` that the query names, in their given spelling. */
  readonly actors: readonly string[]
}

/** One memory as the ranking sees it. A candidate, a neighbour of one, or the successor of one. */
export interface RetrievalItem {
  readonly id: string
  readonly itemKind: ItemKind
  /** Kind within the item kind: 'message', 'tool_result', 'error', 'decision', 'constraint', … */
  readonly kind: string
  readonly role?: 'user' | 'assistant' | 'tool' | 'system' | undefined
  readonly actor?: string | undefined
  readonly frameId?: string | undefined
  /** Position in the frame; neighbours are those with the same frame and an adjacent number. */
  readonly seq?: number | undefined
  readonly createdAt: Date
  /** The text, or the best chunk of it; phrases, identifiers and temporal words are looked for here. */
  readonly text: string
  /** Model tokens of the whole item. */
  readonly tokens: number
  readonly files: readonly string[]
  /** 'active' and anything unknown rank normally; see `inactiveStatuses`. */
  readonly status: string
  readonly supersededBy?: string | undefined
  /** 1 to 10, 5 when the writer did not say. */
  readonly priority?: number | undefined
  readonly pinned?: boolean | undefined
  /** A standing instruction, decided when it was written (see `isStandingInstruction`). */
  readonly instruction?: boolean | undefined
  /** BM25 of the best chunk; 0 for an item that is present as a neighbour or successor only. */
  readonly lexical: number
}

export const inactiveStatuses: ReadonlySet<string> = new Set([
  'superseded',
  'retracted',
  'expired',
  'quarantined',
])
