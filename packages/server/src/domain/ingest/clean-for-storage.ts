import { type Redaction, redactSecrets } from '../redaction/redact-secrets.ts'
import { removeHiddenCharacters } from './hidden-characters.ts'
import { stripInjected } from './injected-text.ts'

export interface CleanText {
  readonly text: string
  /** Secrets that were replaced, by kind. */
  readonly redacted: Redaction[]
  /** Blocks of our own injected text, and private blocks, that were removed. */
  readonly injectedRemoved: number
  /** Bytes of UTF-8 that were cut off because of the limit. */
  readonly truncatedBytes: number
  /** Hidden characters that were removed or replaced. */
  readonly controlRemoved: number
}

/**
 * Every text passes here before it is stored. The order matters: hidden characters go first, so that they can
 * hide neither a marker nor a secret; injected text next, so that it is not even counted; then secrets; and
 * the cut last, because half a secret would no longer be recognised. Cleaning twice changes nothing.
 *
 * @param textBytesMax limit in bytes of UTF-8 for the result, note about the cut included
 */
export function cleanForStorage(text: string, { textBytesMax }: { textBytesMax: number }): CleanText {
  const visible = removeHiddenCharacters(text)
  const own = stripInjected(visible.text)
  const redacted = redactSecrets(own.text)
  const cut = truncateBytes(redacted.text, textBytesMax)
  return {
    text: cut.text,
    redacted: redacted.found,
    injectedRemoved: own.removed,
    truncatedBytes: cut.truncatedBytes,
    controlRemoved: visible.removed,
  }
}

/** Cuts at a limit in bytes on a character boundary and says so in the text, when the note has room. */
export function truncateBytes(text: string, bytesMax: number): { text: string; truncatedBytes: number } {
  const total = Buffer.byteLength(text)
  if (total <= bytesMax) return { text, truncatedBytes: 0 }
  const noteBytes = Buffer.byteLength(noteOf(total))
  const keptBytesMax = bytesMax > noteBytes ? bytesMax - noteBytes : bytesMax
  const kept = withoutBrokenPlaceholder(headBytes(text, keptBytesMax))
  const truncatedBytes = total - Buffer.byteLength(kept)
  return { text: bytesMax > noteBytes ? kept + noteOf(truncatedBytes) : kept, truncatedBytes }
}

const noteOf = (bytes: number) => `\n[truncated: ${bytes} bytes left out]`

/** The longest beginning that fits, never ending inside a character. */
function headBytes(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text.slice(0, Math.max(0, bytesMax)))
  let end = Math.min(bytes.length, Math.max(0, bytesMax))
  while (end > 0 && end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end).replace(/\uFFFD$/, '')
}

function withoutBrokenPlaceholder(text: string): string {
  return text.replace(/\[r(?:e(?:d(?:a(?:c(?:t(?:e(?:d(?::[a-z_]{0,40})?)?)?)?)?)?)?)?$/, '')
}

/** For edges that refuse instead of cleaning: why the text cannot be stored as it is, or undefined if it can. */
export function describeInvalidText(text: string): string | undefined {
  const zero = text.indexOf('\u0000')
  if (zero >= 0) return `contains a zero byte (U+0000) at character ${zero}; remove it`
  const lone = text.search(/\p{Surrogate}/u)
  if (lone >= 0) return `contains half of a surrogate pair at character ${lone}; send valid Unicode`
  return undefined
}
