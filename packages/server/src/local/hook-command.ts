/** `hook <client>` with everything that this machine has: its memory, and the repository that the agent works in. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { connectLocal } from './connect-local.ts'
import { findRepository } from './repository.ts'
import { sendHook } from './send-hook.ts'

export interface HookCommandOptions {
  readonly client: string
  /** What the client wrote to standard input. */
  readonly input: string
  readonly env: NodeJS.ProcessEnv
  /** Program and arguments that start a broker; see `ConnectLocalOptions`. */
  readonly brokerCommand?: readonly string[]
}

/**
 * What belongs on standard output; never throws. End the process with exit code 0 as soon as it is written: a
 * connection to a memory that answers too late would keep it open.
 */
export const runHookCommand = async ({ client, input, env, brokerCommand }: HookCommandOptions) =>
  sendHook({
    client,
    input,
    env,
    findRepository,
    openLocal: async (signal) =>
      connectLocal({
        dataDir: env['DATA_DIR'] || join(homedir(), '.stackmemory'),
        env,
        command: brokerCommand,
        signal,
      }),
  })
