import type { Stores } from '../ports.ts'
import { formatAnchorRef } from '../refs.ts'
import { findPossibleConflicts, type ConflictHint } from '../retrieval/near-duplicate.ts'
import { tokenise, toTsquery } from '../retrieval/tokenise.ts'
import { limits } from '../limits.ts'
import { titleOf } from '../text.ts'

export interface PossibleConflict {
  ref: string
  content: string
  /** Same subject, from 0 to 1. */
  similarity: number
  hints: readonly ConflictHint[]
}

const candidatesMax = 30

/**
 * Statements in force that the new one may repeat or contradict. A hint for the writer, who can supersede
 * them; nothing is decided here.
 */
export const findConflicts = async (
  stores: Stores,
  content: string,
  except: ReadonlySet<string>,
): Promise<PossibleConflict[]> => {
  // Longer words first: without statistics they are the better guess at what the statement is about.
  const lexemes = [...new Set(tokenise(content))]
    .toSorted((a, b) => b.length - a.length)
    .slice(0, limits.queryLexemes)
  if (lexemes.length === 0) return []
  const candidates = await stores.search.candidates({
    gate: toTsquery(lexemes.slice(0, limits.gateLexemes)),
    lexemes,
    weights: lexemes.map(() => 1),
    itemKinds: ['anchor'],
    asOf: null,
    limit: candidatesMax,
  })
  const ids = [...new Set(candidates.map((candidate) => candidate.itemId))].filter((id) => !except.has(id))
  const inForce = (await stores.anchors.findMany(ids, null)).filter((anchor) => anchor.status === 'active')
  const byId = new Map(inForce.map((anchor) => [anchor.id, anchor]))
  return findPossibleConflicts(
    content,
    inForce.map((anchor) => ({ id: anchor.id, text: anchor.content })),
  ).flatMap((found) => {
    const anchor = byId.get(found.id)
    return anchor
      ? [
          {
            ref: formatAnchorRef(anchor.refNo),
            content: titleOf(anchor.content, 200),
            similarity: Math.round(found.score * 100) / 100,
            hints: found.hints,
          },
        ]
      : []
  })
}
