import { parseDocument } from 'yaml'
import { importLimits } from '../import-limits.ts'

export interface FrontMatter {
  data: Record<string, unknown>
  /** The text with the front matter replaced by empty lines, so that line numbers stay right. */
  body: string
  /** Why it could not be read; the body is kept whole then. */
  problem?: string
}

const matter = /^---[ \t]*\n([\s\S]*?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)/

/** YAML between two lines of `---` at the very start of a file. */
export const readFrontMatter = (text: string): FrontMatter => {
  const found = matter.exec(text)
  if (!found) return { data: {}, body: text }
  const lines = found[0].split('\n').length - (found[0].endsWith('\n') ? 1 : 0)
  const body = '\n'.repeat(lines) + text.slice(found[0].length)
  // The parser compares every key with every other.
  if (found[0].length > importLimits.frontMatterChars)
    return {
      data: {},
      body,
      problem: `its front matter has more than ${importLimits.frontMatterChars} characters`,
    }
  try {
    // Cursor writes `globs: *.ts`, which YAML takes for an alias.
    const source = (found[1] ?? '').replaceAll(
      /^([ \t]*(?:globs|applyTo|paths):[ \t]*)(\*[^\n]*)$/gm,
      `$1'$2'`,
    )
    const document = parseDocument(source, { logLevel: 'silent' })
    if (document.errors.length > 0) throw document.errors[0] ?? new SyntaxError()
    const data: unknown = document.toJS({ maxAliasCount: 10 })
    return { data: typeof data === 'object' && data !== null ? { ...data } : {}, body }
  } catch {
    return { data: {}, body, problem: 'its front matter is not YAML' }
  }
}

/** A list, or text separated by commas, as texts. */
export const textsOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [])
    .filter((each): each is string | number => typeof each === 'string' || typeof each === 'number')
    .map((each) => String(each).trim())
    .filter(Boolean)
