import { destination } from 'pino'
import { createApp, type App } from '../app.ts'
import { loadEnv, type Env } from '../env.ts'
import { prepareFirstStart } from '../first-start.ts'
import { localAddress } from '../local/address.ts'
import { createLog } from '../log.ts'
import { openDatabase } from '../open-database.ts'
import { endlessPresence } from '../presence.ts'
import { loadSecretKey } from '../secret-key.ts'
import { version } from '../version.ts'
import { claimFromBroker } from './claim-from-broker.ts'
import { connectText } from './connect-text.ts'
import { print, type Io } from './io.ts'
import { createProgress, type Progress } from './progress.ts'
import { createClientRuns } from './run-for-client.ts'

const describeStart = (publicUrl: URL, where: string) =>
  [
    `StackMemory is running at ${publicUrl.origin}`,
    `  MCP endpoint  ${new URL('/mcp', publicUrl).href}`,
    `  Memory        ${where}`,
  ].join('\n')

const describeKey = (key: string | undefined, publicUrl: URL) =>
  key === undefined
    ? '\nMake another key with: npx stackmemory keys create\n'
    : `\nYour API key, shown this once:\n\n    ${key}\n\n${connectText(new URL('/mcp', publicUrl).href, key)}\n`

/** Opens everything; whatever fails on the way leaves nothing open. */
const start = async (
  io: Io,
  env: Env,
  progress: Progress,
): Promise<{ app: App; key: string | undefined }> => {
  const log = createLog(
    env.LOG_LEVEL ?? (env.DATABASE_URL ? 'info' : 'warn'),
    destination({ fd: 2, sync: false }),
  )
  const url = `http://${env.HOST}:${env.PORT}`
  const ownerInfo = { url, kind: 'server' }
  const claim = env.DATABASE_URL
    ? undefined
    : await claimFromBroker({ dataDir: env.DATA_DIR, log, ownerInfo }, progress.step)
  const database = await openDatabase(env, log, progress.step, { claim })
  let close = async () => database.close()
  try {
    const secretKey = await loadSecretKey(env)
    const address = database.embedded && localAddress(env.DATA_DIR, { env: io.env })
    const local = address
      ? {
          address,
          kind: 'server' as const,
          presence: endlessPresence(),
          runs: createClientRuns({ env, database, log }, io.env),
        }
      : undefined
    const app = await createApp({ env, log, database, secretKey, local })
    close = async () => app.close()
    // Only now that it listens: the first key is shown once, and a taken port would have swallowed it.
    const key = await prepareFirstStart(app.accounts, secretKey, AbortSignal.timeout(60_000))
    await database.embedded?.setOwnerInfo({
      url: app.publicUrl.origin,
      kind: 'server',
      version,
      ...(address && { local: address }),
    })
    return { app, key }
  } catch (error) {
    await close()
    throw error
  }
}

/** Starts the server and runs until the process is asked to stop. */
export const serve = async (io: Io): Promise<void> => {
  const env = loadEnv(io.env)
  const progress = createProgress(io)
  try {
    const { app, key } = await start(io, env, progress)
    progress.done()
    print(io, describeStart(app.publicUrl, env.DATABASE_URL ? 'PostgreSQL' : env.DATA_DIR))
    print(io, describeKey(key, app.publicUrl))
    print(io, 'Press Ctrl+C to stop.')
    await io.stopped
    await app.close()
  } finally {
    progress.done()
  }
}
