// The command line as a process of its own: `cli-process.ts NAME=value … -- argument …`.
import { run } from '../../src/cli/run.ts'

const separator = process.argv.indexOf('--')
const given = process.argv.slice(0, separator).filter((each) => /^[A-Z_]+=/.test(each))
const stopped = new Promise<NodeJS.Signals>((resolve) => {
  process.once('SIGINT', resolve)
  process.once('SIGTERM', resolve)
})
await run(['node', 'stackmemory', ...process.argv.slice(separator + 1)], {
  env: Object.fromEntries(given.map((each) => [each.split('=', 1)[0], each.slice(each.indexOf('=') + 1)])),
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  stopped,
  setExitCode: (code) => {
    process.exitCode = code
  },
})
