import { expect, it, vi } from 'vitest'
import type { Accounts } from '../domain/accounts.ts'
import { createApiKey } from './api-key.ts'
import { createAuthenticate } from './authenticate.ts'

const pepper = 'p'.repeat(32)
const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }

const setUp = () => {
  const created = createApiKey()
  const { id, key, hint } = created
  const holder = {
    id,
    userId: 'u',
    organizationId: 'o',
    projectId: null,
    hint,
    name: 'laptop',
    scopes: ['memory:read' as const],
    lastUsed: null,
    expiresAt: null,
    revokedAt: null as Date | null,
    createdAt: new Date(0),
    keyHash: created.secretHash(pepper),
    userName: 'Ana',
    role: 'member' as const,
  }
  const touchKey = vi.fn<Accounts['touchKey']>(async () => undefined)
  const findKey = vi.fn<Accounts['findKey']>(async () => holder)
  const authenticate = createAuthenticate({ touchKey, findKey } as Partial<Accounts> as Accounts, pepper, log)
  const ask = async () =>
    authenticate(new Request('http://localhost/mcp', { headers: { authorization: `Bearer ${key}` } }))
  return { ask, holder, touchKey, findKey }
}

it('looks a key up for every request, so that a revoked one ends at once', async () => {
  const { ask, holder, findKey } = setUp()
  expect(await ask()).toMatchObject({ ok: true })
  holder.revokedAt = new Date()
  expect(await ask()).toEqual({ ok: false, error: 'invalid' })
  expect(findKey).toHaveBeenCalledTimes(2)
})

it('notes the use of a key once a minute, and again when noting it failed', async () => {
  vi.useFakeTimers()
  try {
    const { ask, touchKey } = setUp()
    await ask()
    await ask()
    expect(touchKey).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(60_000)
    touchKey.mockRejectedValueOnce(new Error('down'))
    await ask()
    await vi.waitFor(() => expect(log.warn).toHaveBeenCalled())
    await ask()
    expect(touchKey).toHaveBeenCalledTimes(3)
  } finally {
    vi.useRealTimers()
  }
})
