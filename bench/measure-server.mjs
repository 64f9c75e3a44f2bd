/** What a client sees: every core tool over HTTP, alone and with others, and how fast memory goes in. */
import { createClient } from './client.mjs'
import { createCorpus } from './corpus.mjs'
import { cpuMs, startServer } from './process.mjs'
import { measureConcurrency, measureSequence } from './timing.mjs'

const reads = ['get_context', 'get_context, no question', 'search_memory', 'get_memory', 'get_active_tasks']
const writes = [
  'create_task',
  'start_frame and close_frame',
  'add_decision',
  'record_events, one',
  'record_events, 100',
]
/** Measured with several clients at once too. */
const shared = new Set([
  'get_context',
  'search_memory',
  'add_decision',
  'record_events, one',
  'record_events, 100',
])

const eventOf = (corpus) => {
  const { isError, ...event } = corpus.event()
  return { ...event, ...(isError && { is_error: true }) }
}

const callsOf = async (client, corpus) => {
  const found = []
  for (let i = 0; i < 5; i++)
    found.push(
      ...(await client.call('search_memory', { query: corpus.question(), limit: 20 })).structured.hits,
    )
  const refs = [...new Set(found.map((hit) => hit.ref))]
  const { structured: opened } = await client.call('start_frame', corpus.frame())
  const frame = opened.ref ?? opened.frame
  return {
    get_context: () => client.call('get_context', { query: corpus.question(), files: [corpus.file()] }),
    'get_context, no question': () => client.call('get_context', {}),
    search_memory: () => client.call('search_memory', { query: corpus.question() }),
    get_memory: () => client.call('get_memory', { ids: [corpus.random.pick(refs)] }),
    add_decision: () => client.call('add_decision', corpus.statement()),
    'start_frame and close_frame': async () => {
      const { structured } = await client.call('start_frame', corpus.frame())
      await client.call('close_frame', {
        frame: structured.ref ?? structured.frame,
        summary: corpus.prose(20, 40),
      })
    },
    'record_events, one': () => client.call('record_events', { frame, events: [eventOf(corpus)] }),
    'record_events, 100': () =>
      client.call('record_events', { frame, events: Array.from({ length: 100 }, () => eventOf(corpus)) }),
    create_task: () => client.call('create_task', corpus.task()),
    get_active_tasks: () => client.call('get_active_tasks', {}),
  }
}

export const measureServer = async (server, key, { count, budgetMs, concurrencyMs, clients, onProgress }) => {
  const client = createClient(server.url, key)
  const corpus = createCorpus(Date.now())
  const calls = await callsOf(client, corpus)
  const { bytes } = await calls.get_context()
  const echo = await startServer([`${import.meta.dirname}/echo.mjs`, String(bytes)])
  const echoClient = createClient(echo.url, '')
  try {
    const yardstick = await measureSequence(
      async () => echoClient.post('{"ask":"echo"}', { 'content-type': 'application/json' }),
      { count: 500, budgetMs, warmUp: 100 },
    )
    const tools = {}
    const concurrency = {}
    // Reads first: what is written below would make a small project a larger one.
    for (const names of [reads, writes]) {
      for (const name of names) {
        onProgress(name)
        const before = cpuMs(server.pid)
        tools[name] = await measureSequence(calls[name], { count, budgetMs })
        tools[name].cpuMs = (cpuMs(server.pid) - before) / (tools[name].count + 5)
      }
      for (const name of names.filter((each) => shared.has(each))) {
        onProgress(`${name}, with others`)
        concurrency[name] = {}
        for (const many of clients)
          concurrency[name][many] = await measureConcurrency(calls[name], {
            clients: many,
            durationMs: concurrencyMs,
          })
      }
    }
    return { echo: yardstick, answerBytes: bytes, tools, concurrency }
  } finally {
    client.close()
    echoClient.close()
    await echo.stop()
  }
}
