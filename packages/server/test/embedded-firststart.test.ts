import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { spawnChild } from './harness/child.ts'
import { createRandom } from './harness/random.ts'

const seed = Number(process.env['CRASH_SEED'] ?? 1)
const killsWhileFilesAreWritten = 5
let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'embedded-firststart-'))
})
afterEach(() => rm(root, { recursive: true, maxRetries: 5 }))

const unfinished = async () => (await readdir(root)).filter((name) => name.startsWith('pg.tmp-'))

async function open(): Promise<string> {
  return spawnChild('embedded-opener.ts', [root]).waitForLine(/./)
}

describe('kill -9 during the very first start', () => {
  it('leaves nothing or a directory that opens [embedded.firststart]', { timeout: 300_000 }, async () => {
    const random = createRandom(seed)
    let hits = 0
    for (let kill = 0; kill < killsWhileFilesAreWritten; kill++) {
      const child = spawnChild('embedded-opener.ts', [root])
      // The dangerous time is while the files are written, after initdb ran in memory.
      while ((await unfinished()).length === 0) await sleep(2)
      await sleep(random() * 1500)
      child.process.kill('SIGKILL')
      await child.ended
      if ((await unfinished()).length > 0) hits++
      if (!existsSync(join(root, 'pg'))) continue
      expect(await open(), `kill ${kill}, seed ${seed}`).toBe('opened')
      await rm(join(root, 'pg'), { recursive: true })
    }
    expect(hits, 'the kills came too early or too late to mean anything').toBeGreaterThan(0)

    expect(await open()).toBe('opened')
    expect(await readdir(root)).toEqual(['pg', 'snapshots'])
    expect(await open()).toBe('opened')
  })
})
