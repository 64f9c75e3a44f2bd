import { writeSync } from 'node:fs'
import { createEnginePool, openEngine } from '../../src/postgres/embedded/engine.ts'
import { crashSchema, writeAcknowledged } from './crash-workload.ts'
import { createPowerLossFS } from './power-loss-fs.ts'

/* Arguments: directory, `durable` or `plain`, the operation to cut at, seed. Dies at that operation. */
const [, , folder = '', mode, cutAt, seed] = process.argv
const durable = mode === 'durable'
let operations = 0
const engine = await openEngine({
  durable,
  fs: createPowerLossFS(folder, durable, {
    cutAt: Number(cutAt),
    seed: Number(seed),
    onCount: (count) => (operations = count),
  }),
})
const pool = createEnginePool(engine)
await pool.query(crashSchema)
await writeAcknowledged(pool, 1, 600)
writeSync(1, `operations ${operations}\n`)
process.exit(0)
