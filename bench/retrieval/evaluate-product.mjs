/**
 * The same measures through the product: events recorded with `record_events`, questions asked with
 * `search_memory` and `get_context`, on an embedded database in a temporary directory. What differs from
 * `evaluate.mjs` is what the database and the answer's presentation add or lose.
 *
 *   npm run build
 *   node bench/retrieval/evaluate-product.mjs <locomo.json | folder of BEAM chats> [--most 2] [--budget 2000]
 */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { v7 as uuidv7 } from 'uuid'
import { loadBeam } from './load-beam.mjs'
import { loadLocomo } from './load-locomo.mjs'

const load = (path) => import(new URL(`../../packages/server/dist/${path}.js`, import.meta.url).href)
const [
  { openDatabase },
  { loadEnv },
  { createMemory },
  { createAccounts },
  { startFrame },
  { recordEvents },
  search,
  context,
] = await Promise.all(
  [
    'open-database',
    'env',
    'postgres/memory',
    'postgres/accounts',
    'domain/frame/start-frame',
    'domain/event/record-events',
    'domain/search/search-memory',
    'domain/bundle/get-context',
  ].map(load),
)

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    most: { type: 'string', default: '100' },
    budget: { type: 'string', default: '2000' },
    misses: { type: 'boolean', default: false },
  },
})
const [path] = positionals
if (!path) {
  process.stderr.write('Usage: evaluate-product.mjs <locomo.json | folder of BEAM chats>\n')
  process.exit(2)
}
const conversations = (await stat(path)).isDirectory()
  ? await loadBeam(path)
  : loadLocomo(JSON.parse(await readFile(path, 'utf8')))

const dataDir = await mkdtemp(join(tmpdir(), 'stackmemory-bench-'))
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const opened = await openDatabase(loadEnv({ DATA_DIR: dataDir }), silent, () => {})
const accounts = createAccounts(opened.database)
const memory = createMemory(opened.database)

const owner = {
  organization: { id: uuidv7(), slug: 'bench', name: 'Bench', kind: 'team' },
  user: { id: uuidv7(), email: null, name: 'Bench', authProvider: 'local', authId: 'bench' },
  project: { id: uuidv7(), slug: 'none', name: 'None' },
}
await accounts.createOwner(owner, AbortSignal.timeout(10_000))

const contextOf = (project) => ({
  principal: {
    userId: owner.user.id,
    userName: 'Bench',
    organizationId: owner.organization.id,
    role: 'owner',
    scopes: ['memory:write'],
    credential: { kind: 'api_key', id: 'bench' },
    client: { name: 'bench', version: '1' },
  },
  project,
  requestId: 'bench',
  signal: new AbortController().signal,
  now: new Date(),
  newId: uuidv7,
  log: silent,
})

const record = async (ctx, { frames }) => {
  const refs = new Map()
  for (const frame of frames) {
    const started = await startFrame(ctx(), memory, {
      name: frame.id,
      type: 'session',
      constraints: [],
      files: [],
    })
    for (let from = 0; from < frame.turns.length; from += 100) {
      const turns = frame.turns.slice(from, from + 100)
      const events = turns.map((turn) => ({
        content: turn.text,
        kind: 'message',
        role: turn.role,
        actor: turn.actor ?? '',
        tool: '',
        files: [],
        is_error: false,
        occurred_at: turn.createdAt.toISOString(),
      }))
      const { recorded } = await recordEvents(ctx(), memory, { frame: started.ref, events })
      turns.forEach((turn, index) => refs.set(turn.id, recorded[index]?.ref))
    }
  }
  return refs
}

const mean = (numbers) => (100 * numbers.reduce((sum, number) => sum + number, 0)) / numbers.length
const share = (held, evidence) => evidence.filter((ref) => held.has(ref)).length / evidence.length
const outcomes = []
const milliseconds = { search_memory: [], get_context: [] }
const timed = async (name, work) => {
  const startedAt = performance.now()
  const result = await work()
  milliseconds[name].push(performance.now() - startedAt)
  return result
}

try {
  for (const [index, conversation] of conversations.slice(0, Number(values.most)).entries()) {
    const project = {
      id: uuidv7(),
      organizationId: owner.organization.id,
      organizationSlug: 'bench',
      slug: `chat-${index}`,
      name: 'Chat',
    }
    await accounts.createProject({ ...project, userId: owner.user.id }, AbortSignal.timeout(10_000))
    const ctx = () => contextOf(project)
    const refs = await record(ctx, conversation)
    for (const question of conversation.questions) {
      const evidence = question.evidence.map((id) => refs.get(id))
      const { hits } = await timed('search_memory', () =>
        search.searchMemory(ctx(), memory, { query: question.text, status: 'any', limit: 20 }),
      )
      const bundle = await timed('get_context', () =>
        context.getContext(
          ctx(),
          memory,
          context.getContextInput.parse({ query: question.text, budget_tokens: Number(values.budget) }),
        ),
      )
      const shown = new Set(bundle.text.match(/F\d+\.\d+/g))
      const outcome = {
        'R@5': share(new Set(hits.slice(0, 5).map((hit) => hit.ref)), evidence),
        'R@10': share(new Set(hits.slice(0, 10).map((hit) => hit.ref)), evidence),
        'R@20': share(new Set(hits.map((hit) => hit.ref)), evidence),
        bundle: share(shown, evidence),
        shown: shown.size / 100,
        tokens: bundle.summary.tokens / 100,
      }
      if (values.misses && outcome.bundle === 0)
        process.stderr.write(`${question.text} (${evidence.join(' ')})\n`)
      outcomes.push(outcome)
    }
    process.stderr.write(`${index + 1} of ${conversations.length}: ${refs.size} events\n`)
  }
  const cells = Object.keys(outcomes[0]).map(
    (name) => `${name} ${mean(outcomes.map((outcome) => outcome[name])).toFixed(1)}`,
  )
  process.stdout.write(
    `n=${outcomes.length}  ${cells.join('  ')}  (bundle: evidence inside ${values.budget} tokens)\n`,
  )
  for (const [name, times] of Object.entries(milliseconds)) {
    const sorted = times.toSorted((a, b) => a - b)
    process.stdout.write(
      `${name} p50 ${sorted[Math.floor(sorted.length / 2)].toFixed(1)} ms, p95 ${sorted[Math.floor(sorted.length * 0.95)].toFixed(1)} ms\n`,
    )
  }
} finally {
  await opened.close()
  await rm(dataDir, { recursive: true, force: true })
}
