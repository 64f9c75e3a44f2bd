/** The words of the assistant that tell best what came of the work. */
import type { EventKind, EventRole } from '../memory.ts'

/** As much of an event or of a transcript's entry as a summary needs. */
export interface Said {
  readonly kind: EventKind
  readonly role: EventRole
  readonly tool?: string
  readonly content: string
}

const summaryCharsMax = 1_500
/** A closing word shorter than this ("Done.") is left for the fuller message before it. */
const tellingCharsMin = 80
const lookBackMax = 4

export const summaryOf = (entries: readonly Said[]): string => {
  const said = entries
    .filter((entry) => entry.kind === 'message' && entry.role === 'assistant')
    .slice(-lookBackMax)
    .map((entry) => withoutFlourish(entry.content))
  const last = said.at(-1) ?? ''
  const text = last.length >= tellingCharsMin ? last : (said.findLast(isTelling) ?? last)
  return shortenAtParagraph(text)
}

/** The last word is the assistant's, unless somebody or something stopped it. */
export const isFinished = (entries: readonly Said[]): boolean => {
  const last = entries.findLast((entry) => entry.tool !== 'TodoWrite')
  return last?.kind === 'message' && last.role === 'assistant'
}

const isTelling = (text: string) => text.length >= tellingCharsMin && !/:\s*$/.test(text)

/** "Perfect! All tests pass. Here's a summary of what was done:" and a heading "Summary" say nothing. */
const withoutFlourish = (text: string): string => {
  const lines = text.trim().split('\n')
  while (lines.length > 1 && isFlourish(lines[0]?.trim() ?? '')) lines.shift()
  return lines
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim()
}

const isFlourish = (line: string) =>
  line === '' ||
  line === '---' ||
  /^#{1,6}\s*(?:✅\s*)?(?:(?:bug )?fix |final |implementation )?summary\b.{0,20}$/i.test(line) ||
  (line.length < 300 &&
    /\b(?:summary|summarize|what (?:was|I|I've) (?:did|done|implemented|changed))\b.*[:.]$/i.test(line)) ||
  (line.length < 80 &&
    /^(?:perfect|excellent|great|done|all done)[!.]/i.test(line) &&
    line.split(/[.!]\s/).length < 2)

const shortenAtParagraph = (text: string): string => {
  if (text.length <= summaryCharsMax) return text
  const head = text.slice(0, summaryCharsMax)
  const end = Math.max(head.lastIndexOf('\n\n'), head.lastIndexOf('\n- '), head.lastIndexOf('. ') + 1)
  const kept = head
    .slice(0, end > summaryCharsMax / 2 ? end : summaryCharsMax)
    .replace(/[\uD800-\uDBFF]$/, '')
  // An open code fence would swallow what follows it in a bundle.
  const fences = kept.match(/^\s*```/gm)?.length ?? 0
  return `${kept.trimEnd()}${fences % 2 ? '\n```' : ''} …`
}
