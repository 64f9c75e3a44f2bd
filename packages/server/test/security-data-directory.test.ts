/** Who on the machine can read the embedded database. */
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { loadEnv } from '../src/env.ts'
import { openDatabase } from '../src/open-database.ts'
import { loadSecretKey } from '../src/secret-key.ts'
import { silentLog } from './harness/test-database.ts'

const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

describe.skipIf(process.platform === 'win32')('a data directory that others may enter', () => {
  it('shows them nothing, also one from an earlier release [security.data-directory]', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'open-directory-'))
    folders.push(dataDir)
    await chmod(dataDir, 0o755)
    const env = loadEnv({ DATA_DIR: dataDir })
    for (const round of ['first start', 'next start']) {
      await loadSecretKey(env)
      const database = await openDatabase(env, silentLog, () => {})
      const names = await readdir(dataDir)
      expect(names, round).toEqual(expect.arrayContaining(['pg', 'snapshots', 'secret-key']))
      for (const name of names)
        expect((await stat(join(dataDir, name))).mode & 0o077, `${round}: ${name}`).toBe(0)
      await database.close()
      await chmod(join(dataDir, 'pg'), 0o755)
      await chmod(join(dataDir, 'snapshots'), 0o755)
    }
  }, 120_000)
})
