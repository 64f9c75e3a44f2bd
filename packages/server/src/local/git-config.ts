/** The little of git's configuration that says where a repository comes from (git-config(1), "Syntax"). */

export interface ConfigEntry {
  /** Lower case, for example `remote`. */
  readonly section: string
  /** As it is written, for example `origin`; empty when there is none. */
  readonly subsection: string
  /** Lower case. */
  readonly key: string
  readonly value: string
}

/** Entries in order. What is not understood is left out: git itself will complain about it. */
export const parseGitConfig = (text: string): ConfigEntry[] => {
  const entries: ConfigEntry[] = []
  let [section, subsection] = ['', '']
  for (const line of text.replaceAll(/\\\r?\n/g, '').split(/\r?\n/)) {
    const head = /^\s*\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]/.exec(line)
    if (head) [section, subsection] = [(head[1] ?? '').toLowerCase(), unescapeName(head[2] ?? '')]
    const entry = /^\s*([A-Za-z][A-Za-z0-9-]*)\s*=\s*(.*)$/.exec(head ? line.slice(head[0].length) : line)
    if (entry)
      entries.push({
        section,
        subsection,
        key: (entry[1] ?? '').toLowerCase(),
        value: valueOf(entry[2] ?? ''),
      })
  }
  return entries
}

const unescapeName = (text: string) => text.replaceAll(/\\(.)/g, '$1')

/** Without quotes and without a comment, which begins outside quotes only. */
const valueOf = (text: string): string => {
  let value = ''
  let isQuoted = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === '"') isQuoted = !isQuoted
    else if (character === '\\') value += text.charAt((at += 1))
    else if (!isQuoted && (character === '#' || character === ';')) break
    else value += character
  }
  return value.trim()
}

/** The address of the remote that names the repository: `origin`, else the first that has one. */
export const findRemoteUrl = (entries: readonly ConfigEntry[]): string | undefined => {
  const urls = entries.filter(
    (entry) => entry.section === 'remote' && entry.key === 'url' && entry.value !== '',
  )
  return (urls.find((entry) => entry.subsection === 'origin') ?? urls[0])?.value
}

/** Applies `url.<base>.insteadOf`, the longest that fits, as git does before it connects. */
export const rewriteUrl = (url: string, entries: readonly ConfigEntry[]): string => {
  const fitting = entries
    .filter(
      ({ section, key, value }) =>
        section === 'url' && key === 'insteadof' && value !== '' && url.startsWith(value),
    )
    .toSorted((a, b) => b.value.length - a.value.length)
  const [best] = fitting
  return best ? best.subsection + url.slice(best.value.length) : url
}
