import { type ServerContext, ProtocolError } from '@modelcontextprotocol/server'
import { describe, expect, it } from 'vitest'
import type { Log } from '../../domain/context.ts'
import { DomainError, errorCodes } from '../../domain/errors.ts'
import { wrapRequest, wrapTool } from './wrap-tool.ts'

function setUp(aborted = false) {
  const errors: { fields: object; message: string }[] = []
  const ignore = () => undefined
  const log: Log = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields, message) => void errors.push({ fields, message }),
  }
  const req = new Request('http://localhost/mcp', { headers: { 'x-request-id': 'r-1' } })
  const signal = aborted ? AbortSignal.abort() : new AbortController().signal
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the part of the context that is read
  const ctx = { mcpReq: { signal }, http: { req } } as unknown as ServerContext
  return { errors, log, ctx }
}

const secret = 'duplicate key (email)=(ana@example.com)'

describe('wrapTool', () => {
  it('passes a result through untouched', async () => {
    const { log, ctx } = setUp()
    const result = { content: [{ type: 'text' as const, text: 'fine' }] }
    expect(await wrapTool((_args: object) => result, log)({}, ctx)).toBe(result)
  })

  it('shows every domain error by its own sentence [mcp.error-masked]', async () => {
    for (const code of errorCodes) {
      const { log, ctx, errors } = setUp()
      const failing = wrapTool((_args: object) => {
        throw new DomainError(code, 'Ours.', { cause: new Error(secret) })
      }, log)
      expect(await failing({}, ctx)).toEqual({
        isError: true,
        content: [{ type: 'text', text: `Ours.\n\n(code: ${code}, request: r-1)` }],
      })
      expect(errors).toHaveLength(code === 'internal' ? 1 : 0)
    }
  })

  it('hides everything else, whatever was thrown, and logs it once [mcp.error-masked]', async () => {
    for (const thrown of [
      new Error(secret),
      new ProtocolError(-32602, secret),
      secret,
      undefined,
      { message: secret },
    ]) {
      const { log, ctx, errors } = setUp()
      const failing = wrapTool((_args: object) => Promise.reject(thrown), log)
      const result = await failing({}, ctx)
      expect(JSON.stringify(result)).not.toContain('ana@example.com')
      expect(JSON.stringify(result)).toContain('code: internal, request: r-1')
      expect(errors).toEqual([{ fields: { err: thrown, requestId: 'r-1' }, message: 'mcp handler failed' }])
    }
  })

  it('does not log the failure of a call that was cancelled', async () => {
    const { log, ctx, errors } = setUp(true)
    const result = await wrapTool((_args: object) => Promise.reject(new Error(secret)), log)({}, ctx)
    expect(JSON.stringify(result)).toContain('code: cancelled')
    expect(errors).toEqual([])
  })
})

describe('wrapRequest', () => {
  it('throws a JSON-RPC error with our sentence for our errors only [mcp.error-masked]', async () => {
    const { log, ctx } = setUp()
    const missing = wrapRequest((_uri: URL, _ctx: ServerContext) => {
      throw new DomainError('not_found', 'No such frame.', { details: { uri: 'stackmemory://x' } })
    }, log)
    await expect(missing(new URL('stackmemory://x'), ctx)).rejects.toMatchObject({
      code: -32602,
      message: 'No such frame.',
      data: { code: 'not_found', requestId: 'r-1', details: { uri: 'stackmemory://x' } },
    })
    const broken = wrapRequest((_ctx: ServerContext) => Promise.reject(new Error(secret)), log)
    const error: unknown = await broken(ctx).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: -32603, data: { code: 'internal', requestId: 'r-1' } })
    expect(String(error)).not.toContain('ana@example.com')
  })
})
