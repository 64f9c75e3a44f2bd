/** `stackmemory-mcp hook <client>`: what an agent reports on standard input goes to the memory, and its answer back. */
import type { Readable } from 'node:stream'
import { runHookCommand } from '../../server/src/local/hook-command.ts'
import { brokerCommand } from './local-route.ts'

/** As much as the endpoint takes; a longer report is not sent. */
const inputBytesMax = 4 * 1024 * 1024
/** A client that keeps standard input open does not keep us. */
const inputMsMax = 2_000

export interface HookOptions {
  readonly client: string
  readonly stdin: Readable
  readonly env: NodeJS.ProcessEnv
}

/** What belongs on standard output; empty when there is nothing to say. Never throws. */
export async function answerHook({ client, stdin, env }: HookOptions): Promise<string> {
  const input = await readAll(stdin)
  if (input === undefined) return ''
  return runHookCommand({ client, input, env, brokerCommand: serverOf(env) })
}

const serverOf = (env: NodeJS.ProcessEnv) => {
  try {
    return brokerCommand(env)
  } catch {
    return undefined
  }
}

async function readAll(stdin: Readable): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  const late = setTimeout(() => stdin.destroy(), inputMsMax)
  try {
    for await (const chunk of stdin as AsyncIterable<Buffer>) {
      bytes += chunk.length
      // Read to the end all the same: who writes to a closed pipe would call it a failure.
      if (bytes <= inputBytesMax) chunks.push(chunk)
    }
    return bytes > inputBytesMax ? undefined : Buffer.concat(chunks).toString('utf8')
  } catch {
    return undefined
  } finally {
    clearTimeout(late)
  }
}
