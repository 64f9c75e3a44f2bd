import { destination } from 'pino'
import { createApp } from '../app.ts'
import { loadEnv } from '../env.ts'
import { prepareFirstStart } from '../first-start.ts'
import { createLog } from '../log.ts'
import { openDatabase } from '../open-database.ts'
import { createAccounts } from '../postgres/accounts.ts'
import { loadSecretKey } from '../secret-key.ts'
import { connectText } from './connect-text.ts'
import { print, type Io } from './io.ts'
import { createProgress } from './progress.ts'

const describeStart = (publicUrl: URL, where: string) =>
  [
    `StackMemory is running at ${publicUrl.origin}`,
    `  MCP endpoint  ${new URL('/mcp', publicUrl).href}`,
    `  Memory        ${where}`,
  ].join('\n')

/** Starts the server and runs until the process is asked to stop. */
export const serve = async (io: Io): Promise<void> => {
  const env = loadEnv(io.env)
  const log = createLog(
    env.LOG_LEVEL ?? (env.DATABASE_URL ? 'info' : 'warn'),
    destination({ fd: 2, sync: false }),
  )
  const progress = createProgress(io)
  try {
    const database = await openDatabase(env, log, progress.step, { url: `http://${env.HOST}:${env.PORT}` })
    try {
      const secretKey = await loadSecretKey(env)
      const key = await prepareFirstStart(
        createAccounts(database.database),
        secretKey,
        AbortSignal.timeout(60_000),
      )
      const app = await createApp({ env, log, database, secretKey })
      await database.embedded?.setOwnerInfo({ url: app.publicUrl.origin })
      progress.done()
      print(io, describeStart(app.publicUrl, env.DATABASE_URL ? 'PostgreSQL' : env.DATA_DIR))
      if (key !== undefined)
        print(
          io,
          `\nYour API key, shown this once:\n\n    ${key}\n\n${connectText(new URL('/mcp', app.publicUrl).href, key)}\n`,
        )
      else print(io, '\nMake another key with: npx stackmemory keys create\n')
      print(io, 'Press Ctrl+C to stop.')
      await io.stopped
      await app.close()
    } catch (error) {
      await database.close()
      throw error
    }
  } finally {
    progress.done()
  }
}
