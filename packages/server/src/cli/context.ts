/** `stackmemory context`: what an agent would be given, for a person to read or to paste. */
import { getContext, getContextInput, type ContextBundle } from '../domain/bundle/get-context.ts'
import { isUuid } from '../domain/refs.ts'
import { answer, parseInput, type PersonOptions } from './ask.ts'
import type { Io } from './io.ts'
import { safeText, wrapText } from './terminal-text.ts'
import { parseMoment } from './terminal-time.ts'
import type { View } from './view.ts'

export interface ContextOptions extends PersonOptions {
  files?: string[]
  frame?: string
  budget?: number
  detail?: string
  branch?: string
  asOf?: string
}

/** The envelope is for a program that reads transcripts; a person does without it. */
const withoutEnvelope = (text: string) => text.replace(/^<[^\n]*>\n/, '').replace(/\n<\/[^\n]*>$/, '')

/** Markdown on a terminal: headings stand out, lines are broken at the width. */
export const markdownLines = (view: View, text: string): string[] =>
  wrapText(safeText(withoutEnvelope(text)), view.width).map((line) =>
    /^#{1,6} /.test(line) ? view.style.bold(line) : line,
  )

const render = (view: View, { text, summary }: ContextBundle): string[] =>
  view.isTTY
    ? [
        ...markdownLines(view, text),
        ...view.hint(`${summary.tokens} of ${summary.budget_tokens} tokens, receipt ${summary.receipt}`),
      ]
    : safeText(text).split('\n')

export const context = async (io: Io, question: string[], options: ContextOptions): Promise<void> => {
  const asOf =
    options.asOf === undefined || isUuid(options.asOf.toLowerCase())
      ? options.asOf
      : parseMoment(options.asOf, '--as-of', new Date(), io.env).toISOString()
  const input = parseInput(getContextInput, {
    query: question.join(' ').trim() || undefined,
    files: options.files,
    frame: options.frame,
    budget_tokens: options.budget,
    detail: options.detail,
    branch: options.branch,
    as_of: asOf,
  })
  await answer(io, options, {
    purpose: 'to read it',
    ask: async (ctx, memory) => getContext(ctx, memory, input),
    render,
  })
}
