import { posix } from 'node:path'

/**
 * Paths as a memory shows them: forward slashes, relative to the directory in which the session began,
 * because `cd` moves the current directory and the same file must keep its name. Outside of it: absolute.
 */
export function relativeFile(file: string, { cwd, root }: { cwd: string; root: string }): string {
  const path = slashes(file)
  const full = isAbsolute(path) || sharesRoot(path, root) ? path : posix.join(slashes(cwd), path)
  const base = posix.normalize(`${slashes(root)}/`)
  const normal = posix.normalize(full)
  return base !== './' && normal.startsWith(base) ? normal.slice(base.length) : normal
}

/** A root that is itself relative: then the tools' paths repeat it. */
function sharesRoot(path: string, root: string): boolean {
  return (
    root !== '' &&
    !isAbsolute(slashes(root)) &&
    posix.normalize(path).startsWith(posix.normalize(`${slashes(root)}/`))
  )
}

const slashes = (path: string) =>
  /^[A-Za-z]:\\|^\\\\|^\.{1,2}\\/.test(path) ? path.replaceAll('\\', '/') : path
const isAbsolute = (path: string) => /^(?:\/|[A-Za-z]:\/|~\/)/.test(path)
