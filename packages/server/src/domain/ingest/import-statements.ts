/**
 * Brings statements of a source into memory, and follows the source when it is read again.
 *
 * A *unit* is a part of a source whose statements are compared with those that came from it before: the
 * instruction files of a repository, a note, one memory with an id. A statement is known by its unit and its
 * words. What the source changed is superseded, what a completely read unit has no more is retracted, and what
 * a person forgot, retracted or replaced here is not brought back. Nothing is written about what is unchanged but
 * where it stands now.
 */
import { createCleaner, type CleanReport } from '../clean.ts'
import type { Context } from '../context.ts'
import { limits } from '../limits.ts'
import type { Anchor, AnchorType, Place } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory, Stores } from '../ports.ts'
import { jaccard } from '../retrieval/near-duplicate.ts'
import { tokenise } from '../retrieval/tokenise.ts'
import { contentHash, normalizePaths } from '../text.ts'
import { insertAnchor, insertAnchors, prepareAnchor, reviseAnchor } from '../anchor/record-anchor.ts'

export interface ImportedStatement {
  type: AnchorType
  content: string
  rationale?: string
  files?: string[]
  /** 1 to 10. */
  priority?: number
  occurredAt?: Date
  expiresAt?: Date | null
  place: Place
}

export interface ImportedUnit {
  /** Identity over repeated imports; unique in the project. */
  unit: string
  statements: ImportedStatement[]
  /** One thing that keeps its identity when its words change. */
  isSingle?: boolean
  /**
   * What of the unit was read completely: a statement that stood only there and was not found is retracted. With
   * a function, the places; true means all of it.
   */
  isComplete?: boolean | ((place: string) => boolean)
  /** The frame that the statements belong to. */
  frameId?: string | null
}

export interface StatementCounts {
  added: number
  changed: number
  unchanged: number
  retracted: number
  /** Somebody else had recorded the same statement. */
  known: number
  /** Forgotten, retracted or replaced here by a person, and therefore left alone. */
  leftAlone: number
  /** Nothing was left after cleaning. */
  empty: number
}

export const noStatements = (): StatementCounts => ({
  added: 0,
  changed: 0,
  unchanged: 0,
  retracted: 0,
  known: 0,
  leftAlone: 0,
  empty: 0,
})

/** Words that two texts must share, of all they have, to be taken for the same rule in another wording. */
const rewordedMin = 0.4

/** Pairs that are compared by their words; a source that is new from end to end is not the same one reworded. */
const pairsMax = 1_000_000

type Cleaner = ReturnType<typeof createCleaner>
interface Incoming extends Omit<ImportedStatement, 'place'> {
  key: string
  hash: string
  places: Place[]
}

/** The key under which a statement of a unit is known; the words may be long, so they are hashed. */
export const statementKey = (unit: string, hash: string) => `${unit}#${hash.slice(0, 32)}`

const cleanPlace = ({ cleanLine }: Cleaner, place: Place): Place => ({
  place: cleanLine(place.place),
  ...(place.heading && { heading: cleanLine(place.heading) }),
  ...(place.line !== undefined && { line: place.line }),
  ...(place.author && { author: cleanLine(place.author) }),
})

/** The same words at several places are one statement. */
const cleanStatements = (cleaner: Cleaner, unit: ImportedUnit, counts: StatementCounts): Incoming[] => {
  const found = new Map<string, Incoming>()
  for (const statement of unit.statements) {
    const content = cleaner.clean(statement.content, limits.contentChars).trim()
    if (content === '') {
      counts.empty += 1
      continue
    }
    const hash = contentHash(statement.type, content, '')
    const key = statementKey(unit.unit, hash)
    const place = cleanPlace(cleaner, statement.place)
    const same = found.get(key)
    if (same) {
      if (same.places.length < limits.listItems) same.places.push(place)
      continue
    }
    found.set(key, {
      ...statement,
      content,
      rationale: cleaner.clean(statement.rationale ?? '', limits.rationaleChars),
      files: normalizePaths(cleaner.cleanLines(statement.files ?? [])).slice(0, limits.filesPerItem),
      key,
      hash,
      places: [place],
    })
  }
  return [...found.values()]
}

const isStanding = (anchor: Anchor) => anchor.status === 'active' && anchor.deletedAt === null

interface Plan {
  unchanged: { before: Anchor; now: Incoming }[]
  changed: { before: Anchor; now: Incoming }[]
  added: Incoming[]
  /** No longer in the source. */
  gone: Anchor[]
  /** Still somewhere that was not read this time. */
  elsewhere: { before: Anchor; places: Place[] }[]
  leftAlone: number
}

/** Pairs what is gone with what is new by their words, the most alike first. */
const pairReworded = (gone: readonly Anchor[], added: readonly Incoming[], isSingle: boolean) => {
  const [first, now] = [gone[0], added[0]]
  if (isSingle) return first && now ? [{ before: first, now }] : []
  if (gone.length * added.length > pairsMax) return []
  const words = (text: string) => new Set(tokenise(text))
  const news = added.map((each) => ({ now: each, words: words(each.content) }))
  const scored = gone.flatMap((before) => {
    const own = words(before.content)
    return news
      .map((each) => ({ before, now: each.now, score: jaccard(own, each.words) }))
      .filter(({ score }) => score >= rewordedMin)
  })
  const pairs: { before: Anchor; now: Incoming }[] = []
  const taken = new Set<Anchor | Incoming>()
  for (const { before, now: successor } of scored.toSorted(
    (a, b) => b.score - a.score || a.before.refNo - b.before.refNo,
  ))
    if (!taken.has(before) && !taken.has(successor)) {
      taken.add(before).add(successor)
      pairs.push({ before, now: successor })
    }
  return pairs
}

const planUnit = (
  unit: ImportedUnit,
  incoming: readonly Incoming[],
  standing: readonly Anchor[],
  byKey: ReadonlyMap<string | null, Anchor>,
): Plan => {
  const unchanged = incoming.flatMap((now) => {
    const before = byKey.get(now.key)
    return before && isStanding(before) ? [{ before, now }] : []
  })
  const fresh = incoming.filter((now) => !byKey.has(now.key))
  const found = new Set(unchanged.map(({ before }) => before.id))
  const missing = standing.filter((anchor) => !found.has(anchor.id))
  const wasRead = (place: string) =>
    typeof unit.isComplete === 'function' ? unit.isComplete(place) : unit.isComplete === true
  const gone: Anchor[] = []
  const elsewhere: Plan['elsewhere'] = []
  for (const before of missing) {
    const places = before.places
    const left = places.filter(({ place }) => !wasRead(place))
    if (left.length === 0 || unit.isSingle) gone.push(before)
    else if (left.length < places.length) elsewhere.push({ before, places: left })
  }
  const changed = pairReworded(gone, fresh, unit.isSingle === true)
  const paired = new Set<Anchor | Incoming>(changed.flatMap(({ before, now }) => [before, now]))
  return {
    unchanged,
    changed,
    added: fresh.filter((each) => !paired.has(each)),
    // One thing without words now was not read, rather than taken back.
    gone: gone.filter((each) => !paired.has(each) && !(unit.isSingle && !unit.isComplete)),
    elsewhere,
    leftAlone: incoming.length - unchanged.length - fresh.length,
  }
}

const sourceOf = (places: readonly Place[]) => places[0]?.place ?? 'the source'
const notLater = (date: Date | undefined, now: Date) => (date && date < now ? date : now)

const toAnchor = (ctx: Context, unit: ImportedUnit, now: Incoming, before?: Anchor) =>
  prepareAnchor(ctx, {
    type: now.type,
    content: now.content,
    rationale: now.rationale,
    files: now.files,
    ...((before ?? now.priority !== undefined) && { priority: before?.priority ?? now.priority }),
    pinned: before?.pinned ?? false,
    frameId: unit.frameId ?? null,
    source: 'import',
    externalKey: now.key,
    unit: unit.unit,
    places: now.places,
    occurredAt: notLater(now.occurredAt, ctx.now),
    expiresAt: now.expiresAt ?? null,
  })

const samePlaces = (a: readonly Place[], b: readonly Place[]) => JSON.stringify(a) === JSON.stringify(b)

/** Places in the order of the fields, as the database gives them back in another. */
const orderly = (places: readonly Place[]): Place[] =>
  places.map(({ place, heading, line, author }) => ({
    place,
    ...(heading !== undefined && { heading }),
    ...(line !== undefined && { line }),
    ...(author !== undefined && { author }),
  }))

/** @param inForce statements of others with the same words, which take the place of a new one */
const applyPlan = async (
  ctx: Context,
  stores: Stores,
  unit: ImportedUnit,
  plan: Plan,
  inForce: ReadonlyMap<string, string>,
  refNos: number[],
) => {
  const move = (id: string, places: Place[]) => stores.defer(stores.anchors.setPlaces(id, places))
  for (const { before, now } of plan.unchanged) {
    const others = before.places.filter(
      ({ place }) => typeof unit.isComplete === 'function' && !unit.isComplete(place),
    )
    const places = [...now.places, ...others]
    if (!samePlaces(orderly(before.places), orderly(places))) move(before.id, places)
  }
  for (const { before, places } of plan.elsewhere) move(before.id, places)
  for (const { before, now } of plan.changed) {
    const successor =
      inForce.get(now.hash) ??
      insertAnchor(ctx, stores, toAnchor(ctx, unit, now, before), refNos.shift() ?? 0).id
    await reviseAnchor(ctx, stores, before, {
      status: 'superseded',
      supersededBy: successor,
      statusReason: `Changed in ${sourceOf(now.places)}`,
      externalKey: null,
    })
  }
  for (const before of plan.gone)
    await reviseAnchor(ctx, stores, before, {
      status: 'retracted',
      statusReason: `No longer in ${sourceOf(before.places)}`,
      externalKey: null,
    })
}

/** Numbers for all that is new; the first came with the lock and goes back when nobody needs it. */
const takeRefs = async (stores: Stores, first: number, count: number): Promise<number[]> => {
  if (count === 0) {
    await stores.returnRef(first)
    return []
  }
  if (count > 1) await stores.nextRefs(count - 1)
  return Array.from({ length: count }, (_, index) => first + index)
}

/** What a dry run would have recorded by now, by content; it writes nothing that could be found again. */
export type DryRun = Set<string>

/** Parts of one unit are one; of a thing with an id the last is the one that counts. */
const mergeUnits = (units: readonly ImportedUnit[]): ImportedUnit[] => {
  const merged = new Map<string, ImportedUnit>()
  for (const unit of units) {
    const same = merged.get(unit.unit)
    const statements = same && !unit.isSingle ? [...same.statements, ...unit.statements] : unit.statements
    merged.set(unit.unit, { ...unit, statements })
  }
  return [...merged.values()]
}

const planAll = async (stores: Stores, prepared: readonly { unit: ImportedUnit; incoming: Incoming[] }[]) => {
  const [standing, known] = await Promise.all([
    stores.anchors.lockUnits(prepared.map(({ unit }) => unit.unit)),
    stores.anchors.findByExternalKeys(prepared.flatMap(({ incoming }) => incoming.map(({ key }) => key))),
  ])
  const byUnit = new Map<string | null, Anchor[]>()
  for (const anchor of standing) {
    const list = byUnit.get(anchor.unit)
    if (list) list.push(anchor)
    else byUnit.set(anchor.unit, [anchor])
  }
  const byKey = new Map(known.map((anchor) => [anchor.externalKey, anchor]))
  return prepared.map(({ unit, incoming }) => ({
    unit,
    plan: planUnit(unit, incoming, byUnit.get(unit.unit) ?? [], byKey),
  }))
}

const applyAll = async (
  ctx: Context,
  stores: Stores,
  plans: readonly { unit: ImportedUnit; plan: Plan }[],
  inForce: ReadonlyMap<string, string>,
  first: number,
) => {
  const added = plans.flatMap(({ unit, plan }) => plan.added.map((now) => toAnchor(ctx, unit, now)))
  const changed = plans.flatMap(({ plan }) => plan.changed.filter(({ now }) => !inForce.has(now.hash)))
  const refNos = await takeRefs(stores, first, added.length + changed.length)
  insertAnchors(ctx, stores, added, refNos.splice(0, added.length))
  for (const { unit, plan } of plans) await applyPlan(ctx, stores, unit, plan, inForce, refNos)
}

/** In the transaction of the caller; writes nothing in a dry run. */
export const placeUnits = async (
  ctx: Context,
  stores: Stores,
  units: readonly ImportedUnit[],
  cleaner: Cleaner,
  dryRun?: DryRun,
): Promise<StatementCounts> => {
  const counts = noStatements()
  if (units.length === 0) return counts
  // The project's write lock, before anything is compared.
  const first = dryRun ? undefined : await stores.nextRef()
  const plans = await planAll(
    stores,
    mergeUnits(units).map((unit) => ({ unit, incoming: cleanStatements(cleaner, unit, counts) })),
  )
  const fresh = plans.flatMap(({ plan }) => [...plan.added, ...plan.changed.map(({ now }) => now)])
  const recorded = await stores.anchors.findByContents(fresh.map(({ hash }) => hash))
  const inForce = new Map(recorded.map((anchor) => [anchor.contentHash, anchor.id]))
  const said = new Set([...inForce.keys(), ...(dryRun ?? [])])
  const wanted: { unit: ImportedUnit; plan: Plan }[] = []
  for (const { unit, plan } of plans) {
    const added = plan.added.filter(({ hash }) => !said.has(hash))
    for (const { hash } of [...added, ...plan.changed.map(({ now }) => now)]) {
      said.add(hash)
      dryRun?.add(hash)
    }
    counts.known += plan.added.length - added.length
    counts.added += added.length
    counts.changed += plan.changed.length
    counts.unchanged += plan.unchanged.length
    counts.retracted += plan.gone.length
    counts.leftAlone += plan.leftAlone
    wanted.push({ unit, plan: { ...plan, added } })
  }
  if (first !== undefined) await applyAll(ctx, stores, wanted, inForce, first)
  return counts
}

/**
 * One transaction: all of the units or nothing.
 * @throws forbidden without the scope memory:write.
 */
export const importStatements = async (
  ctx: Context,
  memory: Memory,
  units: readonly ImportedUnit[],
  { dryRun }: { dryRun?: DryRun } = {},
): Promise<{ counts: StatementCounts; cleaned: CleanReport }> => {
  authorize(ctx, 'memory:write')
  return memory.transact(ctx, async (stores) => {
    const cleaner = createCleaner() // anew when the transaction is repeated
    const counts = await placeUnits(ctx, stores, units, cleaner, dryRun)
    return { counts, cleaned: cleaner.report }
  })
}
