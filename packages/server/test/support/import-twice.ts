import { v7 as uuidv7 } from 'uuid'
import type { Context } from '../../src/domain/context.ts'
import { eventInput } from '../../src/domain/event/record-events.ts'
import { beginImport, finishImport } from '../../src/domain/ingest/import-run.ts'
import { importSession, type ImportedSession } from '../../src/domain/ingest/import-session.ts'
import type { Memory } from '../../src/domain/ports.ts'

/** A session of another tool, as it was at its first import or after it had grown. */
export const growingSession = (key: string, texts: readonly string[]): ImportedSession => ({
  externalKey: key,
  name: 'Imported session',
  type: 'session',
  goal: 'Grow',
  branch: null,
  files: [],
  startedAt: new Date('2026-01-05T09:00:00Z'),
  endedAt: new Date(Date.UTC(2026, 0, 5, 9, texts.length)),
  outcome: 'done',
  summary: `It said ${texts.length} things, at last: ${texts.at(-1)}`,
  subagents: [],
  events: texts.map((content, index) =>
    eventInput.parse({
      content,
      key: `${key}:${index}`,
      occurred_at: new Date(Date.UTC(2026, 0, 5, 9, index)).toISOString(),
    }),
  ),
})

/** Two runs of an import, of which the second adds to what the first brought and replaces its digest. */
export const importTwice = async (ctx: Context, memory: Memory): Promise<string[]> => {
  const key = `test:${uuidv7()}`
  const ids: string[] = []
  for (const [index, texts] of [['one'], ['one', 'two']].entries()) {
    const at = new Date(ctx.now.getTime() + index)
    const run = await beginImport({ ...ctx, now: at }, memory, { source: 'test', label: 'a file' })
    await importSession(run, memory, growingSession(key, texts))
    await finishImport(run, memory, { status: 'finished', report: { eventsAdded: 1 }, at })
    ids.push(run.importId)
  }
  return ids
}
