/**
 * The lines that a change adds and takes away, each with its number. Lines around them are not shown: they are
 * somebody else's, and in these files they often hold keys.
 */

const linesOf = (text: string) => (text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/))

const cellsMax = 4_000_000

/** Lines that both have, by the longest common subsequence, between the equal start and the equal end. */
const common = (a: readonly string[], b: readonly string[]): [number, number][] => {
  if ((a.length + 1) * (b.length + 1) > cellsMax) return []
  const width = b.length + 1
  const lengths = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      lengths[i * width + j] =
        a[i] === b[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0)
  const pairs: [number, number][] = []
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) pairs.push([i++, j++])
    else if ((lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0)) i += 1
    else j += 1
  }
  return pairs
}

/** Unified diff without context. Empty when only the line ends differ. */
export const diffLines = (path: string, before: string, after: string): string => {
  const [a, b] = [linesOf(before), linesOf(after)]
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1
  let end = 0
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1
  const pairs = common(a.slice(start, a.length - end), b.slice(start, b.length - end))
  const hunks: string[] = []
  let [i, j] = [start, start]
  for (const [x, y] of [...pairs, [a.length - end - start, b.length - end - start] as const]) {
    const [removed, added] = [a.slice(i, start + x), b.slice(j, start + y)]
    if (removed.length + added.length > 0)
      hunks.push(
        `@@ -${removed.length > 0 ? i + 1 : i},${removed.length} +${added.length > 0 ? j + 1 : j},${added.length} @@`,
        ...removed.map((line) => `-${line}`),
        ...added.map((line) => `+${line}`),
      )
    ;[i, j] = [start + x + 1, start + y + 1]
  }
  return hunks.length === 0 ? '' : [`--- ${path}`, `+++ ${path}`, ...hunks].join('\n')
}
