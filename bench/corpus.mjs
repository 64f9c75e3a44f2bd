/**
 * A project's history as it might have grown: frames of work with messages, tool calls, results and errors,
 * statements, tasks and digests. Words and identifiers follow Zipf's law, so that a few lexemes stand in half
 * of all memories and most in a handful, which is what search costs depend on. The same seed gives the same
 * history.
 */
import { decode } from 'gpt-tokenizer/encoding/o200k_base'

const common =
  'the to is of and in that it for on with this we as be not are from at or by an if has can have will was should when use file test error code change add function return value type data check fix call run set get need make new line'.split(
    ' ',
  )
const wordsTotal = 12_000

/**
 * Words in the order of their frequency, near enough: a few of every text, then the whole words of the model
 * tokeniser's vocabulary, which merged the frequent ones first.
 */
const vocabulary = () => {
  const words = [...common]
  const held = new Set(words)
  for (let token = 256; words.length < wordsTotal; token++) {
    const text = decode([token])
    if (!/^ [a-z]{4,12}$/.test(text) || held.has(text.slice(1))) continue
    held.add(text.slice(1))
    words.push(text.slice(1))
  }
  return words
}
const words = vocabulary()
const verbs =
  'get set load save parse build create delete update find list render validate resolve fetch send handle open close read write merge apply check compute encode decode'.split(
    ' ',
  )
const domainNouns =
  'User Account Session Token Order Invoice Payment Project Frame Event Cache Query Index Config Route Handler Request Response Stream Buffer Worker Queue Job Task Schema Migration Table Row Cursor Page Filter Policy Role Scope Grant Secret Header Body Client Server Pool Lock Batch Digest Anchor Receipt Bundle Budget Limit Quota Webhook Template Locale Calendar Report Chart Widget Form Field Layout Theme Image Upload'.split(
    ' ',
  )
const folders =
  'src/api src/auth src/billing src/core src/db src/events src/jobs src/mail src/queue src/search src/ui src/web test/api test/db test/ui docs scripts deploy'.split(
    ' ',
  )
const extensions = ['ts', 'ts', 'ts', 'tsx', 'sql', 'md', 'json', 'yml']

/** mulberry32: small, quick and the same everywhere. */
export const createRandom = (seed) => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    next,
    below: (max) => Math.floor(next() * max),
    pick: (list) => list[Math.floor(next() * list.length)],
    chance: (probability) => next() < probability,
  }
}

/** Ranks 0…size-1 with probability ~ 1/(rank+1)^exponent, by a table of sums. */
const createZipf = (random, size, exponent) => {
  const sums = new Float64Array(size)
  let total = 0
  for (let i = 0; i < size; i++) sums[i] = total += 1 / (i + 1) ** exponent
  return () => {
    const wanted = random.next() * total
    let low = 0
    for (let high = size - 1; low < high;) {
      const middle = (low + high) >> 1
      if (sums[middle] < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

const identifiersTotal = 30_000
const filesTotal = 4_000

const capitalised = (word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`
/** What a project names things after: its own nouns first, then any word of the language, ever more rarely. */
const nouns = [...domainNouns, ...words.slice(400, 3_400).map(capitalised)]
/** The noun of an identifier or file: Zipf-shaped over all of them, and always the same one for a rank. */
const nounOf = (rank, salt) => {
  const share = createRandom(rank * 7 + salt).next()
  return nouns[Math.floor(nouns.length ** share) - 1] ?? nouns[0]
}

const identifierOf = (rank) => {
  const [verb, first, second] = [verbs[(rank * 7) % verbs.length], nounOf(rank, 1), nounOf(rank, 2)]
  return rank % 3 === 0
    ? `${verb}_${first.toLowerCase()}_${second.toLowerCase()}`
    : `${verb}${first}${second}`
}
const fileOf = (rank) =>
  `${folders[(rank * 5) % folders.length]}/${nounOf(rank, 3).toLowerCase()}-${nounOf(rank, 4).toLowerCase()}.${extensions[rank % extensions.length]}`

export const createCorpus = (seed) => {
  const random = createRandom(seed)
  const wordRank = createZipf(random, words.length, 1)
  const identifierRank = createZipf(random, identifiersTotal, 0.9)
  const fileRank = createZipf(random, filesTotal, 0.8)
  const word = () => words[wordRank()]
  const identifier = () => identifierOf(identifierRank())
  const file = () => fileOf(fileRank())
  const term = () => (random.chance(0.07) ? identifier() : random.chance(0.02) ? file() : word())
  const sentence = (min, max) => {
    const count = min + random.below(max - min + 1)
    const text = Array.from({ length: count }, term).join(' ')
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
  }
  const prose = (wordsMin, wordsMax) => {
    const sentences = []
    for (let left = wordsMin + random.below(wordsMax - wordsMin + 1); left > 0; left -= 14)
      sentences.push(sentence(6, 18))
    return sentences.join(' ')
  }
  const listing = () =>
    Array.from(
      { length: 3 + random.below(12) },
      (_, line) =>
        `${line + 1}  ${random.chance(0.5) ? 'const' : 'await'} ${identifier()}(${word()}, ${word()}) // ${sentence(2, 5)}`,
    ).join('\n')
  const files = (max) => [...new Set(Array.from({ length: random.below(max + 1) }, file))]

  const event = () => {
    const kind = random.next()
    if (kind < 0.18) return { kind: 'message', role: 'user', content: prose(8, 60), files: [] }
    if (kind < 0.42) return { kind: 'message', role: 'assistant', content: prose(30, 160), files: files(2) }
    if (kind < 0.68) {
      const path = file()
      return {
        kind: 'tool_call',
        role: 'assistant',
        tool: random.pick(['Read', 'Edit', 'Bash', 'Grep']),
        content: `${identifier()} ${path} ${sentence(3, 9)}`,
        files: [path],
      }
    }
    if (kind < 0.92) return { kind: 'tool_result', role: 'tool', content: listing(), files: files(1) }
    if (kind < 0.97)
      return {
        kind: 'error',
        role: 'tool',
        content: `TypeError: ${identifier()} is not a function\n    at ${identifier()} (${file()}:${random.below(400)}:7)`,
        files: files(1),
        isError: true,
      }
    return { kind: 'observation', role: 'assistant', content: prose(15, 40), files: [] }
  }
  const statement = () => ({
    type: random.pick([
      'decision',
      'decision',
      'decision',
      'constraint',
      'interface',
      'fact',
      'learning',
      'risk',
    ]),
    content: `${random.pick(['Use', 'Never call', 'Prefer', 'Keep', 'Do not change'])} ${identifier()} ${random.pick(['for', 'in', 'because of', 'instead of'])} ${sentence(6, 20)}`,
    rationale: prose(8, 40),
    files: files(2),
  })
  const task = () => ({ title: sentence(4, 9), description: prose(8, 30) })
  const frame = () => ({ name: sentence(3, 7).slice(0, -1), goal: prose(8, 24), files: files(3) })

  /** A question: mostly words of the language, some of the code, now and then a path. */
  const question = () => {
    const parts = [
      random.pick(['why did we', 'how does', 'what was decided about', 'where is', 'when did we change']),
    ]
    for (let left = 2 + random.below(7); left > 0; left--) parts.push(term())
    if (random.chance(0.6)) parts.push(identifier())
    return parts.join(' ')
  }
  return { random, word, identifier, file, sentence, prose, event, statement, task, frame, question }
}

export const eventsPerFrame = 40
export const anchorsPerFrame = 1.6
export const tasksPerFrame = 0.6
/** A frame, its digest, and what is in it. */
export const memoriesPerFrame = 2 + eventsPerFrame + anchorsPerFrame + tasksPerFrame
