/** Pieces of Markdown that several tools show. */
import type { CleanReport } from '../../domain/clean.ts'

/** The first column is ours: a text goes on below its entry, so that none of its lines passes for another. */
export const indent = (text: string) => text.trim().replace(/\n+/g, '\n  ')

export const day = (iso: string) => iso.slice(0, 10)

/** What was taken out of the text before it was stored; empty when nothing was. */
export const presentCleaned = (report: CleanReport): string[] => {
  const kinds = Object.entries(report.redacted).map(([kind, count]) =>
    count > 1 ? `${kind} (${count})` : kind,
  )
  return [
    ...(kinds.length ? [`Redacted before storing: ${kinds.join(', ')}. Never put secrets into memory.`] : []),
    ...(report.injectedRemoved
      ? [
          `Left out ${report.injectedRemoved} private or injected passage${report.injectedRemoved > 1 ? 's' : ''}.`,
        ]
      : []),
    ...(report.truncatedBytes ? [`Cut ${report.truncatedBytes} bytes over the limit.`] : []),
  ]
}

export const lines = (...parts: (string | false | null | undefined | string[])[]) =>
  parts
    .flat()
    .filter((part): part is string => typeof part === 'string' && part !== '')
    .join('\n')
