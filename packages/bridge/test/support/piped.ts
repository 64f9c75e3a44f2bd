/** A pipe with a test in the place of the client. */
import type { JSONRPCMessage } from '@modelcontextprotocol/client'
import { type HostTransport, type PipeOptions, createPipe } from '../../src/pipe.ts'
import { remoteRoute } from '../../src/remote-route.ts'
import type { Message } from './endpoint.ts'

const waitMsMax = 10_000
export const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

export const startPiped = async (url: URL, options: Partial<PipeOptions> = {}) => {
  const inbox: Message[] = []
  const logged: string[] = []
  const waiting = new Set<() => void>()
  const host: HostTransport = {
    start: async () => undefined,
    close: async () => undefined,
    send: async (message) => {
      inbox.push(message as Message)
      for (const wake of waiting) wake()
    },
  }
  const pipe = createPipe({
    host,
    source: remoteRoute(url),
    unauthenticated: 'does not accept the API key in STACKMEMORY_API_KEY.',
    log: (line) => logged.push(line),
    ...options,
  })
  await pipe.start()

  const send = (message: object): void => host.onmessage?.({ jsonrpc: '2.0', ...message } as JSONRPCMessage)
  /** The first message, of those that came or will come, that fits. */
  const find = async (fits: (message: Message) => boolean): Promise<Message> => {
    const deadline = Date.now() + waitMsMax
    for (;;) {
      const found = inbox.find(fits)
      if (found) return found
      if (Date.now() > deadline) throw new Error(`nothing fits among ${JSON.stringify(inbox)}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100)
        waiting.add(() => (clearTimeout(timer), resolve()))
      })
      waiting.clear()
    }
  }
  const answerTo = async (id: string | number) =>
    find((message) => message.id === id && !('method' in message))
  const ask = async (id: string | number, method: string, params: object = {}) => {
    send({ id, method, params })
    return answerTo(id)
  }
  return {
    pipe,
    host,
    inbox,
    logged,
    send,
    find,
    ask,
    answerTo,
    askModern: async (id: string | number, method: string, params: object = {}) =>
      ask(id, method, { ...params, _meta: modernMeta }),
    /** The handshake of 2025-11-25. */
    initialize: async () => {
      await ask('init', 'initialize', {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'test', version: '1' },
      })
      send({ method: 'notifications/initialized' })
    },
  }
}
