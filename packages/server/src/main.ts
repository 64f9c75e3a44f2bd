/** The only file that touches the process: its arguments, environment, streams, signals and exit code. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Io } from './cli/io.ts'

const bridge = fileURLToPath(new URL('../../bridge/dist/mcp-server.js', import.meta.url))

const stopped = new Promise<NodeJS.Signals>((resolve) => {
  process.once('SIGINT', resolve)
  process.once('SIGTERM', resolve)
})

const io: Io = {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  stopped,
  page: async (text) => (await import('./cli/pager.ts')).createPager(process.env)(text),
  ...(existsSync(bridge) ? { bridge } : {}),
  setExitCode: (code) => {
    process.exitCode = code
  },
}

// A broker is waited for, and when several are started at once all but one end: it loads as little as it can.
if (process.argv[2] === 'broker' && process.argv.length === 3) {
  const { runBroker } = await import('./cli/run-broker.ts')
  await runBroker(io)
} else {
  const { run } = await import('./cli/run.ts')
  await run(process.argv, io)
}
