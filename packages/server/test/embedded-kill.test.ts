import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { spawnChild } from './harness/child.ts'
import { acknowledged, verifyDatabase } from './harness/crash.ts'
import { createRandom } from './harness/random.ts'

const kills = 20
const seed = Number(process.env['CRASH_SEED'] ?? 1)
let root: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'embedded-kill-'))
})
afterAll(() => rm(root, { recursive: true }))

describe('kill -9 of the process that owns the embedded database', () => {
  it(
    'loses no acknowledged write and leaves the indexes intact [embedded.kill]',
    { timeout: 300_000 },
    async () => {
      const random = createRandom(seed)
      const dataDir = join(root, 'data')
      const acked: number[] = []
      for (let kill = 1; kill <= kills; kill++) {
        const writer = spawnChild('embedded-writer.ts', [dataDir])
        const found: number[] = JSON.parse((await writer.waitForLine(/^open /)).slice('open '.length))
        const present = new Set(found)
        expect(
          acked.filter((id) => !present.has(id)),
          `lost before kill ${kill}, seed ${seed}`,
        ).toEqual([])
        await writer.waitForLine(/^ack /)
        await sleep(random() * 500)
        writer.process.kill('SIGKILL')
        expect((await writer.ended).signal).toBe('SIGKILL')
        acked.push(...acknowledged(writer.lines))
      }
      expect(acked.length).toBeGreaterThan(kills * 5)
      expect(await verifyDatabase(join(dataDir, 'pg'), acked)).toEqual({
        opens: true,
        lost: [],
        damage: [],
        stderr: '',
      })
    },
  )
})
