/** What `stackmemory demo` proves, from the two answers alone. */
import type { ContextBundle } from '../domain/bundle/get-context.ts'
import { countTokens } from '../domain/retrieval/tokens.ts'
import type { SearchResult } from '../domain/search/search-memory.ts'
import type { Story } from './demo-story.ts'

export interface Proof {
  claim: string
  isProved: boolean
  /** What was seen: references, positions, numbers. */
  seen: string
}

export interface Answers {
  bundle: ContextBundle
  /** Where sessions live. */
  whereSessions: SearchResult
  /** The words of an error. */
  found: SearchResult
}

/** An entry of the bundle itself: its first column is ours, and a text that mentions a reference is indented. */
const lineOf = (bundle: ContextBundle, ref: string) =>
  bundle.text.split('\n').findIndex((line) => line.startsWith(`- ${ref} `))

const isTold = (bundle: ContextBundle, claim: string, ref: string): Proof => {
  const line = lineOf(bundle, ref)
  return { claim, isProved: line >= 0, seen: line >= 0 ? ref : `${ref} is missing` }
}

/** Absent is as good as below: what replaced it must be there. */
const provesOrder = ({ bundle, whereSessions }: Answers, { superseded, inForce }: Story): Proof => {
  const refs = whereSessions.hits.map(({ ref }) => ref)
  const [after, before] = [refs.indexOf(inForce), refs.indexOf(superseded)]
  const [told, toldBefore] = [lineOf(bundle, inForce), lineOf(bundle, superseded)]
  const isMarked = whereSessions.hits.every((hit) => hit.ref !== superseded || hit.supersededBy === inForce)
  return {
    claim: 'What was replaced does not stand above what replaced it, and says so',
    isProved:
      after >= 0 && (before < 0 || after < before) && (toldBefore < 0 || told < toldBefore) && isMarked,
    seen: `${inForce} at ${after + 1}, ${superseded} ${before < 0 ? 'left out' : `at ${before + 1}`}`,
  }
}

const provesBudget = ({ text, summary }: ContextBundle): Proof => {
  const tokens = countTokens(text)
  return {
    claim: 'The whole answer fits the budget that was given',
    isProved: summary.tokens <= summary.budget_tokens && tokens <= summary.tokens,
    seen: `${summary.tokens} of ${summary.budget_tokens} tokens`,
  }
}

const provesFix = ({ found }: Answers, { error, fix }: Story): Proof => {
  const refs = found.hits.slice(0, 3).map(({ ref }) => ref)
  return {
    claim: 'The words of an error find the error and its fix',
    isProved: refs.includes(error) && refs.includes(fix),
    seen: refs.length > 0 ? `${refs.join(', ')} come first` : 'nothing was found',
  }
}

export const proveRecall = (answers: Answers, story: Story): Proof[] => [
  isTold(answers.bundle, 'The next agent is told what is in force', story.inForce),
  isTold(answers.bundle, 'and the rule that holds', story.constraint),
  isTold(answers.bundle, 'and what was handed over', story.handoff),
  isTold(answers.bundle, 'and the task that waits', story.task),
  provesOrder(answers, story),
  provesBudget(answers.bundle),
  provesFix(answers, story),
]
