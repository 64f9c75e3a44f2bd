/** What a session is called in lists: the name Claude Code gave it, else what its first prompt asks for. */
import type { TranscriptSession } from './transcript.ts'
import { shorten } from './tool-call.ts'

const titleCharsMax = 100
/** What comes after this of a line or a prompt is not looked at for a title. */
const readCharsMax = 400
/** Fields under which issue templates and task files keep their subject. */
const subjectField =
  /(?:^|\n)[ \t>*#-]*(?:title|subject|summary|problem[_ ]statement|problem|issue|bug|task|feature|description)\**\s*:\**\s*(\S[^\n]{7,})/i

export const titleOfSession = (
  session: TranscriptSession,
  summaryOfLeaf: ReadonlyMap<string, string>,
): string => {
  const given = session.entries
    .map((entry) => summaryOfLeaf.get(entry.key.replace(/:\d+$/, '')))
    .findLast((summary) => summary !== undefined && summary.trim() !== '')
  const prompt = session.userPrompts[0] ?? ''
  const isFromPrompt = prompt.replaceAll(/\s+/g, ' ').startsWith(session.title.replace(/…$/, ''))
  const title = given ?? (isFromPrompt ? titleOfPrompt(prompt) : session.title)
  return shorten(
    title
      .replaceAll(/\s+/g, ' ')
      .slice(0, readCharsMax)
      .replace(/[\s.:]+$/, '')
      .trim() || 'Claude Code session',
    titleCharsMax,
  )
}

/** A first line such as "Fix this issue:" names nothing; a subject further down does. At most 400 characters. */
export const titleOfPrompt = (prompt: string): string => {
  const text = prompt.trim()
  const first = text.split('\n', 1)[0]?.trim() ?? ''
  if (first.length >= 12 && !first.endsWith(':')) return firstSentence(first)
  const subject = subjectField.exec(text.slice(0, 4_000))?.[1]
  return subject === undefined ? text.slice(0, readCharsMax) : firstSentence(subject.trim())
}

const firstSentence = (whole: string) => {
  const line = whole.slice(0, readCharsMax)
  const end = line.length > titleCharsMax ? line.search(/[.!?](?=\s+\p{Lu})/u) : -1
  return end >= 12 ? line.slice(0, end) : line
}
