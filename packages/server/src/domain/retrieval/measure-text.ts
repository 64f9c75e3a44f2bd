/**
 * Tokens and lexemes of texts that come again and again: each bundle weighs the same statements in force. Pure,
 * so what is held cannot be out of date; held by the text itself, so a changed statement is another entry.
 */
import { tokenise } from './tokenise.ts'
import { countTokens } from './tokens.ts'

export interface MeasuredText {
  readonly tokens: number
  /** As `pack` compares them: the first 512, each once. */
  readonly lexemes: ReadonlySet<string>
}

const lexemesMax = 512
/** Longer texts are measured each time. */
const heldTextCharsMax = 4_000
/** Characters of all texts held; their lexemes take about ten bytes for each. */
const heldCharsMax = 1_000_000

const held = new Map<string, MeasuredText>()
let heldChars = 0

const measure = (text: string): MeasuredText => {
  let lexemes: ReadonlySet<string> | undefined
  return {
    tokens: countTokens(text),
    // A search asks for the tokens only.
    get lexemes() {
      lexemes ??= new Set(tokenise(text, lexemesMax))
      return lexemes
    },
  }
}

export const measureText = (text: string): MeasuredText => {
  if (text.length > heldTextCharsMax) return measure(text)
  const known = held.get(text)
  if (known) return known
  if (heldChars + text.length > heldCharsMax) {
    held.clear()
    heldChars = 0
  }
  heldChars += text.length
  const measured = measure(text)
  held.set(text, measured)
  return measured
}
