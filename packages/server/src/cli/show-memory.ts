/** `stackmemory show`: whole memories by their references. */
import { getMemory, getMemoryInput, type MemoryItem } from '../domain/search/get-memory.ts'
import { answer, parseInput, type PersonOptions } from './ask.ts'
import { warn, type Io } from './io.ts'
import { headLines, textLines } from './item-lines.ts'
import { safeLine, wrapText } from './terminal-text.ts'
import type { View } from './view.ts'

export interface ShowOptions extends PersonOptions {
  around?: boolean
  history?: boolean
  events?: boolean
}

const renderTimeline = (view: View, { timeline }: MemoryItem): string[] =>
  timeline.flatMap((event) => [
    '',
    `${view.style.yellow(event.ref)}  ${(event.isError ? view.style.red : view.style.cyan)(event.kind)}, ${safeLine(event.actor || event.role)}`,
    ...textLines(view, event.text),
  ])

const renderHistory = (view: View, { history }: MemoryItem): string[] =>
  history.flatMap(({ version, status, by, at, reason, text }) => [
    '',
    ...wrapText(
      safeLine(`Version ${version}, ${status}, ${view.time(at)}, ${by}${reason ? `: ${reason}` : ''}`),
      view.width,
    ).map(view.style.dim),
    ...(text === '' ? [] : textLines(view, text)),
  ])

const renderItem = (view: View, item: MemoryItem): string[] => {
  const kind = item.kind === 'digest' ? 'frame' : item.kind
  const facts = [
    ...(item.files.length > 0 && !/^Files: /m.test(item.text) ? [`Files: ${item.files.join(', ')}`] : []),
    ...(item.stack.length > 1 ? [`Stack: ${item.stack.join(' > ')}`] : []),
    ...(item.omittedTokens > 0 ? [`Not shown: ${item.omittedTokens} tokens`] : []),
  ]
  return [
    ...headLines(view, {
      ...item,
      kind,
      at: item.date,
      title: item.title.replace(/^Digest: /, ''),
      frame: kind === 'frame' ? null : item.frame,
      frameName: item.stack.at(-1)?.replace(/^\S+ /, ''),
    }),
    '',
    ...textLines(view, item.text),
    ...(facts.length > 0
      ? ['', ...facts.flatMap((fact) => wrapText(safeLine(fact), view.width)).map(view.style.dim)]
      : []),
    ...renderHistory(view, item),
    ...renderTimeline(view, item),
    '',
  ]
}

export const showMemory = async (io: Io, refs: string[], options: ShowOptions): Promise<void> => {
  const input = parseInput(getMemoryInput, {
    ids: refs,
    around: options.around,
    include: [...(options.history ? ['history'] : []), ...(options.events ? ['events'] : [])],
  })
  await answer(io, options, {
    purpose: 'to show it',
    ask: async (ctx, memory) => getMemory(ctx, memory, input),
    render: (view, { items, missing }) => {
      if (missing.length > 0) warn(io, `Not in this project: ${safeLine(missing.join(', '))}.`)
      return items.flatMap((item) => renderItem(view, item)).slice(0, -1)
    },
  })
}
