import type { ServerContext } from '@modelcontextprotocol/server'
import type { ToolDefinition } from './tools/tool.ts'

/**
 * The request header `Idempotency-Key` is the default of the argument of that name, for whoever passes calls on and
 * may have to repeat one: a call that was answered is answered the same again and does nothing twice. Reading tools
 * have no such argument and need none. (After draft-ietf-httpapi-idempotency-key-header, where the value may be
 * quoted.)
 */
export const withIdempotencyKey = (
  tool: ToolDefinition,
  args: Record<string, unknown>,
  call: ServerContext,
): Record<string, unknown> => {
  if (args['idempotency_key'] !== undefined || !('idempotency_key' in tool.input.shape)) return args
  const key = call.http?.req?.headers.get('idempotency-key')
  return key ? { ...args, idempotency_key: /^"(.+)"$/.exec(key)?.[1] ?? key } : args
}
