import { expect, it, vi } from 'vitest'
import type { Log, Principal, Scope } from '../domain/context.ts'
import type { Memory } from '../domain/ports.ts'
import { createHooks } from './create-hooks.ts'

const quiet = () => undefined
const log: Log = { debug: quiet, info: quiet, warn: quiet, error: quiet }
const project = { id: 'p', organizationId: 'o', organizationSlug: 'acme', slug: 'main', name: 'main' }
const principal = (scope: Scope): Principal => ({
  userId: 'u',
  userName: 'Ana',
  organizationId: 'o',
  role: 'owner',
  scopes: [scope],
  credential: { kind: 'api_key', id: 'k' },
  client: { name: '', version: '' },
})

it('writes nothing for a reader whose report waits beside those of a writer', async () => {
  let open = quiet as () => void
  const opened = new Promise<void>((resolve) => (open = () => resolve()))
  const stored = Array.from({ length: 20 }, () => ({ status: 'stored', frame: 'F-1', recorded: 1 }))
  const transact = vi.fn(async () => {
    await opened
    return stored
  })
  const hooks = createHooks({ memory: { transact } as unknown as Memory, log })
  const report = async (scope: Scope, text: string) =>
    hooks.handle({
      client: 'claude-code',
      body: { hook_event_name: 'Stop', session_id: 's', last_assistant_message: text },
      principal: principal(scope),
      project,
      requestId: text,
    })
  const first = report('memory:write', 'first')
  await vi.waitFor(() => expect(transact).toHaveBeenCalledTimes(1))
  const second = report('memory:write', 'second')
  const third = report('memory:read', 'third')
  await new Promise((resolve) => setTimeout(resolve, 50))
  open()
  expect(await first).toMatchObject({ kind: 'done' })
  expect(await second).toMatchObject({ kind: 'done' })
  expect(await third).toEqual({ kind: 'nothing', why: 'forbidden' })
})
