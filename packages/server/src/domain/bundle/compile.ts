/**
 * Chooses what enters a bundle. Pure: the same memory, request and moment give the same bundle.
 *
 * Fixed parts come first, each with a share of the budget it cannot exceed: where the caller is, the hand-off,
 * what is pinned or a standing instruction, and tasks. What they leave goes to statements in force and to what
 * the retrieval found, in one ranking, so that a decision about the question and a remark about it compete.
 */
import { pack } from '../retrieval/pack.ts'
import { countTokens } from '../retrieval/tokens.ts'
import { titleOf } from '../text.ts'
import { anchorContenders, foundContenders, instructionContenders, type Contender } from './contenders.ts'
import { entry, indent, type BundleEntry, type Compiled, type Detail } from './entry.ts'
import { handoffEntries, join, stackEntries, taskEntries, type Reader } from './fixed-entries.ts'
import type { Gathered } from './gather.ts'

const itemTokensMax: Record<Detail, number> = { index: 24, standard: 200, full: 600 }
const headingTokens = 14
/** Reference, author and bullet, and its share of a heading. A larger guess leaves budget unused. */
const entryOverheadTokens = 12

const packContenders = (contenders: readonly Contender[], budget: number, detail: Detail) => {
  const unique = [...new Map(contenders.map((each) => [each.id, each])).values()]
  const byId = new Map(unique.map((each) => [each.id, each]))
  const shown =
    detail === 'index'
      ? unique.map((each) => ({
          ...each,
          text: titleOf(each.text, 90),
          excerpt: undefined,
          lexemes: undefined,
          tokens: countTokens(titleOf(each.text, 90)),
        }))
      : unique
  const packed = pack(shown, Math.max(0, Math.floor(budget)), {
    overheadTokens: entryOverheadTokens,
    itemTokensMax: itemTokensMax[detail],
  })
  const entries = packed.taken.flatMap((taken): BundleEntry[] => {
    const contender = byId.get(taken.id)
    return contender
      ? [
          entry({
            ...contender.entry,
            text: `${contender.head()}${indent(taken.text)}`,
            value: contender.score,
          }),
        ]
      : []
  })
  const left = packed.left.map(({ id, reason }) => ({ ref: byId.get(id)?.entry.ref ?? id, reason }))
  return { entries, left }
}

export const compile = (
  gathered: Gathered,
  options: { budgetTokens: number; detail: Detail; now: Date; reader: Reader },
): Compiled => {
  const { budgetTokens: budget, detail, now, reader } = options
  const scores = new Map((gathered.retrieval?.ranked ?? []).map((ranked) => [ranked.item.id, ranked]))
  const fixed = join(
    stackEntries(gathered, reader, budget),
    { entries: handoffEntries(gathered, now, budget), left: [] },
    taskEntries(gathered.tasks, budget),
  )
  const taken = new Set(fixed.entries.map((each) => each.id))
  const rest = budget - fixed.entries.reduce((sum, each) => sum + each.tokens, 0) - headingTokens
  const contenders = [
    ...foundContenders(gathered, taken),
    ...anchorContenders(gathered, scores),
    ...instructionContenders(gathered, scores).filter((each) => !taken.has(each.id)),
  ]
  const packed = packContenders(contenders, rest, detail)
  const shown = new Set(packed.entries.map((each) => each.ref))
  const leftOver = fixed.left.filter(
    ({ ref }) => !shown.has(ref) && !packed.left.some((each) => each.ref === ref),
  )
  return { entries: [...fixed.entries, ...packed.entries], left: [...packed.left, ...leftOver] }
}
