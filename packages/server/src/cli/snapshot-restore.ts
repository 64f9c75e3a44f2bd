/** `stackmemory snapshot restore`: a new data directory from a snapshot, for example after a major upgrade. */
import { existsSync } from 'node:fs'
import { copyFile, constants } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { loadEnv } from '../env.ts'
import { openEmbedded } from '../postgres/embedded/open-embedded.ts'
import { restoreSnapshot, verifySnapshot } from '../postgres/embedded/restore-snapshot.ts'
import { migrate } from '../postgres/migrate.ts'
import { isDomainError } from '../domain/errors.ts'
import { dataError, print, printJson, usageError, type Io } from './io.ts'
import { createCommandLog } from './local.ts'
import { createProgress } from './progress.ts'

/** The secret under which API keys are hashed lies beside the snapshots; without it the keys stop working. */
const takeSecretAlong = async (file: string, dataDir: string): Promise<boolean> => {
  const secret = join(dirname(dirname(resolve(file))), 'secret-key')
  const target = join(dataDir, 'secret-key')
  if (!existsSync(secret) || existsSync(target)) return existsSync(target)
  await copyFile(secret, target, constants.COPYFILE_EXCL)
  return true
}

export const restore = async (io: Io, file: string, options: { json?: boolean }): Promise<void> => {
  const env = loadEnv(io.env)
  if (env.DATABASE_URL !== undefined)
    throw usageError('Snapshots are of the embedded database. Leave DATABASE_URL unset, and set DATA_DIR.')
  if (!existsSync(file)) throw dataError(`There is no file at ${file}.`)
  if (existsSync(join(env.DATA_DIR, 'pg')))
    throw dataError(
      `${env.DATA_DIR} holds a database already. Set DATA_DIR to a new directory and restore there.`,
    )
  const log = createCommandLog(env)
  const progress = createProgress(io, 'Verifying the snapshot')
  try {
    const header = await verifySnapshot(file).catch((error: unknown) => {
      throw isDomainError(error) ? dataError(error.publicMessage, error) : error
    })
    const database = await openEmbedded({ dataDir: env.DATA_DIR, log, onProgress: progress.step })
    try {
      await migrate(database.pool, { log, to: header.schemaVersion })
      progress.step('Restoring')
      const result = await restoreSnapshot(database.pool, file)
      await migrate(database.pool, { log, onProgress: progress.step })
      const hasSecret = env.SECRET_KEY !== undefined || (await takeSecretAlong(file, env.DATA_DIR))
      const rows = Object.values(result.rows).reduce((sum, count) => sum + count, 0)
      progress.done()
      if (options.json) return printJson(io, { dataDir: env.DATA_DIR, ...result, hasSecret })
      print(
        io,
        [
          `Restored ${rows} rows of ${result.createdAt} into ${env.DATA_DIR}.`,
          hasSecret
            ? ''
            : `Copy "secret-key" from the old data directory into it, or API keys made before are not accepted.`,
          `Start with: DATA_DIR=${env.DATA_DIR} stackmemory serve`,
        ]
          .filter(Boolean)
          .join('\n'),
      )
    } finally {
      await database.close()
    }
  } finally {
    progress.done()
  }
}
