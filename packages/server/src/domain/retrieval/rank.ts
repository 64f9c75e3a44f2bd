/**
 * The structural score: what is said is found by its words, by what was said beside it, by the frame it was
 * said in, and by who said what kind of thing when. No model and no clock takes part, so the same input
 * gives the same order everywhere.
 *
 * The weights are those that held on conversations and coding chats they were not chosen on; the structure
 * around BM25 is worth more there than embeddings.
 */
import { escapePattern } from './escape-pattern.ts'
import { orderBySupersession } from './supersession.ts'
import type { ParsedQuery, RetrievalItem } from './types.ts'

export interface RankWeights {
  readonly lexical: number
  /** The items one place before and after in the same frame. */
  readonly neighbour: number
  /** The items two places before and after. */
  readonly secondNeighbour: number
  /** Sum of the three best items of the frame. */
  readonly frame: number
  readonly actor: number
  readonly date: number
  /** Dates and durations in the text, for questions that ask when or how long. */
  readonly temporal: number
  readonly length: number
  readonly phrase: number
  readonly identifier: number
  readonly file: number
  /** The frame is on the caller's call stack. */
  readonly stack: number
  readonly pinned: number
  readonly priority: number
}

export const defaultWeights: RankWeights = {
  lexical: 1,
  neighbour: 0.2,
  secondNeighbour: 0.1,
  frame: 0.5,
  actor: 0.4,
  date: 0.6,
  temporal: 0.3,
  length: 0.2,
  phrase: 0.4,
  identifier: 0.2,
  file: 0.4,
  stack: 0.2,
  pinned: 0.2,
  priority: 0.1,
}

export type ScorePart = keyof RankWeights | 'kind' | 'status' | 'successor'

export interface RankedItem {
  readonly item: RetrievalItem
  readonly score: number
  /** What the score is the sum of; parts of zero are left out. */
  readonly parts: Readonly<Partial<Record<ScorePart, number>>>
}

export interface RankInput {
  readonly query: ParsedQuery
  readonly items: readonly RetrievalItem[]
  /** Frame ids of the caller's call stack, innermost first. */
  readonly callStack?: readonly string[] | undefined
  /** Files the caller is working on, besides those the query names. */
  readonly files?: readonly string[] | undefined
  /** Successors of memories that are not in `items`, so that a chain through them still orders its ends. */
  readonly supersessions?: ReadonlyMap<string, string> | undefined
  readonly weights?: Partial<RankWeights> | undefined
}

const partNames = [
  'lexical',
  'neighbour',
  'secondNeighbour',
  'frame',
  'kind',
  'actor',
  'date',
  'temporal',
  'length',
  'phrase',
  'identifier',
  'file',
  'stack',
  'pinned',
  'priority',
] as const

/** A gentle prior: a strong one finds what users said and buries nearly all that assistants said. */
const anchorPriors: Readonly<Record<string, number>> = { decision: 0.4, constraint: 0.4 }
const itemPriors = { anchor: 0.35, digest: 0.35, task: 0.2, frame: 0.1 }
const eventPriors: Readonly<Record<string, number>> = {
  // A call says what was about to be done, in few words: one rare word makes it look better than its outcome.
  tool_call: -0.25,
  tool_result: -0.1,
  observation: 0,
  artifact: 0,
  error: 0.05,
}
const instructionPrior = 0.4
const rolePriors = { user: 0.3, assistant: 0, tool: -0.1, system: -0.1 }

/** What remains of the score of a memory that is no longer in force. */
const statusFactors: Readonly<Record<string, number>> = {
  superseded: 0.5,
  expired: 0.5,
  retracted: 0.3,
  quarantined: 0.3,
}

const frameTop = 3
/** An item of this length has the whole of the length part: a log does not outweigh a remark by its size. */
const fullLengthTokens = 64
const spokenWhen =
  /\b(?:yesterday|today|tomorrow|tonight|ago|(?:last|next|this|past|previous|coming) (?:night|week|weekend|month|year|summer|winter|spring|fall|autumn|sprint|(?:mon|tues|wednes|thurs|fri|satur|sun)day)|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:january|february|march|april|june|july|august|september|october|november|december)|(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)\.? \d{1,4}|(?:19|20)\d{2}|\d{1,2}:\d{2}|\d{1,2} ?[ap]m|(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|few|couple of|several)[ -](?:second|minute|hour|day|week|month|year|sprint)s?|deadline|recently|earlier|since)\b/i

const kindPrior = (item: RetrievalItem): number => {
  if (item.itemKind !== 'event') return anchorPriors[item.kind] ?? itemPriors[item.itemKind]
  if (item.instruction) return instructionPrior
  return eventPriors[item.kind] ?? rolePriors[item.role ?? 'assistant']
}

/** Sum of the three best lexical scores of each frame, as a share of the best frame's. */
const frameScores = (items: readonly RetrievalItem[]): Map<string, number> => {
  const byFrame = new Map<string, number[]>()
  for (const { frameId, lexical } of items) {
    if (frameId === undefined || lexical <= 0) continue
    const held = byFrame.get(frameId)
    if (held) held.push(lexical)
    else byFrame.set(frameId, [lexical])
  }
  const sums = new Map<string, number>()
  for (const [frameId, scores] of byFrame) {
    const best = scores.toSorted((a, b) => b - a).slice(0, frameTop)
    sums.set(
      frameId,
      best.reduce((sum, score) => sum + score, 0),
    )
  }
  const max = Math.max(0, ...sums.values())
  for (const [frameId, sum] of sums) sums.set(frameId, sum / max)
  return sums
}

const placeKey = (frameId: string, seq: number): string => `${frameId}\n${seq}`

const scoresByPlace = (items: readonly RetrievalItem[], maxLexical: number): Map<string, number> => {
  const places = new Map<string, number>()
  for (const { frameId, seq, lexical } of items) {
    if (frameId === undefined || seq === undefined || lexical <= 0) continue
    const key = placeKey(frameId, seq)
    places.set(key, Math.max(places.get(key) ?? 0, lexical / maxLexical))
  }
  return places
}

const aroundScore = (item: RetrievalItem, places: ReadonlyMap<string, number>, distance: number): number => {
  const { frameId, seq } = item
  if (frameId === undefined || seq === undefined) return 0
  return (
    (places.get(placeKey(frameId, seq - distance)) ?? 0) +
    (places.get(placeKey(frameId, seq + distance)) ?? 0)
  )
}

const directoryOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))
/** A file that is asked about, with its directory; two directories are not cut for each pair again. */
interface AskedFile {
  readonly path: string
  readonly directory: string
}
const isSuffixPath = (path: string, suffix: string): boolean =>
  path.endsWith(suffix) && (path.length === suffix.length || path.at(-suffix.length - 1) === '/')

/** 1 when the item touches an asked file, .3 when it touches one beside it. */
const fileScore = (files: readonly string[], asked: readonly AskedFile[]): number => {
  let best = 0
  for (const file of files)
    for (const { path, directory } of asked) {
      if (isSuffixPath(file, path) || isSuffixPath(path, file)) return 1
      // Before its last slash a file of that directory has all of it, and nothing else.
      if (directory !== '' && file.startsWith(`${directory}/`) && file.lastIndexOf('/') === directory.length)
        best = 0.3
    }
  return best
}

const holdsWord = (text: string, word: string): boolean => {
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1)) {
    const before = text[at - 1] ?? ' '
    const after = text[at + word.length] ?? ' '
    if (!/[\p{L}\p{N}_]/u.test(before) && !/[\p{L}\p{N}_]/u.test(after)) return true
  }
  return false
}

const shareOf = <T>(wanted: readonly T[], isHeld: (one: T) => boolean): number =>
  wanted.length === 0 ? 0 : wanted.filter(isHeld).length / wanted.length

/** Matches a phrase whatever the space and the case in it. */
const patternOf = (phrase: string): RegExp => {
  const words = phrase.split(' ').map(escapePattern)
  return new RegExp(String.raw`(?<![\p{L}\p{N}_])${words.join(String.raw`\s+`)}(?![\p{L}\p{N}_])`, 'iu')
}

const identifierScore = (text: string, identifiers: readonly string[]): number => {
  if (identifiers.length === 0) return 0
  const lower = text.toLowerCase()
  return shareOf(identifiers, (identifier) => holdsWord(lower, identifier))
}

const stackScore = (item: RetrievalItem, callStack: readonly string[]): number => {
  const depth = item.frameId === undefined ? -1 : callStack.indexOf(item.frameId)
  return depth === -1 ? 0 : 1 / (1 + depth)
}

const isWithin = (createdAt: Date, query: ParsedQuery): boolean =>
  query.dates.some(({ from, to }) => createdAt >= from && createdAt < to)

/** Everything about the set of items that the score of one of them needs. */
interface Surroundings {
  readonly query: ParsedQuery
  readonly weights: RankWeights
  readonly maxLexical: number
  readonly places: ReadonlyMap<string, number>
  readonly frames: ReadonlyMap<string, number>
  readonly phrases: readonly RegExp[]
  readonly callStack: readonly string[]
  readonly files: readonly AskedFile[]
}

const surroundingsOf = (input: RankInput): Surroundings => {
  const maxLexical = input.items.reduce((max, item) => Math.max(max, item.lexical), 0) || 1
  return {
    query: input.query,
    weights: { ...defaultWeights, ...input.weights },
    maxLexical,
    places: scoresByPlace(input.items, maxLexical),
    frames: frameScores(input.items),
    phrases: input.query.phrases.map(patternOf),
    callStack: input.callStack ?? [],
    files: [...(input.files ?? []), ...input.query.files].map((path) => ({
      path,
      directory: directoryOf(path),
    })),
  }
}

/** Each part between 0 and 1 (priority between -1 and 1), times its weight. */
const weighedParts = (item: RetrievalItem, all: Surroundings): Record<keyof RankWeights | 'kind', number> => {
  const { query, weights } = all
  return {
    lexical: weights.lexical * (item.lexical / all.maxLexical),
    neighbour: weights.neighbour * aroundScore(item, all.places, 1),
    secondNeighbour: weights.secondNeighbour * aroundScore(item, all.places, 2),
    frame: weights.frame * (all.frames.get(item.frameId ?? '') ?? 0),
    kind: kindPrior(item),
    actor: weights.actor * Number(item.actor !== undefined && query.actors.includes(item.actor)),
    date: weights.date * Number(isWithin(item.createdAt, query)),
    temporal: weights.temporal * Number(query.asksWhen && spokenWhen.test(item.text)),
    length: weights.length * Math.min(1, Math.log1p(Math.max(0, item.tokens)) / Math.log1p(fullLengthTokens)),
    phrase: weights.phrase * shareOf(all.phrases, (phrase) => phrase.test(item.text)),
    identifier: weights.identifier * identifierScore(item.text, query.identifiers),
    file: weights.file * fileScore(item.files, all.files),
    stack: weights.stack * stackScore(item, all.callStack),
    pinned: weights.pinned * Number(item.pinned === true),
    priority: weights.priority * (((item.priority ?? 5) - 5) / 5),
  }
}

const scoreItem = (item: RetrievalItem, all: Surroundings): RankedItem => {
  const weighed = weighedParts(item, all)
  const parts: Partial<Record<ScorePart, number>> = {}
  let sum = 0
  for (const name of partNames) {
    if (weighed[name] === 0) continue
    parts[name] = weighed[name]
    sum += weighed[name]
  }
  const factor = statusFactors[item.status]
  if (factor === undefined) return { item, score: Math.max(0, sum), parts }
  const score = Math.max(0, sum) * factor
  parts.status = score - Math.max(0, sum)
  return { item, score, parts }
}

/** Items that are scored once; `order` gives them best first, never a superseded one before its successor. */
export interface Ranking {
  /** With texts that were not known at first, by item id: only what depends on a text is scored again. */
  order(texts?: ReadonlyMap<string, string>): RankedItem[]
}

const dependsOnText = ({ phrases, identifiers, asksWhen }: ParsedQuery): boolean =>
  phrases.length > 0 || identifiers.length > 0 || asksWhen

export const createRanking = (input: RankInput): Ranking => {
  const all = surroundingsOf(input)
  const isTextScored = dependsOnText(input.query)
  const scored = input.items.map((item) => scoreItem(item, all))
  const withText = (ranked: RankedItem, text: string | undefined): RankedItem => {
    if (text === undefined) return ranked
    const item = { ...ranked.item, text }
    return isTextScored ? scoreItem(item, all) : { ...ranked, item }
  }
  return {
    order: (texts) =>
      orderBySupersession(
        texts ? scored.map((ranked) => withText(ranked, texts.get(ranked.item.id))) : scored,
        input.supersessions,
      ),
  }
}

/** All items, best first. Never a superseded one before its successor, whatever their scores. */
export const rankItems = (input: RankInput): RankedItem[] => createRanking(input).order()
