/** The only file that touches the process: its arguments, environment, streams, signals and exit code. */
import { run } from './cli/run.ts'

const stopped = new Promise<NodeJS.Signals>((resolve) => {
  process.once('SIGINT', resolve)
  process.once('SIGTERM', resolve)
})

await run(process.argv, {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  stopped,
  setExitCode: (code) => {
    process.exitCode = code
  },
})
