/**
 * Measures what the retrieval core finds, with plain BM25 beside it. On demand, not in CI: the data sets may
 * not be copied into this repository.
 *
 *   npx tsc -p packages/server/tsconfig.json
 *   node bench/retrieval/evaluate.mjs <locomo.json | folder of BEAM chats> [--types] [--weights '{"frame":0}']
 *
 * R@k: mean share of the evidence among the first k. MRR: of the first evidence. B1k, B2k: share of the
 * evidence inside a context packed into 1,000 or 2,000 tokens.
 */
import { readFile, stat } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { loadBeam } from './load-beam.mjs'
import { loadLocomo } from './load-locomo.mjs'
import { buildIndex, search } from './memory-index.mjs'

const { pack } = await import(
  new URL('../../packages/server/dist/domain/retrieval/pack.js', import.meta.url).href
)
/** Tokens of "[2023-05-08] Name: " before each packed item. */
const overheadTokens = 10
const packedMax = 100

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    types: { type: 'boolean', default: false },
    adversarial: { type: 'boolean', default: false },
    weights: { type: 'string', default: '{}' },
  },
})

const load = async (path) => {
  if ((await stat(path)).isDirectory()) return loadBeam(path)
  return loadLocomo(JSON.parse(await readFile(path, 'utf8')), { adversarial: values.adversarial })
}

const share = (ids, evidence) => evidence.filter((id) => ids.includes(id)).length / evidence.length

const packedIds = (results, fullText, budgetTokens) => {
  const items = results.slice(0, packedMax).map(({ item, score }) => ({
    id: item.id,
    text: fullText(item.id),
    tokens: item.tokens,
    score,
    excerpt: item.text,
    createdAtMs: item.createdAt.getTime(),
  }))
  return pack(items, budgetTokens, { overheadTokens }).taken.map(({ id }) => id)
}

const measure = (results, evidence, fullText) => {
  const ids = results.map(({ item }) => item.id)
  const first = ids.findIndex((id) => evidence.includes(id))
  return {
    'R@5': share(ids.slice(0, 5), evidence),
    'R@10': share(ids.slice(0, 10), evidence),
    'R@20': share(ids.slice(0, 20), evidence),
    MRR: first === -1 ? 0 : 1 / (first + 1),
    B1k: share(packedIds(results, fullText, 1000), evidence),
    B2k: share(packedIds(results, fullText, 2000), evidence),
  }
}

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length

const row = (label, measured) => {
  const cells = Object.keys(measured[0]).map((name) => {
    const percent = (100 * mean(measured.map((entry) => entry[name]))).toFixed(1)
    return `${name} ${percent.padStart(5)}`
  })
  return `${label.padEnd(34)} n=${String(measured.length).padStart(4)}  ${cells.join('  ')}\n`
}

if (!positionals[0]) {
  process.stderr.write('Usage: evaluate.mjs <locomo.json | folder of BEAM chats>\n')
  process.exit(2)
}
const weights = JSON.parse(values.weights)
const outcomes = []
for (const conversation of await load(positionals[0])) {
  const index = buildIndex(conversation)
  for (const { text, type, evidence } of conversation.questions) {
    const { ranked, plain, rankMs, fullText } = search(index, text, weights)
    outcomes.push({
      type,
      rankMs,
      structural: measure(ranked, evidence, fullText),
      bm25: measure(plain, evidence, fullText),
    })
  }
}
const report = (label, chosen) => {
  for (const retriever of ['bm25', 'structural'])
    process.stdout.write(
      row(
        `${label} ${retriever}`,
        chosen.map((outcome) => outcome[retriever]),
      ),
    )
}
report('all', outcomes)
if (values.types)
  for (const type of new Set(outcomes.map((outcome) => outcome.type)))
    report(
      type,
      outcomes.filter((outcome) => outcome.type === type),
    )
const sorted = outcomes.map(({ rankMs }) => rankMs).toSorted((a, b) => a - b)
process.stdout.write(
  `rankItems p50 ${sorted[Math.floor(sorted.length / 2)].toFixed(2)} ms, p95 ${sorted[Math.floor(sorted.length * 0.95)].toFixed(2)} ms\n`,
)
