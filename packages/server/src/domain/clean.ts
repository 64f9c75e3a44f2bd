import { cleanForStorage } from './ingest/clean-for-storage.ts'
import { limits } from './limits.ts'

export interface CleanReport {
  /** Kinds of secrets that were replaced, with how often. */
  redacted: Record<string, number>
  injectedRemoved: number
  truncatedBytes: number
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
    cleanAll: (texts: readonly string[]) =>
      texts.map((text) => clean(text)).filter((text) => text.trim() !== ''),
    report,
  }
}
