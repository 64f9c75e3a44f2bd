/** A note of basic-memory: front matter, observations, relations, and prose. */
import type { ImportedStatement } from '../../domain/ingest/import-statements.ts'
import type { AnchorType } from '../../domain/memory.ts'
import { readFrontMatter, textsOf } from '../instructions/front-matter.ts'
import { toBlocks, type Block } from '../instructions/markdown-blocks.ts'
import { parseTime } from '../source.ts'

export interface Note {
  title: string
  /** Stays the same when the file moves; undefined when the note has none. */
  permalink: string | undefined
  statements: ImportedStatement[]
  counts: { observations: number; relations: number; passages: number }
  problem: string | undefined
}

interface Relation {
  type: string
  target: string
  why: string | undefined
}

/** `- [category] text #tag (context)`, but no checkbox and no link. */
const observation = /^\s*[-*+] \[(?![ xX-]?\])(?!\[)([^\][]{1,60})\](?!\()\s+(\S.*)$/
/** `- relates_to [[Target]] (context)`, also `- "type of several words" [[Target]]`. */
const relationMark = /^\s*[-*+] (?!\[(?!\[))/
const target = /^\[\[([^\][]{1,300})\]\]/
const relationChars = 80
/** By hand, because a pattern for all of it searches for long in lines of many spaces. */
const readRelation = (line: string): Relation | undefined => {
  const mark = relationMark.exec(line)?.[0]
  if (mark === undefined) return undefined
  const words = line.slice(mark.length).trimEnd()
  for (let at = words.indexOf('[['); at >= 0; at = words.indexOf('[[', at + 1)) {
    const type = words.slice(0, at).trimEnd()
    if (type.length > relationChars) return undefined
    const found = target.exec(words.slice(at, at + 310))
    const rest = found ? words.slice(at + found[0].length).trimStart() : '?'
    const isWhy = rest.length > 1 && rest.startsWith('(') && rest.endsWith(')')
    if (found && (rest === '' || isWhy))
      return { type, target: found[1] ?? '', why: isWhy ? rest.slice(1, -1) : undefined }
  }
  return undefined
}
/** `text (context)`: what stands in the last brackets, without a pattern that could search for long. */
const splitContext = (given: string): { text: string; why: string | undefined } => {
  const words = given.trimEnd()
  const open = words.lastIndexOf('(')
  const why = words.slice(open + 1, -1)
  if (!words.endsWith(')') || open < 1 || why.includes(')') || !/\s/.test(words[open - 1] ?? ''))
    return { text: words, why: undefined }
  return { text: words.slice(0, open).trimEnd(), why }
}
const tag = /(?:^|\s)#([\p{L}\p{N}_/-]+)/gu
const passageCharsMax = 6_000

const types: readonly [RegExp, AnchorType][] = [
  [/^(?:decision|choice|decided)s?$/, 'decision'],
  [/^(?:constraint|requirement|rule|principle|preference|policy|convention|must|guideline)s?$/, 'constraint'],
  [/^(?:risk|concern|issue|problem|warning|threat)s?$/, 'risk'],
  [
    /^(?:learning|lesson|insight|tip|gotcha|technique|method|approach|finding|solution|fix)(?:s|es)?$/,
    'learning',
  ],
  [/^(?:api|interface|contract|schema|endpoint|protocol)s?$/, 'interface'],
]

const typeOf = (category: string): AnchorType =>
  types.find(([pattern]) => pattern.test(category.trim().toLowerCase()))?.[1] ?? 'fact'

interface Parsing {
  title: string
  place: string
  about: string
  occurredAt: Date | undefined
}

const toObservation = (match: RegExpExecArray, line: number, at: Parsing): ImportedStatement => {
  const [, category = '', given = ''] = match
  const { text, why } = splitContext(given)
  const tags = [...text.matchAll(tag)].map((each) => each[1]).join(', ')
  return {
    type: typeOf(category),
    content: `${at.title}: ${text.replaceAll(tag, '').trim() || text}`,
    rationale: [`From the note “${at.title}” (${category})`, why, tags && `tags: ${tags}`, at.about]
      .filter(Boolean)
      .join('; '),
    occurredAt: at.occurredAt,
    place: { place: at.place, line },
  }
}

const toRelation = ({ type, target: to, why }: Relation, line: number, at: Parsing): ImportedStatement => {
  const verb = type.replaceAll(/["_]/g, ' ').replaceAll(/\s+/g, ' ').trim() || 'relates to'
  return {
    type: 'fact',
    content: `${at.title} ${verb} ${to.split('|', 1)[0] ?? to}`,
    rationale: [`A relation of the note “${at.title}”`, why].filter(Boolean).join('; '),
    occurredAt: at.occurredAt,
    place: { place: at.place, line },
  }
}

/** What else a note says, in passages under their headings. */
const toPassages = (blocks: readonly Block[], at: Parsing): ImportedStatement[] => {
  const passages: { headings: string[]; line: number; texts: string[]; chars: number }[] = []
  for (const block of blocks) {
    const last = passages.at(-1)
    const isSame = last?.headings.join('\0') === block.headings.join('\0')
    if (last && isSame && last.chars + block.text.length < passageCharsMax) {
      last.texts.push(block.text)
      last.chars += block.text.length
    } else
      passages.push({
        headings: block.headings,
        line: block.line,
        texts: [block.text],
        chars: block.text.length,
      })
  }
  return passages.map(({ headings, line, texts }) => {
    const heading = headings.filter((each) => each !== at.title).join(' › ')
    return {
      type: 'fact',
      content: `${at.title}${heading && ` › ${heading}`}:\n${texts.join('\n\n')}`,
      rationale: [`From the note “${at.title}”`, at.about].filter(Boolean).join('; '),
      priority: 3,
      occurredAt: at.occurredAt,
      place: { place: at.place, ...(heading && { heading }), line },
    }
  })
}

/** @param place path of the note in its vault, with forward slashes */
export const parseNote = (text: string, place: string): Note => {
  const { data, body, problem } = readFrontMatter(text)
  const named = data['title']
  const title = (typeof named === 'string' && named.trim()) || place.replace(/^.*\//, '').replace(/\.md$/, '')
  const permalink = data['permalink']
  const tags = textsOf(data['tags'])
  const kind = typeof data['type'] === 'string' && data['type'] !== 'note' ? data['type'] : ''
  const at: Parsing = {
    title,
    place,
    about: [kind, tags.length > 0 ? `tagged ${tags.join(', ')}` : ''].filter(Boolean).join(', '),
    occurredAt: ['modified', 'updated', 'created', 'date'].map((key) => parseTime(data[key])).find(Boolean),
  }
  const statements: ImportedStatement[] = []
  const counts = { observations: 0, relations: 0, passages: 0 }
  let isInFence = false
  const rest = body.split('\n').map((line, index) => {
    if (/^\s*(?:```|~~~)/.test(line)) isInFence = !isInFence
    if (isInFence) return line
    const observed = observation.exec(line)
    const related = observed ? undefined : readRelation(line)
    if (observed) {
      counts.observations += 1
      statements.push(toObservation(observed, index + 1, at))
    } else if (related) {
      counts.relations += 1
      statements.push(toRelation(related, index + 1, at))
    } else return line
    return ''
  })
  const passages = toPassages(toBlocks(rest.join('\n')), at)
  counts.passages = passages.length
  return {
    title,
    permalink: typeof permalink === 'string' && permalink.trim() !== '' ? permalink.trim() : undefined,
    statements: [...statements, ...passages],
    counts,
    problem,
  }
}
