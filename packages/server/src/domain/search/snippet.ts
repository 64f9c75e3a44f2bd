import { countTokens, truncateToTokens } from '../retrieval/tokens.ts'
import { tokenise } from '../retrieval/tokenise.ts'

/** Pieces a reader recognises: lines, and sentences inside long lines. */
const pieces = (text: string) => text.split(/(?<=[.!?])\s+|\n+/u).filter((piece) => piece.trim() !== '')

/**
 * The part of a text that says most about the query, at most `tokensMax` tokens: it starts at the piece with the
 * most words of the query and goes on from there.
 */
export const snippetOf = (text: string, lexemes: ReadonlySet<string>, tokensMax: number): string => {
  const flat = text.replace(/[ \t]+/g, ' ').trim()
  if (flat.length <= tokensMax * 2 || countTokens(flat) <= tokensMax) return flat.replace(/\s*\n\s*/g, ' ')
  const all = pieces(flat)
  let best = 0
  let bestHits = -1
  all.forEach((piece, index) => {
    const hits = new Set(tokenise(piece).filter((word) => lexemes.has(word))).size
    if (hits > bestHits) [best, bestHits] = [index, hits]
  })
  const rest = all.slice(best).join(' ')
  const shown = truncateToTokens(rest, tokensMax - 2)
  return `${best > 0 ? '…' : ''}${shown}${shown.length < rest.length ? '…' : ''}`
}
