import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'

/** How many snapshots are kept; with one a day, a week. */
export const snapshotsKept = 7

export const snapshotFolder = (dataDir: string) => join(dataDir, 'snapshots')

/** Name that sorts by time and is valid on every file system. */
export const snapshotName = (at: Date) => `${at.toISOString().replaceAll(/[-:.]/g, '')}.jsonl.gz`

/** Finished snapshots, oldest first; empty when the folder is missing. */
export async function listSnapshots(dataDir: string): Promise<string[]> {
  const names = await readdir(snapshotFolder(dataDir)).catch(() => [])
  return names
    .filter((name) => /^\d{8}T\d{9}Z\.jsonl\.gz$/.test(name))
    .toSorted()
    .map((name) => join(snapshotFolder(dataDir), name))
}

export const newestSnapshot = async (dataDir: string) => (await listSnapshots(dataDir)).at(-1)

/** Removes all but the newest snapshots, and what an interrupted one left. */
export async function removeOldSnapshots(dataDir: string): Promise<void> {
  const old = (await listSnapshots(dataDir)).slice(0, -snapshotsKept)
  const names = await readdir(snapshotFolder(dataDir))
  const unfinished = names.filter((name) => name.includes('.tmp-'))
  for (const path of [...old, ...unfinished.map((name) => join(snapshotFolder(dataDir), name))]) {
    await unlink(path)
  }
}
