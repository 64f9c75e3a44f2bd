import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPager } from './pager.ts'

describe('the pager', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pager-'))
    await writeFile(
      join(folder, 'keep.mjs'),
      `import { writeFileSync, readFileSync } from 'node:fs'
       writeFileSync(process.argv[2], (process.env.LESS ?? '') + readFileSync(0, 'utf8'))`,
    )
    await writeFile(join(folder, 'leave.mjs'), 'process.exit(0)')
  })
  afterAll(async () => rm(folder, { recursive: true }))

  const pager = (value: string) => createPager({ PATH: process.env['PATH'], PAGER: value })
  const script = (name: string) => `${process.execPath} ${join(folder, name)}`
  const text = 'line\n'.repeat(100_000)

  it('gets the whole text, and less its options [cli.pager]', async () => {
    const file = join(folder, 'kept')
    expect(await pager(`${script('keep.mjs')} ${file}`)(text)).toBe(true)
    expect(await readFile(file, 'utf8')).toBe(`FRX${text}`)
  })

  it('may be left before the end [cli.pager]', async () => {
    expect(await pager(script('leave.mjs'))(text)).toBe(true)
  })

  it('may be missing, or not wanted [cli.pager]', async () => {
    expect(await pager(join(folder, 'there-is-none'))(text)).toBe(false)
    expect(await pager('')(text)).toBe(false)
    expect(await pager('cat')(text)).toBe(false)
  })

  it('is started without a shell [cli.pager]', async () => {
    const file = join(folder, 'made-by-a-shell')
    expect(await pager(`cat; touch ${file}`)(text)).toBe(false)
    expect(await pager(`${script('leave.mjs')} $(touch ${file})`)(text)).toBe(true)
    expect(existsSync(file)).toBe(false)
  })
})
