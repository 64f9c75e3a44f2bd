import { z } from 'zod'
import { createCleaner } from '../clean.ts'
import type { Context } from '../context.ts'
import { invalidInput, notFound } from '../errors.ts'
import { wrapInjected } from '../ingest/injected-text.ts'
import { limits } from '../limits.ts'
import type { Receipt } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, Stores } from '../ports.ts'
import { isUuid } from '../refs.ts'
import type { LexemeStatistics } from '../retrieval/bm25.ts'
import { countTokens } from '../retrieval/tokens.ts'
import { fileList, normalizePaths, optionalText, ref } from '../text.ts'
import { compile } from './compile.ts'
import type { Compiled } from './entry.ts'
import { gather, type Gathered } from './gather.ts'
import { markOutdated } from './mark-outdated.ts'
import { renderBundle, type Framing } from './render.ts'

export const getContextInput = z.strictObject({
  query: optionalText(limits.queryChars).describe('What you are about to do or want to know.'),
  files: fileList.default([]).describe('Paths you are about to touch.'),
  frame: ref.optional().describe('Your frame, e.g. F12: shows its stack and last steps.'),
  budget_tokens: z
    .int()
    .min(limits.budgetTokensMin)
    .max(limits.budgetTokensMax)
    .default(limits.budgetTokensDefault),
  branch: optionalText(limits.nameChars),
  detail: z.enum(['index', 'standard', 'full']).default('standard'),
  as_of: z.iso
    .datetime({ offset: true })
    .or(z.uuid())
    .optional()
    .describe('A moment, or a receipt, to rebuild an earlier bundle.'),
})
export type GetContextInput = z.infer<typeof getContextInput>

export interface ContextSummary {
  receipt: string
  as_of: string
  /** Tokens of the whole answer: the text and this summary. */
  tokens: number
  budget_tokens: number
  shown: number
  left_out: number
}

export interface ContextBundle {
  text: string
  summary: ContextSummary
}

interface Moment {
  asOf: Date | null
  at: Date
  receipt: Receipt | undefined
  input: GetContextInput
}

/** The digits of the summary are not known while it is fitted, so their widest form is counted. */
const summaryOf = (
  receipt: string,
  at: Date,
  input: GetContextInput,
  tokens: number,
  compiled: Compiled,
): ContextSummary => ({
  receipt,
  as_of: at.toISOString(),
  tokens,
  budget_tokens: input.budget_tokens,
  shown: compiled.entries.length,
  left_out: compiled.left.length,
})

const render = (ctx: Context, compiled: Compiled, receipt: string, { input, at }: Moment, frame: Framing) => {
  const text = wrapInjected(renderBundle(ctx, compiled, at, frame), { receipt })
  const summary = JSON.stringify(summaryOf(receipt, at, input, 99_999, compiled))
  return { text, tokens: countTokens(text) + countTokens(summary) }
}

/**
 * Renders, and drops the least valuable entries until the whole answer is within the budget. The estimates of
 * `compile` are close, so this rarely takes more than a step or two. Without entries, what is said around them
 * becomes shorter; its shortest form fits the smallest budget.
 */
const fit = (ctx: Context, compiled: Compiled, receipt: string, moment: Moment) => {
  const dropped = [...compiled.entries].toSorted((a, b) => a.value - b.value)
  const frames: Framing[] = ['full', 'short', 'bare']
  let frame = frames.shift() ?? 'bare'
  let current = compiled
  for (;;) {
    const { text, tokens } = render(ctx, current, receipt, moment, frame)
    const summary = summaryOf(receipt, moment.at, moment.input, tokens, current)
    if (tokens <= moment.input.budget_tokens) return { bundle: { text, summary }, fitted: current }
    const next = dropped.shift()
    if (next)
      current = {
        entries: current.entries.filter((entry) => entry !== next),
        left: [...current.left, { ref: next.ref, reason: 'budget' }],
      }
    else {
      const shorter = frames.shift()
      if (!shorter) return { bundle: { text, summary }, fitted: current }
      frame = shorter
    }
  }
}

/** An answer needs this much around the entries: envelope, title, the line of what was left out, the summary. */
const frameTokens = 190

const receiptBody = (gathered: Gathered, compiled: Compiled, bundle: ContextBundle) => ({
  tokens: bundle.summary.tokens,
  statistics: gathered.retrieval
    ? {
        n: gathered.retrieval.statistics.n,
        avgLength: gathered.retrieval.statistics.avgLength,
        df: Object.fromEntries(gathered.retrieval.statistics.df),
      }
    : null,
  candidates: gathered.retrieval?.candidates ?? 0,
  ranked: (gathered.retrieval?.ranked ?? []).slice(0, 50).map(({ item, score, parts }) => ({
    id: item.id,
    ref: gathered.retrieval?.found.get(item.id)?.ref ?? null,
    score,
    parts,
  })),
  shown: compiled.entries.map((entry) => entry.ref),
  left: compiled.left.slice(0, 200),
})

const statisticsOf = (receipt: Receipt | undefined): LexemeStatistics | undefined => {
  const held = receipt?.body['statistics'] as
    | { n: number; avgLength: number; df: Record<string, number> }
    | null
    | undefined
  return held ? { n: held.n, avgLength: held.avgLength, df: new Map(Object.entries(held.df)) } : undefined
}

/** The receipt keeps the question, so a secret in it goes before anything else. */
const cleanQuestion = (input: GetContextInput): GetContextInput => {
  const { clean, cleanLine, cleanLines } = createCleaner()
  return {
    ...input,
    query: clean(input.query ?? '').trim() || undefined,
    branch: cleanLine(input.branch ?? '') || undefined,
    files: cleanLines(input.files),
  }
}

/** With a receipt and nothing else asked, its own question is asked again. */
const momentOf = async (ctx: Context, stores: Stores, input: GetContextInput): Promise<Moment> => {
  if (input.as_of === undefined) return { asOf: null, at: ctx.now, receipt: undefined, input }
  if (!isUuid(input.as_of.toLowerCase())) {
    const asOf = new Date(input.as_of)
    if (asOf > ctx.now)
      throw invalidInput('as_of is in the future. Give a moment that has passed, or leave it out.')
    return { asOf, at: asOf, receipt: undefined, input }
  }
  const receipt = await stores.receipts.find(input.as_of.toLowerCase())
  if (!receipt)
    throw notFound(
      `There is no such receipt in this project. Receipts are kept for ${limits.receiptTtlDays} days.`,
    )
  const asksNothing = input.query === undefined && input.files.length === 0 && input.frame === undefined
  const asked = asksNothing ? getContextInput.parse(receipt.input) : input
  return {
    asOf: receipt.createdAt,
    at: receipt.createdAt,
    receipt: asksNothing ? receipt : undefined,
    input: asked,
  }
}

/**
 * Compiles what this project already knows for a task, within a token budget that the whole answer never
 * exceeds. Costs no model call. A receipt records how it was compiled; `as_of` rebuilds it.
 * @throws not_found for a frame or receipt of another project; invalid_input for a moment in the future.
 */
export const getContext = async (
  ctx: Context,
  memory: Memory,
  input: GetContextInput,
): Promise<ContextBundle> => {
  authorize(ctx, 'memory:read')
  const cleaned = cleanQuestion(input)
  return memory.transact(
    ctx,
    async (stores) => {
      const moment = await momentOf(ctx, stores, cleaned)
      const gathered = await gather(ctx, stores, {
        query: moment.input.query ?? '',
        files: normalizePaths(moment.input.files),
        frame: moment.input.frame,
        branch: moment.input.branch,
        asOf: moment.asOf,
        statistics: statisticsOf(moment.receipt),
      })
      const chosen = compile(gathered, {
        budgetTokens: Math.max(0, moment.input.budget_tokens - frameTokens),
        detail: moment.input.detail,
        now: moment.at,
        reader: moment.receipt
          ? { userId: moment.receipt.authorId, clientName: moment.receipt.clientName }
          : { userId: ctx.principal.userId, clientName: ctx.principal.client.name },
      })
      const compiled = await markOutdated(stores, gathered, chosen, moment.asOf)
      const id = moment.receipt?.id ?? ctx.newId()
      const { bundle, fitted } = fit(ctx, compiled, id, moment)
      if (!moment.receipt)
        stores.defer(
          stores.receipts.insert({
            id,
            operation: 'get_context',
            input: { ...moment.input, as_of: undefined },
            body: receiptBody(gathered, fitted, bundle),
            authorId: ctx.principal.userId,
            clientName: ctx.principal.client.name,
            createdAt: moment.at,
          }),
        )
      return bundle
    },
    { durable: false },
  )
}
