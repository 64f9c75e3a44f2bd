import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backUp, deleteConfig, readConfig, writeConfig } from './config-file.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-file-'))
})
afterEach(async () => rm(folder, { recursive: true }))

describe('a file of somebody else', () => {
  it('is replaced whole, with its mode, and nothing is left beside it [connect.atomic]', async () => {
    const path = join(folder, 'a.json')
    await writeFile(path, '{}', { mode: 0o664 })
    const { ino } = await stat(path)
    await writeConfig(await readConfig(path), '{"a":1}', 0o664)
    expect(await readFile(path, 'utf8')).toBe('{"a":1}')
    const after = await stat(path)
    expect(after.ino).not.toBe(ino) // another file took its name: nobody reads half of it
    expect(after.mode & 0o777).toBe(0o664)
    expect(await readdir(folder)).toEqual(['a.json'])
  })

  it('is not written over a change that came in between [connect.atomic]', async () => {
    const path = join(folder, 'a.json')
    const absent = await readConfig(path)
    await writeFile(path, 'theirs')
    await expect(writeConfig(absent, 'ours', 0o600)).rejects.toMatchObject({ exitCode: 75 })
    const seen = await readConfig(path)
    await writeFile(path, 'theirs again')
    await expect(writeConfig(seen, 'ours', 0o600)).rejects.toThrow(/changed by another program/)
    await expect(deleteConfig(seen, [])).rejects.toThrow(/changed by another program/)
    expect(await readFile(path, 'utf8')).toBe('theirs again')
    expect(await readdir(folder)).toEqual(['a.json'])
  })

  it('must be UTF-8 and a file', async () => {
    await writeFile(join(folder, 'latin'), Buffer.from([0x7b, 0xe9, 0x7d]))
    await expect(readConfig(join(folder, 'latin'))).rejects.toThrow(/not UTF-8/)
    await mkdir(join(folder, 'sub'))
    await expect(readConfig(join(folder, 'sub'))).rejects.toThrow(/is not a file/)
    await expect(readConfig(join(folder, 'latin', 'a.json'))).rejects.toThrow(/no folder/)
  })

  it('has a backup with its bytes and mode that is never overwritten', async () => {
    const path = join(folder, 'a.json')
    await writeFile(path, 'bytes', { mode: 0o640 })
    const now = new Date('2026-11-23T10:00:00.123Z')
    const backup = await backUp(await readConfig(path), now)
    expect(backup).toBe(`${path}.stackmemory-20261123T100000123Z.bak`)
    expect(await readFile(backup, 'utf8')).toBe('bytes')
    expect((await stat(backup)).mode & 0o777).toBe(0o640)
    await expect(backUp(await readConfig(path), now)).rejects.toThrow(/EEXIST/)
  })
})
