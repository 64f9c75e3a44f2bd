/** A durable PostgreSQL of our own: the cluster of the test harness with fsync on, through Vite's loader. */
import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'

const harness = fileURLToPath(new URL('../packages/server/test/harness/start-postgres.ts', import.meta.url))

export const startDurablePostgres = async () => {
  const { module } = await runnerImport(harness, {
    configFile: false,
    logLevel: 'error',
    root: import.meta.dirname,
  })
  return module.startPostgres({ fsync: true })
}
