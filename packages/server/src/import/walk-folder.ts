import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

export interface FolderEntry {
  path: string
  /** Below the given folder, with forward slashes. */
  name: string
  isLink: boolean
}

export interface WalkOptions {
  foldersMax: number
  /** @param base last part of the folder's name */
  isEntered: (base: string) => boolean
  /** Told once, when folders were left out because there are more than `foldersMax`. */
  onTooMany: () => void
  /** @param code of the operating system */
  onUnreadable?: (name: string, code: string) => void
}

/**
 * What is below a folder and is no folder, in a stable order: nearer the top first. Links are given and never followed,
 * so nothing comes twice and every walk ends; the folder itself may be a link.
 */
export async function* walkFolder(folder: string, options: WalkOptions): AsyncGenerator<FolderEntry> {
  const names = ['']
  let isCut = false
  for (let index = 0; index < names.length; index += 1) {
    const current = names[index] ?? ''
    const entries = await readdir(join(folder, current), { withFileTypes: true }).catch((error: unknown) => {
      options.onUnreadable?.(current || '.', (error as { code?: string }).code ?? 'unknown')
      return []
    })
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = current ? `${current}/${entry.name}` : entry.name
      if (!entry.isDirectory()) yield { path: join(folder, name), name, isLink: entry.isSymbolicLink() }
      else if (!options.isEntered(entry.name)) continue
      else if (names.length < options.foldersMax) names.push(name)
      else isCut = true
    }
  }
  if (isCut) options.onTooMany()
}
