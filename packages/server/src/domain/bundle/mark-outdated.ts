/**
 * A digest says what was true when its frame closed. Where it names a statement that is not in force any more, the
 * bundle says so beside the name: otherwise an old decision would come back as a present one.
 */
import type { Anchor } from '../memory.ts'
import type { Stores } from '../ports.ts'
import { formatAnchorRef } from '../refs.ts'
import { entry, type BundleEntry, type Compiled } from './entry.ts'
import type { Gathered } from './gather.ts'

/** As a digest writes a decision: `D2 (decision) Sessions live in Redis`. */
const named = /\bD(\d{1,9}) \((?:decision|constraint|interface|fact|learning|risk)\)/g
/** Of one bundle; it shows some dozens of entries. */
const namesMax = 200

const isPast = ({ section }: BundleEntry) => section === 'happened' || section === 'handoff'

const refNosIn = (entries: readonly BundleEntry[]): number[] => [
  ...new Set(entries.flatMap(({ text }) => [...text.matchAll(named)].map((match) => Number(match[1])))),
]

const remarkOn = (anchor: Anchor, successors: ReadonlyMap<string, Anchor>): string => {
  const successor = successors.get(anchor.supersededBy ?? '')
  return successor ? `superseded by ${formatAnchorRef(successor.refNo)}` : `now ${anchor.status}`
}

/** What is to be written beside each reference that is not in force at the moment of the bundle. */
const findRemarks = async (stores: Stores, refNos: readonly number[], asOf: Date | null) => {
  if (refNos.length === 0) return new Map<number, string>()
  const past = (await stores.anchors.findByRefs(refNos, asOf)).filter(({ status }) => status !== 'active')
  const successorIds = [...new Set(past.flatMap(({ supersededBy }) => supersededBy ?? []))]
  const successors = await stores.anchors.findMany(successorIds, asOf)
  const byId = new Map(successors.map((anchor) => [anchor.id, anchor]))
  return new Map(past.map((anchor) => [anchor.refNo, remarkOn(anchor, byId)]))
}

const mark = (each: BundleEntry, remarks: ReadonlyMap<number, string>): BundleEntry => {
  const text = each.text.replace(named, (found, refNo: string) => {
    const remark = remarks.get(Number(refNo))
    return remark ? `${found.slice(0, -1)}, ${remark})` : found
  })
  return text === each.text ? each : entry({ ...each, text })
}

/** Asks the store only when an entry names a statement that the bundle does not hold as one in force. */
export const markOutdated = async (
  stores: Stores,
  gathered: Gathered,
  compiled: Compiled,
  asOf: Date | null,
): Promise<Compiled> => {
  const inForce = new Set(gathered.anchors.map(({ refNo }) => refNo))
  const asked = refNosIn(compiled.entries.filter(isPast)).filter((refNo) => !inForce.has(refNo))
  const remarks = await findRemarks(stores, asked.slice(0, namesMax), asOf)
  if (remarks.size === 0) return compiled
  const entries = compiled.entries.map((each) => (isPast(each) ? mark(each, remarks) : each))
  return { ...compiled, entries }
}
