/** The only file that touches the process: its arguments, environment, streams, signals and exit code. */
import { exitCodes } from '../../server/src/cli/io.ts'
import { type Invocation, type Settings, parseInvocation } from './settings.ts'

/** From the end of standard input to the end of the process, at most. */
const exitMsMax = 900

const say = (line: string): void => {
  process.stderr.write(`stackmemory-mcp: ${line}\n`)
}

await run(parseInvocation(process.argv.slice(2), process.env))

async function run(invocation: Invocation): Promise<void> {
  switch (invocation.kind) {
    case 'version':
      process.stdout.write(`${(await import('./version.ts')).version}\n`)
      return
    case 'help':
      process.stdout.write((await import('./help.ts')).help)
      return
    case 'connect':
      return connect(invocation.args)
    case 'hook':
      return hook(invocation.client)
    case 'problem':
      return refuse(invocation.message)
    case 'serve':
      return serve(invocation.settings)
  }
}

async function serve(settings: Settings): Promise<void> {
  const [cwd, env] = [process.cwd(), process.env]
  const source = settings.endpoint
    ? (await import('./remote-route.ts')).remoteRoute(settings.endpoint)
    : (await import('./local-route.ts')).localRoute({ cwd, env })
  // After the route: the owner of local memory starts meanwhile.
  const { createStdioBridge } = await import('./serve.ts')
  const pipe = createStdioBridge({ settings, source, cwd, env, log: say })
  const signalled = stopSignal()
  await pipe.start()
  if (process.stdin.isTTY) {
    say('This is an MCP server for a client that starts it, not for a terminal. See --help; Ctrl+C ends it.')
  }
  await Promise.race([pipe.closed, signalled])
  setTimeout(() => process.exit(exitCodes.ok), exitMsMax).unref()
  await pipe.close()
  process.exit(exitCodes.ok)
}

async function connect(args: readonly string[]): Promise<void> {
  const { runConnect } = await import('./connect.ts')
  const { env, stdout, stderr } = process
  const setExitCode = (code: number) => void (process.exitCode = code)
  await runConnect(args, { env, cwd: process.cwd(), stdout, stderr, stopped: stopSignal(), setExitCode })
}

/** An agent must never wait for its memory or fail because of it: whatever happens, exit code 0, and soon. */
async function hook(client: string): Promise<void> {
  const { answerHook } = await import('./hook.ts')
  const answer = await answerHook({ client, stdin: process.stdin, env: process.env })
  process.stdout.write(answer, () => process.exit(exitCodes.ok))
}

async function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, resolve)
  })
}

/**
 * A mistake in the configuration. Many clients show nobody what a server says on standard error, but all show the
 * answer to their first request: so that is given, too, until the client goes.
 */
async function refuse(message: string): Promise<void> {
  say(message)
  process.exitCode = exitCodes.configuration
  if (process.stdin.isTTY) return
  const { answerWithProblem } = await import('./answer-with-problem.ts')
  await answerWithProblem(message, process.stdin, process.stdout)
}
