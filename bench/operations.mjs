/** Operations without protocol, and the bare insert, measured in this process; prints one JSON line. */
import { v7 as uuidv7 } from 'uuid'
import { createCorpus } from './corpus.mjs'
import { contextOf } from './load.mjs'
import { loadProduct, silentLog } from './product.mjs'
import { measureSequence } from './timing.mjs'

const { server, secretKey, principal, project, count, budgetMs, ...variables } = JSON.parse(process.argv[2])
const product = await loadProduct(server)
const database = await product.openDatabase(
  product.loadEnv({ ...variables, SECRET_KEY: secretKey }),
  silentLog,
  () => {},
)
const memory = product.createMemory(database.database)
const corpus = createCorpus(Date.now())
const ctx = () => contextOf(principal, project)
const { getContextInput, searchMemoryInput, addDecisionInput } = product

await database.pool.query(
  'create table if not exists bench_rows (id uuid primary key, project_id uuid not null, at timestamptz not null, body text not null)',
)
const row = corpus.prose(60, 60).slice(0, 400)
const calls = {
  bareInsert: async () =>
    database.pool.query({
      name: 'bench.insert',
      text: 'insert into bench_rows values ($1, $2, now(), $3)',
      values: [uuidv7(), project.id, row],
    }),
  get_context: async () =>
    product.getContext(
      ctx(),
      memory,
      getContextInput.parse({ query: corpus.question(), files: [corpus.file()] }),
    ),
  search_memory: async () =>
    product.searchMemory(ctx(), memory, searchMemoryInput.parse({ query: corpus.question() })),
  add_decision: async () => product.addDecision(ctx(), memory, addDecisionInput.parse(corpus.statement())),
}
const measured = {}
for (const [name, call] of Object.entries(calls))
  measured[name] = await measureSequence(call, { count, budgetMs })
await database.pool.query('drop table bench_rows')
await database.close()
process.stdout.write(`${JSON.stringify(measured)}\n`)
