import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { BridgeFailure } from './failure.ts'

/** Answers every request of a client with the same problem, until it closes the input. */
export async function answerWithProblem(message: string, input: Readable, output: Writable): Promise<void> {
  const error = new BridgeFailure('misconfigured', message).rpcError
  for await (const line of createInterface({ input })) {
    const id = requestId(line)
    if (id !== undefined) output.write(`${JSON.stringify({ jsonrpc: '2.0', id, error })}\n`)
  }
}

function requestId(line: string): string | number | undefined {
  try {
    const { id, method }: { id?: unknown; method?: unknown } = JSON.parse(line) as object
    return typeof method === 'string' && (typeof id === 'string' || typeof id === 'number') ? id : undefined
  } catch {
    return undefined
  }
}
