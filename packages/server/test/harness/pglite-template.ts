import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { createEnginePool, openEngine } from '../../src/postgres/embedded/engine.ts'
import { migrateTemplate, migrationFiles } from './migrate-template.ts'

const cacheFolder = fileURLToPath(new URL('../../../../node_modules/.cache/test-database/', import.meta.url))
const keptCount = 3

/**
 * Path of a dump of a migrated in-memory PGlite. Running initdb in WebAssembly costs four seconds of CPU, so
 * the dump is kept between runs under the hash of everything that went into it.
 */
export async function preparePgliteTemplate(): Promise<string> {
  await mkdir(cacheFolder, { recursive: true })
  const path = `${cacheFolder}pglite-${await templateHash()}.tar`
  if (existsSync(path)) return path
  const engine = await openEngine({ durable: false })
  try {
    const pool = createEnginePool(engine)
    await migrateTemplate(pool)
    await pool.end()
    const dump = await engine.dumpDataDir('none')
    const temporary = `${path}.${randomUUID()}`
    await writeFile(temporary, Buffer.from(await dump.arrayBuffer()))
    await rename(temporary, path)
  } finally {
    await engine.close()
  }
  await removeOld(path)
  return path
}

async function templateHash(): Promise<string> {
  const hash = createHash('sha256')
  const version = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  const sources = ['../../src/postgres/migrate.ts', '../../src/postgres/embedded/engine.ts']
  const files = [
    ...(await migrationFiles()),
    ...sources.map((s) => fileURLToPath(new URL(s, import.meta.url))),
  ]
  hash.update(`${version} ${(await stat(version)).mtimeMs}`)
  for (const file of files) hash.update(`\0${file}\0`).update(await readFile(file))
  return hash.digest('hex').slice(0, 32)
}

async function removeOld(newest: string): Promise<void> {
  const paths = (await readdir(cacheFolder)).map((name) => cacheFolder + name)
  const dated = await Promise.all(paths.map(async (path) => ({ path, at: (await stat(path)).mtimeMs })))
  const old = dated.toSorted((a, b) => b.at - a.at).slice(keptCount)
  for (const { path } of old) if (path !== newest) await unlink(path).catch(() => undefined)
}
