/**
 * node bench/run.mjs [--engine pglite|postgres|both] [--sizes 100,1000,10000,100000] [--out docs/performance.md]
 *                    [--quick] [--build <folder>] [--neighbours 50]
 *
 * Needs `npm run build`. Brings its own PostgreSQL (fsync on) and directories, and removes them. `--build` names
 * another built packages/server, to compare two. Without `--out` the report goes to stdout.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Pool } from 'pg'
import { createClient } from './client.mjs'
import { measureServer } from './measure-server.mjs'
import { startDurablePostgres } from './postgres.mjs'
import { residentMb, runScript, startProduct } from './process.mjs'
import { defaultServer } from './product.mjs'
import { writeReport } from './report.mjs'

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string', default: 'both' },
    sizes: { type: 'string', default: '100,1000,10000,100000' },
    neighbours: { type: 'string', default: '50' },
    out: { type: 'string' },
    quick: { type: 'boolean', default: false },
    build: { type: 'string', default: defaultServer },
  },
})
const engines = options.engine === 'both' ? ['postgres', 'pglite'] : [options.engine]
const sizes = options.sizes.split(',').map(Number)
const pace = options.quick
  ? { count: 40, budgetMs: 5_000, concurrencyMs: 1_500, clients: [1, 16] }
  : { count: 200, budgetMs: 20_000, concurrencyMs: 5_000, clients: [1, 16, 64] }
const secretKey = 'bench-only-'.repeat(4)
const server = resolve(options.build)
const say = (text) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)

const printedKey = /^ +(sm\S+)$/m

/** The key that the first start prints, right after its URL. */
const firstKey = async (started) => {
  for (let tries = 0; tries < 200; tries++) {
    const key = printedKey.exec(started.text())?.[1]
    if (key) return key
    await sleep(10)
  }
  throw new Error(`no key was printed:\n${started.text()}`)
}

/** From the start of the process to the first answer, and how long the first bundle then takes. */
const measureStart = async (variables, key) => {
  const startedAt = performance.now()
  const started = await startProduct(server, { ...variables, SECRET_KEY: secretKey })
  const client = createClient(started.url, key ?? (await firstKey(started)))
  await client.call('get_active_tasks', {})
  const answeredMs = performance.now() - startedAt
  const contextStartedAt = performance.now()
  await client.call('get_context', { query: 'what was decided about the cache' })
  const firstContextMs = performance.now() - contextStartedAt
  client.close()
  return { started, answeredMs, firstContextMs }
}

const openEngine = async (engine) => {
  if (engine === 'postgres') {
    const cluster = await startDurablePostgres()
    const admin = new Pool({ connectionString: cluster.url, max: 1 })
    const { rows } = await admin.query(`select current_setting('server_version') as version`)
    return {
      version: `PostgreSQL ${rows[0].version}, fsync on, shared_buffers 128 MB`,
      async create(name) {
        await admin.query(`create database ${name}`)
        return { DATABASE_URL: Object.assign(new URL(cluster.url), { pathname: `/${name}` }).href }
      },
      remove: async (_variables, name) => void (await admin.query(`drop database ${name} with (force)`)),
      async close() {
        await admin.end()
        await cluster.stop()
      },
    }
  }
  const root = await mkdtemp(join(tmpdir(), 'stackmemory-bench-'))
  return {
    version: 'PGlite (PostgreSQL 18 in WASM), fsync on',
    create: async (name) => ({ DATA_DIR: join(root, name) }),
    remove: async ({ DATA_DIR }) => rm(DATA_DIR, { recursive: true, force: true }),
    close: async () => rm(root, { recursive: true, force: true }),
  }
}

const measureSize = async (engine, opened, size) => {
  const name = `m${size}`
  const variables = await opened.create(name)
  const shared = { server, secretKey, ...variables }
  say(`${engine} ${size}: loading`)
  // On an embedded database a tenth of the neighbours: it is one person's.
  const neighbours = Math.ceil(Number(options.neighbours) / (engine === 'pglite' ? 10 : 1))
  const { key, principal, project, loaded } = await runScript('prepare.mjs', {
    ...shared,
    memories: size,
    neighbours,
  })
  say(`${engine} ${size}: operations in process`)
  const operations = await runScript('operations.mjs', { ...shared, principal, project, ...pace })
  say(`${engine} ${size}: warm start`)
  const { started, answeredMs, firstContextMs } = await measureStart(variables, key)
  try {
    const atStart = residentMb(started.pid)
    const measured = await measureServer(started, key, {
      ...pace,
      onProgress: (text) => say(`${engine} ${size}: ${text}`),
    })
    return {
      size,
      loaded,
      operations,
      warmStartMs: answeredMs,
      firstContextMs,
      residentAtStart: atStart.now,
      resident: residentMb(started.pid),
      ...measured,
    }
  } finally {
    await started.stop()
    await opened.remove(variables, name)
  }
}

const results = []
for (const engine of engines) {
  const opened = await openEngine(engine)
  try {
    say(`${engine}: cold start`)
    const cold = await opened.create('cold')
    const { started, answeredMs, firstContextMs } = await measureStart(cold)
    await started.stop()
    const runs = []
    for (const size of sizes) runs.push(await measureSize(engine, opened, size))
    results.push({
      engine,
      version: opened.version,
      coldStartMs: answeredMs,
      coldFirstContextMs: firstContextMs,
      runs,
    })
  } finally {
    await opened.close()
  }
}
const [cpu] = cpus()
await writeReport(options.out, {
  command: `node bench/run.mjs ${process.argv
    .slice(2)
    .filter((part, index, all) => part !== '--build' && all[index - 1] !== '--build')
    .join(' ')}`.trim(),
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpu?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB RAM, ${process.platform} ${process.arch}, Node ${process.versions.node}`,
  load: loadavg()[1],
  pace,
  neighbours: options.neighbours,
  results,
})
