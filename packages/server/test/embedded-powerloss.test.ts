import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEmbedded } from '../src/postgres/embedded/open-embedded.ts'
import { spawnChild } from './harness/child.ts'
import { crashSchema } from './harness/crash-workload.ts'
import { acknowledged, type CrashOutcome, verifyDatabase } from './harness/crash.ts'
import { silentLog } from './harness/migrate-template.ts'
import { createRandom } from './harness/random.ts'

/*
 * POWERLOSS_CRASHES=30 runs the long version, CRASH_SEED another series. The workload makes about 1,000
 * operations (writes and fsyncs) on our file system and 600 on PGlite's own, which never calls fsync.
 */
const crashes = Number(process.env['POWERLOSS_CRASHES'] ?? 6)
const controlCrashes = 3
const seed = Number(process.env['CRASH_SEED'] ?? 1)
let root: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'embedded-powerloss-'))
  const db = await openEmbedded({ dataDir: join(root, 'fresh'), log: silentLog })
  await db.pool.query(crashSchema)
  await db.close()
})
afterAll(() => rm(root, { recursive: true }))

async function crash(mode: 'durable' | 'plain', cutAt: number): Promise<CrashOutcome & { acked: number }> {
  const folder = join(root, `${mode}-${cutAt}`)
  await cp(join(root, 'fresh', 'pg'), folder, { recursive: true })
  const writer = spawnChild('power-loss-writer.ts', [folder, mode, String(cutAt), String(seed + cutAt)])
  const { signal, stderr } = await writer.ended
  expect(signal, `the power was not cut at ${cutAt}: ${stderr}`).toBe('SIGKILL')
  const acked = acknowledged(writer.lines)
  const outcome = await verifyDatabase(folder, acked)
  await rm(folder, { recursive: true })
  return { ...outcome, acked: acked.length }
}

/** Writes and fsyncs of the whole workload, from a run without a cut. */
async function countOperations(mode: 'durable' | 'plain'): Promise<number> {
  const folder = join(root, `${mode}-uncut`)
  await cp(join(root, 'fresh', 'pg'), folder, { recursive: true })
  const line = await spawnChild('power-loss-writer.ts', [folder, mode, '0', '0']).waitForLine(/^operations /)
  await rm(folder, { recursive: true })
  return Number(line.split(' ')[1])
}

async function crashSeries(mode: 'durable' | 'plain', count: number) {
  // The last few are left out, because the number differs a little from run to run.
  const operations = (await countOperations(mode)) * 0.97
  const random = createRandom(seed)
  const outcomes: (CrashOutcome & { acked: number; cutAt: number })[] = []
  for (let i = 0; i < count; i++) {
    // One in each stretch of the run, so that few crashes still cover all of it.
    const cutAt = 1 + Math.floor(((i + random()) / count) * (operations - 1))
    outcomes.push({ ...(await crash(mode, cutAt)), cutAt })
  }
  return outcomes
}

const isIntact = (outcome: CrashOutcome) =>
  outcome.opens && outcome.lost.length === 0 && outcome.damage.length === 0

describe('a power cut at a random write or fsync, losing half of the pages that were not flushed', () => {
  it(
    'leaves a database that opens, is intact and has every acknowledged row [embedded.powerloss]',
    { timeout: 60_000 + crashes * 30_000 },
    async () => {
      const outcomes = await crashSeries('durable', crashes)
      expect(
        outcomes.filter((outcome) => !isIntact(outcome)),
        `seed ${seed}`,
      ).toEqual([])
      expect(outcomes.reduce((sum, outcome) => sum + outcome.acked, 0)).toBeGreaterThan(crashes * 50)
    },
  )

  it(
    "breaks PGlite's own file system, so the simulation can tell the difference",
    { timeout: 60_000 + controlCrashes * 60_000 },
    async () => {
      const outcomes = await crashSeries('plain', controlCrashes)
      expect(outcomes.some((outcome) => !isIntact(outcome))).toBe(true)
    },
  )
})
