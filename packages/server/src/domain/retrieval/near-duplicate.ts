/** Memories that say the same, and memories about the same subject that disagree. */
import { tokenise } from './tokenise.ts'

/** Jaccard similarity of the lexeme sets above which two memories say the same. */
export const nearDuplicateMin = 0.7
/** Containment above which two statements are about the same subject. */
export const sameSubjectMin = 0.5

/** Size of the intersection over the size of the union; 0 for two empty sets. */
export const jaccard = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
  if (a.size > b.size) return jaccard(b, a)
  let shared = 0
  for (const lexeme of a) if (b.has(lexeme)) shared++
  const union = a.size + b.size - shared
  return union === 0 ? 0 : shared / union
}

export const isNearDuplicate = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  // The smaller set bounds the similarity, which spares most comparisons.
  Math.min(a.size, b.size) > nearDuplicateMin * Math.max(a.size, b.size) && jaccard(a, b) > nearDuplicateMin

export type ConflictHint = 'negation' | 'number' | 'alternative' | 'duplicate'

export interface Statement {
  readonly id: string
  readonly text: string
}

export interface PossibleConflict {
  readonly id: string
  /** How much the two are about the same subject, 0 to 1. */
  readonly score: number
  /** Why they may disagree; without a hint they only share a subject. */
  readonly hints: readonly ConflictHint[]
}

const negation =
  /\b(?:not|never|no longer|don(?:'|’)t|doesn(?:'|’)t|isn(?:'|’)t|won(?:'|’)t|can(?:'|’)t|cannot|avoid|stop|without|instead of|drop|remove|forbid|forbidden|disallow|disable|disabled|reject)\b/gi
const number = /\b\d+(?:[.,]\d+)*\b/g
const choice =
  /\b(?:use|using|uses|choose|chose|chosen|prefer|adopt|pick|go with|switch to|move to|migrate to|stay on|run on|runs on|written in|stored? in|based on|via) +(?:the |a |an |our )?([\p{L}\p{N}@][\p{L}\p{N}_.@/+#-]*)/giu

const matches = (text: string, pattern: RegExp, group = 0): Set<string> =>
  new Set(
    [...text.matchAll(pattern)].map((match) => (match[group] ?? '').toLowerCase().replace(/[.,]+$/, '')),
  )

const disjoint = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size > 0 && b.size > 0 && jaccard(a, b) === 0

/** Share of the smaller set that the other holds: a short decision inside a long one counts as the same. */
const containment = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a]
  let shared = 0
  for (const lexeme of small) if (large.has(lexeme)) shared++
  return small.size === 0 ? 0 : shared / small.size
}

const hintsBetween = (a: string, b: string, similarity: number): ConflictHint[] => {
  const hints: ConflictHint[] = []
  if (matches(a, negation).size > 0 !== matches(b, negation).size > 0) hints.push('negation')
  if (disjoint(matches(a, number), matches(b, number))) hints.push('number')
  if (disjoint(matches(a, choice, 1), matches(b, choice, 1))) hints.push('alternative')
  if (hints.length === 0 && similarity > nearDuplicateMin) hints.push('duplicate')
  return hints
}

/** The words that name the subject: what is chosen, and how many, are exactly what conflicting texts differ in. */
const subject = (text: string): Set<string> =>
  new Set(
    tokenise(text.replaceAll(choice, ' ').replaceAll(number, ' ')).filter(
      (lexeme) => !lexeme.startsWith('='),
    ),
  )

/**
 * Existing statements that a new one may contradict or repeat, most similar first, at most `max`. A hint,
 * not a verdict: it lowers the chance that two decisions in force say opposite things unnoticed.
 */
export const findPossibleConflicts = (
  text: string,
  existing: readonly Statement[],
  max = 5,
): PossibleConflict[] => {
  const own = new Set(tokenise(text))
  const ownSubject = subject(text)
  return existing
    .map((statement): PossibleConflict => {
      const theirs = new Set(tokenise(statement.text))
      const similarity = jaccard(own, theirs)
      const about = containment(ownSubject, subject(statement.text))
      const score = Math.max(similarity, about * Math.min(1, ownSubject.size / 2))
      return { id: statement.id, score, hints: hintsBetween(text, statement.text, similarity) }
    })
    .filter(({ score, hints }) => score >= sameSubjectMin && hints.length > 0)
    .toSorted((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    .slice(0, max)
}
