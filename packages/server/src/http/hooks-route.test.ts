import { Hono } from 'hono'
import { expect, it, vi } from 'vitest'
import type { HttpEnv } from './app.ts'
import { hooksRoute } from './hooks-route.ts'
import type { HookEndpoint, HttpAppOptions } from './options.ts'

it('takes only so many reports of a credential at once, also of those that were answered late', async () => {
  let finish = () => undefined as void
  const finished = new Promise<void>((resolve) => (finish = () => resolve()))
  const handle = vi.fn(async () => {
    await finished
    return { kind: 'done' as const, body: {} }
  })
  const quiet = () => undefined
  const options = {
    authenticate: async () => ({
      ok: true,
      principal: { organizationId: 'o', scopes: [], credential: { kind: 'api_key', id: 'k' } },
    }),
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    limits: { hookBudgetMs: 100, hookReportsPerCredentialMax: 2 },
  } as unknown as HttpAppOptions
  const hooks = {
    isClient: () => true,
    chooseProject: async () => ({ project: { id: 'p' } }),
    handle,
  } as unknown as HookEndpoint
  const words: unknown[] = []
  const app = new Hono<HttpEnv>()
  app.use(async (c, next) => {
    c.set('requestId', 'r')
    c.set('access', {} as HttpEnv['Variables']['access'])
    await next()
    words.push(c.get('access').hook)
  })
  app.all('/hooks/v1/:client', hooksRoute(options, hooks))
  const post = async () =>
    app.request('/hooks/v1/codex', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
  await Promise.all([post(), post()])
  expect((await post()).status).toBe(204)
  expect(words).toEqual(['late', 'late', 'busy'])
  expect(handle).toHaveBeenCalledTimes(2)
  finish()
  await vi.waitFor(async () => expect((await post()).status).toBe(200))
})
