/**
 * `<private>…</private>` over several texts that belong together, such as the fields of one tool call: a part that
 * is opened in one field and not closed there goes on in the next, and one that is never closed reaches to the end
 * of the last. Within one text `stripInjected` does the same again before anything is stored.
 */
import { removeHiddenCharacters } from './hidden-characters.ts'
import { privateClosing, privateOpening } from './injected-text.ts'

/** Deeper values are dropped: nothing that is worth remembering nests like that. */
const depthMax = 64

/** Removes the private parts of every string in `value`, in the order of the document. Keys stay as they are. */
export const dropPrivate = (value: unknown): unknown => {
  let open = 0
  const dropFrom = (raw: string): string => {
    if (open === 0 && !/private/i.test(removeHiddenCharacters(raw).text)) return raw
    const text = removeHiddenCharacters(raw).text
    const kept: string[] = []
    let from = 0
    for (const match of text.matchAll(new RegExp(`(${privateOpening})|${privateClosing}`, 'gi'))) {
      const opens = match[1] !== undefined
      if (!opens && open === 0) continue
      if (open === 0) kept.push(text.slice(from, match.index))
      open += opens ? 1 : -1
      from = match.index + match[0].length
    }
    if (open === 0) kept.push(text.slice(from))
    return kept.join('')
  }
  const walk = (each: unknown, depth: number): unknown => {
    if (typeof each === 'string') return dropFrom(each)
    if (typeof each !== 'object' || each === null) return each
    if (depth > depthMax) return null
    if (Array.isArray(each)) return each.map((item) => walk(item, depth + 1))
    return Object.fromEntries(Object.entries(each).map(([key, item]) => [key, walk(item, depth + 1)]))
  }
  return walk(value, 0)
}
