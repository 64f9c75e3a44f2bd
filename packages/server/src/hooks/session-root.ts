import { posix } from 'node:path'

/**
 * The directory in which a session began, to which its paths are relative: `cwd` moves with every `cd`. Claude Code
 * names the folder of its transcripts after that directory, with every other character than letters and digits
 * as `-`; the directory is `cwd` or one above it. Where that tells nothing, it is `cwd`.
 */
export const sessionRoot = (
  cwd: string | undefined,
  transcriptPath: string | undefined,
): string | undefined => {
  if (cwd === undefined || transcriptPath === undefined) return cwd
  const folder = transcriptPath.replaceAll('\\', '/').split('/').at(-2) ?? ''
  const named = (path: string) => path.replaceAll(/[^A-Za-z0-9]/g, '-')
  for (let path = cwd.replaceAll('\\', '/'); ; path = posix.dirname(path)) {
    if (named(path) === folder) return path
    if (posix.dirname(path) === path) return cwd
  }
}
