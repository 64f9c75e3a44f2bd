import { createHash } from 'node:crypto'
import { cleanForStorage } from './ingest/clean-for-storage.ts'
import { limits } from './limits.ts'

export interface CleanReport {
  /** Kinds of secrets that were replaced, with how often. */
  redacted: Record<string, number>
  injectedRemoved: number
  truncatedBytes: number
}

const toLine = (text: string) => text.replace(/[\n\t]+/g, ' ').trim()

/**
 * A key of the caller's, as it may be stored: as it is, or as its hash when cleaning would change it. Two keys that
 * differ only in a secret stay two.
 */
export const safeKey = (key: string): string => {
  const { text } = cleanForStorage(key, { textBytesMax: limits.eventContentBytes })
  return text === key ? key : `sha256:${createHash('sha256').update(key).digest('hex')}`
}

/** Cleans every text of one call and remembers what was taken out, so that the answer can say it. */
export const createCleaner = () => {
  const report: CleanReport = { redacted: {}, injectedRemoved: 0, truncatedBytes: 0 }
  const clean = (text: string, textBytesMax: number = limits.eventContentBytes): string => {
    const cleaned = cleanForStorage(text, { textBytesMax })
    for (const { kind, count } of cleaned.redacted)
      report.redacted[kind] = (report.redacted[kind] ?? 0) + count
    report.injectedRemoved += cleaned.injectedRemoved
    report.truncatedBytes += cleaned.truncatedBytes
    return cleaned.text
  }
  return {
    clean,
    /** For names, paths and labels: the same on one line, so that no answer gets a line of its own from them. */
    cleanLine: (text: string) => toLine(clean(text)),
    cleanLines: (texts: readonly string[]) => texts.map((text) => toLine(clean(text))).filter(Boolean),
    cleanAll: (texts: readonly string[]) =>
      texts.map((text) => clean(text)).filter((text) => text.trim() !== ''),
    report,
  }
}
