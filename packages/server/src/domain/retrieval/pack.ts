/**
 * Fills a token budget greedily. Slightly favouring short items (score / tokens^.1) holds more evidence than
 * the plain order; stronger exponents and MMR hold less. The sum of what is taken never exceeds the budget,
 * and what is not taken is reported with the reason.
 */
import { isNearDuplicate } from './near-duplicate.ts'
import { tokenise } from './tokenise.ts'
import { countTokens, truncateToTokens } from './tokens.ts'

/** An item above this enters as its best chunk. */
export const packedItemTokensMax = 200
/** Share of the budget that standing instructions may take before everything else. */
export const instructionLaneShare = 0.15
const lengthExponent = 0.1
const ellipsis = '…'
/** Lexemes by which items are compared; a chunk has fewer. */
const lexemesComparedMax = 512

export interface PackItem {
  readonly id: string
  /** The whole text. */
  readonly text: string
  /** Tokens of the whole text. */
  readonly tokens: number
  readonly score: number
  /** The best chunk, for an item that is too long to enter whole; the beginning of `text` without it. */
  readonly excerpt?: string | undefined
  readonly lexemes?: ReadonlySet<string> | undefined
  /** Milliseconds; of two near-duplicates the newer one stays. */
  readonly createdAtMs?: number | undefined
  readonly lane?: 'instruction' | undefined
  /** Two such items are both kept however alike they are: a number or a name may be all they differ in. */
  readonly distinct?: boolean | undefined
  /** Id of the successor: an item is never taken without its successor when that is among the items. */
  readonly supersededBy?: string | undefined
}

export interface PackedItem {
  readonly id: string
  /** What to show: the text, or its excerpt between ellipses. */
  readonly text: string
  readonly tokens: number
  readonly excerpted: boolean
  readonly lane?: 'instruction' | undefined
}

export type LeftReason = 'budget' | 'near_duplicate' | 'successor_left_out'

export interface LeftItem {
  readonly id: string
  readonly reason: LeftReason
}

export interface Packed {
  readonly taken: PackedItem[]
  readonly left: LeftItem[]
  /** Tokens of everything taken, overhead included; at most the budget. */
  readonly tokens: number
}

export interface PackOptions {
  /** Tokens that the rendering of one item adds: its ref, date and author. */
  readonly overheadTokens?: number | undefined
  readonly itemTokensMax?: number | undefined
}

/** An item with what is computed of it when its turn comes; most never need their excerpt. */
class Candidate {
  readonly item: PackItem
  readonly value: number
  private readonly max: number
  private readonly overhead: number
  private heldPacked: PackedItem | undefined
  private heldLexemes: ReadonlySet<string> | undefined

  constructor(item: PackItem, max: number, overhead: number) {
    this.item = item
    this.max = max
    this.overhead = overhead
    this.value = item.score / Math.max(1, Math.min(item.tokens, max) + overhead) ** lengthExponent
  }

  get packed(): PackedItem {
    this.heldPacked ??= this.present()
    return this.heldPacked
  }

  get lexemes(): ReadonlySet<string> {
    this.heldLexemes ??=
      this.item.lexemes ?? new Set(tokenise(this.item.excerpt ?? this.item.text, lexemesComparedMax))
    return this.heldLexemes
  }

  /** Without cutting an excerpt: about what the item needs at least. */
  get leastTokens(): number {
    const { tokens } = this.item
    return this.overhead + (tokens > this.max ? this.max / 2 : tokens)
  }

  private present(): PackedItem {
    const { id, lane, tokens } = this.item
    const excerpted = tokens > this.max
    const text = excerpted ? excerptOf(this.item, this.max) : this.item.text
    const bare = excerpted ? countTokens(text) : Math.max(0, Math.ceil(tokens))
    return { id, text, tokens: Math.max(1, bare + this.overhead), excerpted, lane }
  }
}

const excerptOf = (item: PackItem, max: number): string => {
  const source = item.excerpt ?? item.text
  const leading = source !== item.text && !item.text.startsWith(source) ? ellipsis : ''
  // Two signs may cost two tokens each.
  return `${leading}${truncateToTokens(source, Math.max(1, max - 4)).trimEnd()}${ellipsis}`
}

const byValue = (a: Candidate, b: Candidate): number =>
  b.value - a.value || b.item.score - a.item.score || (a.item.id < b.item.id ? -1 : 1)

/**
 * After this many items found no room, one that is too long as well is refused by its size alone, and no longer
 * compared with what was taken. Of a thousand contenders a small budget holds thirty.
 */
const refusedMax = 12

/** The state of one packing; `decide` is asked once for each item. */
class Packing {
  readonly taken = new Map<string, Candidate>()
  readonly left = new Map<string, LeftReason>()
  tokens = 0
  private readonly byId: ReadonlyMap<string, Candidate>
  private readonly deciding = new Set<string>()
  private refused = 0

  constructor(candidates: readonly Candidate[]) {
    this.byId = new Map(candidates.map((candidate) => [candidate.item.id, candidate]))
  }

  decide(candidate: Candidate, limit: number): void {
    const { id } = candidate.item
    if (this.taken.has(id) || this.left.has(id) || this.deciding.has(id)) return
    this.deciding.add(id)
    const reason = this.isFullFor(candidate, limit) ? 'budget' : this.reasonToLeave(candidate, limit)
    this.deciding.delete(id)
    if (reason === 'budget') this.refused++
    if (reason) this.left.set(id, reason)
    else this.take(candidate)
  }

  /** Gives items that were left for want of room another chance, under a wider limit. */
  reconsider(): void {
    this.left.clear()
    this.refused = 0
  }

  private isFullFor(candidate: Candidate, limit: number): boolean {
    return this.refused >= refusedMax && this.tokens + candidate.leastTokens > limit
  }

  private take(candidate: Candidate): void {
    this.taken.set(candidate.item.id, candidate)
    this.tokens += candidate.packed.tokens
  }

  private reasonToLeave(candidate: Candidate, limit: number): LeftReason | undefined {
    if (!this.hasItsSuccessor(candidate, limit)) return 'successor_left_out'
    const twin = this.findTwin(candidate)
    if (twin && !this.replaces(candidate, twin, limit)) return 'near_duplicate'
    return this.tokens + candidate.packed.tokens > limit ? 'budget' : undefined
  }

  private hasItsSuccessor({ item }: Candidate, limit: number): boolean {
    const successor = item.supersededBy === undefined ? undefined : this.byId.get(item.supersededBy)
    if (!successor || this.deciding.has(successor.item.id)) return true
    this.decide(successor, limit)
    return this.taken.has(successor.item.id)
  }

  private findTwin({ item, lexemes }: Candidate): Candidate | undefined {
    for (const held of this.taken.values())
      if (!(item.distinct && held.item.distinct) && isNearDuplicate(lexemes, held.lexemes)) return held
    return undefined
  }

  /** The newer of two that say the same takes the place of the older, when it fits. */
  private replaces(candidate: Candidate, twin: Candidate, limit: number): boolean {
    if ((candidate.item.createdAtMs ?? 0) <= (twin.item.createdAtMs ?? 0)) return false
    if (this.tokens - twin.packed.tokens + candidate.packed.tokens > limit) return false
    this.taken.delete(twin.item.id)
    this.tokens -= twin.packed.tokens
    this.left.set(twin.item.id, 'near_duplicate')
    return true
  }
}

/** Takes what fits, best first; instructions of their lane come before all others. */
export const pack = (items: readonly PackItem[], budgetTokens: number, options: PackOptions = {}): Packed => {
  const max = options.itemTokensMax ?? packedItemTokensMax
  const candidates = items
    .map((item) => new Candidate(item, max, options.overheadTokens ?? 0))
    .toSorted(byValue)
  const packing = new Packing(candidates)
  for (const candidate of candidates)
    if (candidate.item.lane === 'instruction') packing.decide(candidate, budgetTokens * instructionLaneShare)
  packing.reconsider()
  for (const candidate of candidates) packing.decide(candidate, budgetTokens)
  return {
    taken: [...packing.taken.values()].map(({ packed }) => packed),
    left: [...packing.left].map(([id, reason]) => ({ id, reason })),
    tokens: packing.tokens,
  }
}
