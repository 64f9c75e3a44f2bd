/**
 * The directory in which a session began, to which its paths are relative: `cwd` moves with every `cd`. Claude Code
 * names the folder of its transcripts after that directory, with every other character than letters and digits
 * as `-`; the directory is `cwd` or one above it. Where that tells nothing, it is `cwd`.
 *
 * The name is as long as the path, so there is one directory to compare, however deep `cwd` is.
 */
export const sessionRoot = (
  cwd: string | undefined,
  transcriptPath: string | undefined,
): string | undefined => {
  if (cwd === undefined || transcriptPath === undefined) return cwd
  const folder = transcriptPath.replaceAll('\\', '/').split('/').at(-2) ?? ''
  const path = cwd.replaceAll('\\', '/')
  const root = path.slice(0, folder.length)
  const isWhole = root.length === path.length || path[root.length] === '/' || root === '/'
  return isWhole && root !== '' && root.replaceAll(/[^A-Za-z0-9]/g, '-') === folder ? root : cwd
}
