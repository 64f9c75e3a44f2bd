import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Pool } from 'pg'
import type { Log } from '../../src/domain/context.ts'
import { migrate, migrationsFolder } from '../../src/postgres/migrate.ts'

/** A log for tests that look at results, not at log lines. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** Paths of the server's migrations; none while the folder does not exist. */
export async function migrationFiles(): Promise<string[]> {
  const folder = fileURLToPath(migrationsFolder)
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names.filter((name) => name.endsWith('.sql')).map((name) => folder + name)
}

export async function migrateTemplate(pool: Pool): Promise<void> {
  if ((await migrationFiles()).length === 0) return
  await migrate(pool, { log: silentLog })
}
