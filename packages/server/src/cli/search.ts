/** `stackmemory search`: memories by words and structure, best first. */
import { searchMemory, searchMemoryInput, type SearchHit } from '../domain/search/search-memory.ts'
import { parseQuery } from '../domain/retrieval/query.ts'
import { tokenise } from '../domain/retrieval/tokenise.ts'
import { answer, parseInput, type PersonOptions } from './ask.ts'
import type { Io } from './io.ts'
import { safeLine, safeText, wrapText } from './terminal-text.ts'
import { parseMoment } from './terminal-time.ts'
import type { View } from './view.ts'

export interface SearchOptions extends PersonOptions {
  kind?: string[]
  files?: string[]
  status?: string
  branch?: string
  since?: string
  until?: string
  author?: string
  limit?: number
}

/** Makes the words bold by which a text was found. */
const emphasise = (view: View, text: string, lexemes: ReadonlySet<string>) =>
  text.replace(/[\p{L}\p{N}_]+/gu, (word) =>
    tokenise(word).some((lexeme) => lexemes.has(lexeme)) ? view.style.bold(word) : word,
  )

const indent = ' '.repeat(8)

const renderHit = (view: View, hit: SearchHit, lexemes: ReadonlySet<string>): string[] => {
  const status = hit.supersededBy ? `${hit.status} by ${hit.supersededBy}` : hit.status
  const about = [
    hit.kind,
    ...(hit.status === 'recorded' ? [] : [status]),
    `${view.time(hit.date)} (${view.age(hit.date)})`,
    safeLine(hit.author),
    ...(hit.frame === null ? [] : [safeLine(`in ${hit.frame} ${hit.frameName ?? ''}`)]),
  ]
  const title = safeLine(hit.title)
  const snippet = safeText(hit.snippet)
  // A title is often the beginning of the text, which is then shown alone.
  const texts = snippet.startsWith(title.replace(/…$/, '')) ? [snippet] : [title, snippet]
  const width = view.width - indent.length
  return [
    ...headed(view, hit.ref, wrapText(about.join(', '), width).map(view.style.dim)),
    ...texts.flatMap((text) => wrapText(text, width)).map((line) => indent + emphasise(view, line, lexemes)),
    '',
  ]
}

const headed = (view: View, ref: string, [first = '', ...more]: readonly string[]) => [
  `${view.style.yellow(ref)}${' '.repeat(Math.max(1, indent.length - ref.length))}${first}`,
  ...more.map((line) => indent + line),
]

export const search = async (io: Io, words: string[], options: SearchOptions): Promise<void> => {
  const now = new Date()
  const moment = (text: string | undefined, option: string) =>
    text === undefined ? undefined : parseMoment(text, option, now, io.env).toISOString()
  const input = parseInput(searchMemoryInput, {
    query: words.join(' '),
    kind: options.kind,
    files: options.files,
    status: options.status,
    branch: options.branch,
    since: moment(options.since, '--since'),
    until: moment(options.until, '--until'),
    author: options.author,
    limit: options.limit,
  })
  await answer(io, options, {
    purpose: 'to search',
    ask: async (ctx, memory) => searchMemory(ctx, memory, input),
    empty: ({ hits }) =>
      hits.length === 0
        ? 'Nothing matches. Use fewer or other words, or leave filters out; "stackmemory log" shows what there is.'
        : undefined,
    render: (view, { hits, matched }) => {
      const lexemes = new Set(parseQuery(input.query, { now }).lexemes.map(({ lexeme }) => lexeme))
      const more = matched > hits.length ? ` of ${matched}; -n shows more` : ''
      return [
        ...hits.flatMap((hit) => renderHit(view, hit, lexemes)).slice(0, -1),
        ...view.hint(`${hits.length}${more}. "stackmemory show ${hits[0]?.ref ?? ''}" shows a whole one.`),
      ]
    },
  })
}
