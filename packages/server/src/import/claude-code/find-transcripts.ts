import { stat } from 'node:fs/promises'
import { importLimits } from '../import-limits.ts'
import { count } from '../source.ts'
import { walkFolder } from '../walk-folder.ts'

export interface SourceFile {
  path: string
  bytes: number
}

/**
 * Every `.jsonl` below the folder, oldest first so that references follow time. No link is followed.
 *
 * @param skipped counts what was left out, by reason
 */
export const findTranscripts = async (
  folder: string,
  skipped: Record<string, number>,
): Promise<SourceFile[]> => {
  const files: (SourceFile & { mtimeMs: number })[] = []
  const entries = walkFolder(folder, {
    foldersMax: importLimits.transcriptFolders,
    isEntered: () => true,
    onTooMany: () => count(skipped, `part of the folder over ${importLimits.transcriptFolders} folders`),
    onUnreadable: () => count(skipped, 'folders that cannot be read'),
  })
  for await (const { path, isLink } of entries) {
    if (isLink) count(skipped, 'links (name what they lead to)')
    else if (path.endsWith('.jsonl')) {
      if (files.length >= importLimits.transcripts) {
        count(skipped, `part of the folder over ${importLimits.transcripts} files`)
        break
      }
      const found = await stat(path).catch(() => undefined)
      // One that is gone is reported when it is read.
      if (!found || found.isFile())
        files.push({ path, bytes: found?.size ?? 0, mtimeMs: found?.mtimeMs ?? 0 })
    }
  }
  return files
    .toSorted((a, b) => a.mtimeMs - b.mtimeMs || (a.path < b.path ? -1 : 1))
    .map(({ path, bytes }) => ({ path, bytes }))
}
