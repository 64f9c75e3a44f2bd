/** The pieces of a bundle, and how one is written so that it cannot pass for another. */
import type { Frame, Provenance } from '../memory.ts'
import { shownAuthor } from '../provenance.ts'
import { formatFrameRef } from '../refs.ts'
import type { LeftReason } from '../retrieval/pack.ts'
import { countTokens } from '../retrieval/tokens.ts'

export type Detail = 'index' | 'standard' | 'full'

export interface BundleEntry {
  id: string
  ref: string
  section: 'where' | 'handoff' | 'in_force' | 'happened' | 'tasks'
  /** What is shown, without the bullet. */
  text: string
  /** Lines under one heading: the frame of an event. */
  group?: { id: string; ref: string; name: string; date: Date }
  /** Order within the group or section. */
  order: number
  tokens: number
  /** Lowest goes first when the whole is too large after all. */
  value: number
}

export interface Left {
  ref: string
  reason: LeftReason
}

export interface Compiled {
  entries: BundleEntry[]
  left: Left[]
}

/** Bullet, line end, and what joining texts can add. */
export const linePadding = 3

export const day = (date: Date) => date.toISOString().slice(0, 10)

/** The first column is ours: whatever a text holds, none of its lines passes for another entry or a heading. */
export const entry = (part: Omit<BundleEntry, 'tokens'>): BundleEntry => {
  const text = part.text.replace(/\n(?=\S)/g, '\n  ')
  return { ...part, text, tokens: countTokens(text) + linePadding }
}

export const byline = (item: Pick<Provenance, 'authorName' | 'clientName' | 'source'>, date: Date) =>
  `${day(date)}, ${shownAuthor(item)}${item.clientName && item.source !== 'import' ? ` via ${item.clientName}` : ''}`

export const frameLine = (frame: Frame) =>
  `${formatFrameRef(frame.refNo)} ${frame.name} (${frame.status === 'open' ? 'open' : frame.outcome}, ${byline(frame, frame.startedAt)})`

export const indent = (text: string, columns = 2) => text.trim().replace(/\n+/g, `\n${' '.repeat(columns)}`)
