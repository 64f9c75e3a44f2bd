import type { StatementInForce, Stores } from '../ports.ts'
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
 * Statements in force that share words with a new one, the reasons of either left out. Sends one statement and
 * compares nothing yet. Of a statement with more words the longest count: without statistics they are the better
 * guess at what it is about, and one of the first `limits.gateLexemes` must be shared.
 */
export const findSimilar = async (stores: Stores, content: string): Promise<StatementInForce[]> => {
  const lexemes = [...new Set(tokenise(content))]
    .toSorted((a, b) => b.length - a.length)
    .slice(0, limits.queryLexemes)
  if (lexemes.length === 0) return []
  return stores.search.statements({
    gate: toTsquery(lexemes.slice(0, limits.gateLexemes)),
    lexemes,
    limit: candidatesMax,
  })
}

/**
 * Those of them that the new one may repeat or contradict. A hint for the writer, who can supersede them; nothing
 * is decided here.
 */
export const findConflicts = (
  content: string,
  similar: readonly StatementInForce[],
  except: ReadonlySet<string>,
): PossibleConflict[] => {
  const byId = new Map(similar.filter(({ id }) => !except.has(id)).map((each) => [each.id, each]))
  return findPossibleConflicts(
    content,
    [...byId.values()].map(({ id, content: text }) => ({ id, text })),
  ).flatMap((found) => {
    const statement = byId.get(found.id)
    return statement
      ? [
          {
            ref: formatAnchorRef(statement.refNo),
            content: titleOf(statement.content, 200),
            similarity: Math.round(found.score * 100) / 100,
            hints: found.hints,
          },
        ]
      : []
  })
}
