/** The project's retrieval over a conversation held in memory, with the limits that the store has. */
import { performance } from 'node:perf_hooks'

const distribution = new URL('../../packages/server/dist/domain/retrieval/', import.meta.url)
const load = (name) => import(new URL(`${name}.js`, distribution).href)
const [
  { tokenise },
  { chunkText },
  { parseQuery },
  bm25,
  { rankItems },
  { isStandingInstruction },
  { countTokens },
] = await Promise.all(
  ['tokenise', 'chunk', 'query', 'bm25', 'rank', 'instruction', 'tokens'].map((name) => load(name)),
)

const candidatesMax = 300
const neighbourSeedsMax = 60
const neighbourDistance = 2

const indexChunk = (text) => {
  const tf = new Map()
  const lexemes = tokenise(text)
  for (const lexeme of lexemes) tf.set(lexeme, (tf.get(lexeme) ?? 0) + 1)
  return { text, len: lexemes.length, tf }
}

const toItem = (turn, frameId, seq) => ({
  id: turn.id,
  itemKind: 'event',
  kind: 'message',
  role: turn.role,
  actor: turn.actor,
  frameId,
  seq,
  createdAt: turn.createdAt,
  text: turn.text,
  tokens: countTokens(turn.text),
  files: [],
  status: 'active',
  instruction: turn.role === 'user' && isStandingInstruction(turn.text),
})

export const buildIndex = (conversation) => {
  const items = conversation.frames.flatMap((frame) =>
    frame.turns.map((turn, i) => ({
      item: toItem(turn, frame.id, i + 1),
      chunks: chunkText(turn.text).map((chunk) => indexChunk(chunk.text)),
    })),
  )
  const df = new Map()
  let length = 0
  let n = 0
  for (const chunk of items.flatMap(({ chunks }) => chunks)) {
    n++
    length += chunk.len
    for (const lexeme of chunk.tf.keys()) df.set(lexeme, (df.get(lexeme) ?? 0) + 1)
  }
  const now = new Date(Math.max(...items.map(({ item }) => item.createdAt.getTime())) + 86_400_000)
  return { items, statistics: { n, avgLength: length / n, df }, actors: conversation.actors, now }
}

/** What the candidate query of the store does: a gate of rare lexemes, the best 300 by weight and length. */
const findCandidates = (index, terms, gate) =>
  index.items
    .flatMap(({ item, chunks }) =>
      chunks.map((chunk, ord) => ({ itemId: item.id, ord, len: chunk.len, chunk, tf: [], coarse: 0 })),
    )
    .filter(({ chunk }) => gate.some((lexeme) => chunk.tf.has(lexeme)))
    .map((candidate) => {
      const tf = terms.map(({ lexeme }) => candidate.chunk.tf.get(lexeme) ?? 0)
      return {
        ...candidate,
        tf,
        coarse:
          terms.reduce((sum, { weight }, i) => sum + (tf[i] > 0 ? weight : 0), 0) /
          (1.3 + (0.9 * candidate.len) / index.statistics.avgLength),
      }
    })
    .toSorted((a, b) => b.coarse - a.coarse)
    .slice(0, candidatesMax)

const withNeighbours = (index, scores) => {
  const seeds = [...scores].toSorted((a, b) => b[1].score - a[1].score).slice(0, neighbourSeedsMax)
  const wanted = new Set(scores.keys())
  const places = new Map(index.items.map((entry) => [`${entry.item.frameId}/${entry.item.seq}`, entry]))
  const byId = new Map(index.items.map((entry) => [entry.item.id, entry]))
  for (const [id] of seeds) {
    const { frameId, seq } = byId.get(id).item
    for (let distance = -neighbourDistance; distance <= neighbourDistance; distance++) {
      const entry = places.get(`${frameId}/${seq + distance}`)
      if (entry) wanted.add(entry.item.id)
    }
  }
  return [...wanted].map((id) => byId.get(id))
}

/** Ranked lists of both retrievers, and the milliseconds that the structural one took. */
export const search = (index, question, weights) => {
  const query = parseQuery(question, { now: index.now, knownActors: index.actors })
  const terms = bm25.weighTerms(query.lexemes, index.statistics)
  const gate = bm25.rarestLexemes(
    terms.map(({ lexeme }) => lexeme),
    index.statistics.df,
  )
  const scores = bm25.scoreItems(findCandidates(index, terms, gate), terms, index.statistics.avgLength)
  const entries = withNeighbours(index, scores)
  const input = entries.map(({ item, chunks }) => {
    const best = scores.get(item.id)
    return { ...item, text: chunks[best?.ord ?? 0]?.text ?? item.text, lexical: best?.score ?? 0 }
  })
  const startedAt = performance.now()
  const ranked = rankItems({ query, items: input, weights })
  const rankMs = performance.now() - startedAt
  const fullText = (id) => index.items.find((entry) => entry.item.id === id).item.text
  const plain = input
    .filter((item) => item.lexical > 0)
    .toSorted((a, b) => b.lexical - a.lexical)
    .map((item) => ({ item, score: item.lexical }))
  return { ranked, plain, rankMs, fullText }
}
