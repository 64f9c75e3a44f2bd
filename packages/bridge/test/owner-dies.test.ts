import { afterEach, describe, expect, it } from 'vitest'
import type { RouteSource } from '../src/route.ts'
import { BridgeFailure } from '../src/failure.ts'
import {
  type Endpoint,
  type Handler,
  event,
  json,
  openStream,
  result,
  startEndpoint,
  withSessions,
} from './support/endpoint.ts'
import { modernMeta, startPiped } from './support/piped.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** Owners that follow each other, as local memory has them; a pipe that may repeat for `repeatForMs`. */
const givenOwners = async (handlers: Handler[], repeatForMs = 5_000) => {
  const owners: { endpoint: Endpoint; gone: AbortController }[] = []
  const source: RouteSource = {
    place: 'The memory on this machine',
    repeatForMs,
    open: async () => {
      const handle = handlers[owners.length]
      if (handle === undefined)
        throw new BridgeFailure('not_started', 'It does not start. Look into its log.')
      const owner = { endpoint: await startEndpoint(handle), gone: new AbortController() }
      owners.push(owner)
      cleanups.push(async () => owner.endpoint.close())
      const { url } = owner.endpoint
      return {
        url,
        fetch: async (to, init) => fetch(to, init),
        lost: owner.gone.signal,
        close: () => undefined,
      }
    },
  }
  const piped = await startPiped(new URL('http://127.0.0.1'), { source })
  cleanups.push(async () => piped.pipe.close())
  const kill = async (index: number) => {
    await owners[index]?.endpoint.close()
    owners[index]?.gone.abort()
    cleanups.splice(index, 1, async () => undefined)
  }
  return { ...piped, owners, kill }
}

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10))
}
const answers: Handler = ({ body }, response) => json(response, result(body.id, { by: 'second' }))
const hangs: Handler = () => undefined

describe('when the owner of local memory dies', () => {
  it('repeats what was not answered at the next, with the same key, and answers once [bridge.repeat]', async () => {
    const { send, answerTo, owners, kill, inbox } = await givenOwners([hangs, answers])
    for (const id of [1, 2, 3])
      send({ id, method: 'tools/call', params: { name: `n${id}`, _meta: modernMeta } })
    await until(() => owners[0]?.endpoint.received.length === 3)
    await kill(0)
    for (const id of [1, 2, 3]) expect(await answerTo(id)).toEqual(result(id, { by: 'second' }))
    const keysAt = (index: number) =>
      Object.fromEntries(
        owners[index]?.endpoint.received.map(({ body, headers }) => [body.id, headers['idempotency-key']]) ??
          [],
      )
    expect(keysAt(1)).toEqual(keysAt(0))
    expect(inbox).toHaveLength(3)
  })

  it('opens the session again, and takes back what the dead one asked [bridge.repeat]', async () => {
    const question = { jsonrpc: '2.0', id: 0, method: 'elicitation/create', params: {} }
    const first = withSessions(({ body }, response) => {
      if (body.method !== 'tools/call') return void response.writeHead(405).end()
      openStream(response)
      response.write(event(question))
    })
    const second = withSessions(({ body, method }, response) => {
      if (method === 'GET') response.writeHead(405).end()
      else json(response, result(body.id, { by: 'second' }))
    })
    const { initialize, send, find, answerTo, kill, owners } = await givenOwners([first, second])
    await initialize()
    send({ id: 1, method: 'tools/call', params: { name: 'ask' } })
    await find(({ method }) => method === 'elicitation/create')
    await kill(0)
    expect(await answerTo(1)).toEqual(result(1, { by: 'second' }))
    expect(await find(({ method }) => method === 'notifications/cancelled')).toMatchObject({
      params: { requestId: 0 },
    })
    send({ id: 0, result: { action: 'accept' } })
    send({ id: 2, method: 'ping' })
    await answerTo(2)
    expect(owners[1]?.endpoint.received.map(({ body }) => body.method)).toEqual([
      'initialize',
      'notifications/initialized',
      ...(owners[1]?.endpoint.received.some(({ method }) => method === 'GET') ? [undefined] : []),
      'tools/call',
      'ping',
    ])
  })

  it('says why when no other can be started, and tries anew for the next request [bridge.repeat]', async () => {
    const handlers: Handler[] = [hangs]
    const { send, answerTo, owners, kill, ask } = await givenOwners(handlers)
    send({ id: 1, method: 'tools/list', params: { _meta: modernMeta } })
    await until(() => owners[0]?.endpoint.received.length === 1)
    await kill(0)
    expect((await answerTo(1)).error).toMatchObject({
      message: 'It does not start. Look into its log.',
      data: { reason: 'not_started' },
    })
    handlers.push(answers)
    expect(await ask(2, 'tools/list', { _meta: modernMeta })).toEqual(result(2, { by: 'second' }))
  })

  it('waits for an owner that is about to end, and gives up after a while [bridge.repeat]', async () => {
    let tries = 0
    const ending: Handler = ({ body }, response) => {
      if (++tries < 4) return json(response, { detail: 'ending' }, 503)
      return json(response, result(body.id))
    }
    const { ask } = await givenOwners([ending])
    expect(await ask(1, 'tools/list', { _meta: modernMeta })).toEqual(result(1))
    const late = await givenOwners([(_received, response) => json(response, {}, 503)], 300)
    expect((await late.ask(1, 'ping', { _meta: modernMeta })).error?.data).toMatchObject({
      reason: 'unavailable',
    })
  })
})
