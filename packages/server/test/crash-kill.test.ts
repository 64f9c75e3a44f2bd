/**
 * kill -9 of the real server, in the middle of writes that arrive over MCP. What was answered must be there, and
 * a call that was not answered is sent again under its idempotency key: it must then be there once.
 */
import { amcheck } from '@electric-sql/pglite/contrib/amcheck'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createEnginePool, openEngine } from '../src/postgres/embedded/engine.ts'
import { createRandom } from './harness/random.ts'
import { startPostgres } from './harness/test-database.ts'
import { startServer, type ServerProcess } from './support/server-process.ts'

const kills = 20
const seed = Number(process.env['CRASH_SEED'] ?? 1)

interface Write {
  tool: 'add_decision' | 'record_events' | 'create_task' | 'start_frame'
  arguments: Record<string, unknown>
  /** Words that are in no other write. */
  mark: string
}

/** What is kept in memory by the test, as an agent would believe it. */
const createLedger = () => {
  const acknowledged = new Map<string, Write>()
  const pending = new Map<string, Write>()
  let number = 0
  return {
    acknowledged,
    pending,
    next(writer: number, frame: string): Write {
      const mark = `mark-${seed}-${++number}`
      const idempotency_key = mark
      const content = `${mark} ${'something worth keeping '.repeat(8)}`
      switch (writer % 4) {
        case 0:
          return { tool: 'add_decision', arguments: { content, frame, idempotency_key }, mark }
        case 1: {
          const events = [{ content }, { content: `second of ${mark}`, kind: 'error' }]
          return { tool: 'record_events', arguments: { frame, events, idempotency_key }, mark }
        }
        case 2:
          return {
            tool: 'create_task',
            arguments: { title: mark, description: content, idempotency_key },
            mark,
          }
        default:
          return { tool: 'start_frame', arguments: { name: mark, parent: frame, idempotency_key }, mark }
      }
    },
  }
}
type Ledger = ReturnType<typeof createLedger>

const answer = z.object({
  isError: z.boolean().optional(),
  structuredContent: z.record(z.string(), z.unknown()).optional(),
})

const connect = async ({ url }: ServerProcess, key: string) => {
  const client = new Client(
    { name: 'crash', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  const requestInit = { headers: { authorization: `Bearer ${key}` } }
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit }))
  return async (write: Pick<Write, 'tool' | 'arguments'>) => {
    const given = answer.parse(await client.callTool({ name: write.tool, arguments: write.arguments }))
    if (given.isError) throw new Error(`${write.tool} was refused`)
    return given.structuredContent ?? {}
  }
}

type Send = Awaited<ReturnType<typeof connect>>

/** Writes until the server is gone. A write without an answer stays in `pending`. */
const writeOn = async (send: Send, ledger: Ledger, writer: number, frame: string) => {
  for (;;) {
    const write = ledger.next(writer, frame)
    ledger.pending.set(write.mark, write)
    try {
      await send(write)
    } catch {
      return
    }
    ledger.pending.delete(write.mark)
    ledger.acknowledged.set(write.mark, write)
  }
}

const resend = async (send: Send, ledger: Ledger) => {
  for (const write of ledger.pending.values()) {
    await send(write)
    ledger.acknowledged.set(write.mark, write)
  }
  ledger.pending.clear()
}

const untilMore = async (ledger: Ledger, count: number) => {
  const deadline = performance.now() + 20_000
  while (ledger.acknowledged.size < count) {
    if (performance.now() > deadline) throw new Error('the server acknowledges nothing')
    await sleep(5)
  }
}

interface Rounds {
  env: Record<string, string>
  /** Kills more than the server in some rounds, and starts it again. */
  killMore: (round: number) => Promise<void>
}

/** Starts, writes and kills `kills` times; ends with a running server in which everything was sent again. */
const survive = async ({ env, killMore }: Rounds) => {
  const random = createRandom(seed)
  const ledger = createLedger()
  let key = ''
  let frame = ''
  for (let round = 0; round <= kills; round++) {
    const server = await startServer(env)
    key = server.key ?? key
    try {
      const send = await connect(server, key)
      frame ||= String((await send({ tool: 'start_frame', arguments: { name: 'Root' } }))['frame'])
      await resend(send, ledger)
      if (round === kills) return ledger
      const before = ledger.acknowledged.size
      const writers = [0, 1, 2, 3].map(async (writer) => writeOn(send, ledger, writer, frame))
      await untilMore(ledger, before + 4)
      await sleep(random() * 250)
      await Promise.all([server.stop('SIGKILL'), killMore(round)])
      await Promise.all(writers)
    } finally {
      await server.stop(round === kills ? 'SIGTERM' : 'SIGKILL')
    }
  }
  return ledger
}

/** Every write is there once, whole, and found by the index. */
const expectWhole = async (pool: Pool, ledger: Ledger) => {
  const { rows } = await pool.query<{ mark: string; tool: string; n: number }>(
    `select split_part(content, ' ', 1) as mark, 'add_decision' as tool, count(*)::int as n from anchors group by 1
     union all select split_part(content, ' ', 1), 'record_events', count(*)::int from events
       where content not like 'second of %' group by 1
     union all select title, 'create_task', count(*)::int from tasks group by 1
     union all select name, 'start_frame', count(*)::int from frames where name <> 'Root' group by 1`,
  )
  const stored = rows.map(({ mark, tool, n }) => `${mark} ${tool} ${n}`)
  const expected = [...ledger.acknowledged.values()].map(({ mark, tool }) => `${mark} ${tool} 1`)
  expect(stored.toSorted()).toEqual(expected.toSorted())
  const { rows: broken } = await pool.query(
    `select 'event without its second' as problem from events e where content like 'mark-%'
       and not exists (select from events s where s.frame_id = e.frame_id and s.seq = e.seq + 1
         and s.content = 'second of ' || split_part(e.content, ' ', 1))
     union all select 'gap in the events' from events group by frame_id having max(seq) <> count(*)
     union all select 'count of events' from frames f
       where event_count <> (select count(*) from events e where e.frame_id = f.id)
     union all select 'anchor without a version' from anchors a
       where not exists (select from anchor_versions v where v.anchor_id = a.id and v.version = a.version)
     union all select 'item that cannot be found' from (
       select id from anchors union all select id from tasks union all select id from frames union all select id from events) i
       where not exists (select from search_entries s where s.item_id = i.id)
     union all select 'reference twice' from (
       select ref_no from anchors union all select ref_no from tasks union all select ref_no from frames) r
       group by ref_no having count(*) > 1`,
  )
  expect(broken).toEqual([])
}

/** Every btree and heap by amcheck, and the full-text index against a scan. */
const expectIntact = async (pool: Pool) => {
  await pool.query('create extension if not exists amcheck')
  const { rows: btrees } = await pool.query<{ n: number }>(
    `with checked as materialized (
       select bt_index_check(c.oid::regclass, true) from pg_class c join pg_am a on a.oid = c.relam
       where a.amname = 'btree' and c.relkind = 'i' and c.relpersistence = 'p')
     select count(*)::int as n from checked`,
  )
  expect(btrees[0]?.n).toBeGreaterThan(150)
  const { rows: heaps } = await pool.query(
    `select c.relname, v.msg from pg_class c cross join lateral verify_heapam(c.oid::regclass) v
     where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace`,
  )
  expect(heaps).toEqual([])
  const count = `select count(*)::int as n from search_entries e, projects p
    where e.project_id = p.id and tsv @@ 'worth'::tsquery`
  const client = await pool.connect()
  try {
    await client.query('set enable_seqscan = off')
    const byIndex = await client.query(count)
    await client.query('set enable_seqscan = on; set enable_indexscan = off; set enable_bitmapscan = off')
    expect(byIndex.rows).toEqual((await client.query(count)).rows)
  } finally {
    client.release(true)
  }
}

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'crash-kill-'))
})
afterAll(async () => rm(root, { recursive: true, force: true }))

describe('kill -9 of the server while agents write', () => {
  it.concurrent(
    'loses nothing that was answered, on the embedded database [memory.kill]',
    { timeout: 600_000 },
    async () => {
      const dataDir = join(root, 'embedded')
      const ledger = await survive({ env: { DATA_DIR: dataDir }, killMore: async () => undefined })
      expect(ledger.acknowledged.size).toBeGreaterThan(kills * 4)
      const engine = await openEngine({
        durable: false,
        fs: new NodeFS(join(dataDir, 'pg')),
        extensions: { amcheck },
      })
      const pool = createEnginePool(engine)
      try {
        await expectWhole(pool, ledger)
        await expectIntact(pool)
      } finally {
        await pool.end()
        await engine.close()
      }
    },
  )

  it.concurrent(
    'loses nothing that was answered, on PostgreSQL, which is killed as well [memory.kill]',
    { timeout: 600_000 },
    async () => {
      const cluster = await startPostgres({ fsync: true })
      try {
        let clusterKills = 0
        const ledger = await survive({
          env: {
            DATA_DIR: join(root, 'server'),
            DATABASE_URL: cluster.url,
            SECRET_KEY: randomBytes(32).toString('hex'),
          },
          async killMore(round) {
            if (round % 4 !== 3) return
            await cluster.kill()
            await cluster.restart()
            clusterKills++
          },
        })
        expect(clusterKills).toBe(5)
        expect(ledger.acknowledged.size).toBeGreaterThan(kills * 4)
        const pool = new Pool({ connectionString: cluster.url })
        try {
          await expectWhole(pool, ledger)
          await expectIntact(pool)
        } finally {
          await pool.end()
        }
      } finally {
        await cluster.stop()
      }
    },
  )
})
