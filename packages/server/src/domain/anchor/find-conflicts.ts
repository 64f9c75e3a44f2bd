import { setImmediate } from 'node:timers/promises'
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

/** Compared word by word, which takes about 0.04 ms each; at most five are shown. */
const candidatesMax = 15
/** Of 734 statements 118 hold one of six lexemes, 197 one of eight. */
const gateLexemes = 6

/**
 * Of a text with more words the longest count: without statistics they are the better guess at what it is about.
 */
const findSimilar = async (stores: Stores, content: string): Promise<StatementInForce[]> => {
  const lexemes = [...new Set(tokenise(content))]
    .toSorted((a, b) => b.length - a.length)
    .slice(0, limits.queryLexemes)
  if (lexemes.length === 0) return []
  return stores.search.statements({
    gate: toTsquery(lexemes.slice(0, gateLexemes)),
    lexemes,
    limit: candidatesMax,
  })
}

/**
 * Statements in force that a new one may repeat or contradict, told by their words without their reasons. A hint for
 * the writer, who can supersede them; nothing is decided here.
 */
export const findConflicts = async (
  stores: Stores,
  content: string,
  except: ReadonlySet<string>,
): Promise<PossibleConflict[]> => {
  const similar = await findSimilar(stores, content)
  await setImmediate() // what waits to be sent goes first
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
