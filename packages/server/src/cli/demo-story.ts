/**
 * The story of `stackmemory demo`: two agents work on a shop, days apart, and settle where sessions live. What the
 * first one decided is replaced by the second; a rule holds, an error is understood, work is handed over.
 */
import { addDecision, addDecisionInput } from '../domain/anchor/add-decision.ts'
import type { Context } from '../domain/context.ts'
import { recordEvents, recordEventsInput } from '../domain/event/record-events.ts'
import { closeFrame, closeFrameInput } from '../domain/frame/close-frame.ts'
import { startFrame, startFrameInput } from '../domain/frame/start-frame.ts'
import type { Memory } from '../domain/ports.ts'
import { createTask, createTaskInput } from '../domain/task/create-task.ts'

/** References of what the next session has to know. */
export interface Story {
  /** What was decided first, and what replaced it. */
  superseded: string
  inForce: string
  constraint: string
  error: string
  fix: string
  handoff: string
  task: string
  /** For a person: who did what, when. */
  chapters: { agent: string; at: Date; lines: string[] }[]
}

/** The third agent's work, and what it looks up. */
export const question = 'keep the shopping cart in the session'
export const questionFiles = ['src/session/store.ts']
export const lookUp = 'duplicate key sessions_pkey'
export const budgetTokens = 900

const texts = {
  first: 'Sessions live in Redis, under the session id, for 24 hours.',
  rule: 'Never write a session token to a log, not even its beginning.',
  second: 'Sessions live in PostgreSQL, in the table sessions, for 24 hours.',
  error: 'duplicate key value violates unique constraint "sessions_pkey"',
  fix: 'The duplicate key came from two tabs that store one session at once. Fixed with "on conflict (id) do update".',
  next: 'Keep the cart in the column sessions.data, and empty it at checkout.',
  task: 'Delete sessions that have ended, every night',
}

const file = 'src/session/store.ts'
const dayMs = 24 * 60 * 60_000
const minuteMs = 60_000

/** Calls of one agent, a few minutes after each other. */
const asAgent = (base: Context, memory: Memory, agent: string, startedAt: Date) => {
  let calls = 0
  const context = (): Context => ({
    ...base,
    now: new Date(startedAt.getTime() + 7 * minuteMs * calls++),
    principal: { ...base.principal, client: { name: agent, version: '' } },
  })
  return {
    start: async (name: string, goal: string) =>
      (await startFrame(context(), memory, startFrameInput.parse({ name, goal, files: [file] }))).ref,
    record: async (frame: string, events: object[]) =>
      (await recordEvents(context(), memory, recordEventsInput.parse({ frame, events }))).recorded.map(
        ({ ref }) => ref,
      ),
    decide: async (frame: string, decision: object) =>
      (await addDecision(context(), memory, addDecisionInput.parse({ frame, files: [file], ...decision })))
        .ref,
    close: async (frame: string, ending: object) =>
      closeFrame(context(), memory, closeFrameInput.parse({ frame, ...ending })),
    task: async (title: string) =>
      (await createTask(context(), memory, createTaskInput.parse({ title }))).ref,
  }
}

const firstChapter = async (base: Context, memory: Memory) => {
  const at = new Date(base.now.getTime() - 6 * dayMs)
  const agent = asAgent(base, memory, 'claude-code', at)
  const frame = await agent.start('Keep customers signed in when we deploy', 'A deploy signs nobody out.')
  await agent.record(frame, [
    {
      role: 'user',
      content: 'Every deploy signs our customers out. Keep their sessions somewhere that survives it.',
    },
  ])
  const decision = await agent.decide(frame, {
    content: texts.first,
    rationale: 'It is there already, for the queue.',
  })
  const constraint = await agent.decide(frame, { content: texts.rule, type: 'constraint' })
  await agent.close(frame, { summary: 'Sessions survive a deploy.', outcome: 'done' })
  return {
    decision,
    constraint,
    chapter: {
      agent: 'claude-code',
      at,
      lines: [`decided ${decision}: ${texts.first}`, `set a rule ${constraint}: ${texts.rule}`],
    },
  }
}

const secondChapter = async (base: Context, memory: Memory, before: string) => {
  const at = new Date(base.now.getTime() - 2 * dayMs)
  const agent = asAgent(base, memory, 'codex', at)
  const frame = await agent.start('Do without Redis', 'One database less to run.')
  const decision = await agent.decide(frame, {
    content: texts.second,
    supersedes: [before],
    rationale: 'The new hosting has no Redis, and 400 sessions are few.',
  })
  const [error = '', fix = ''] = await agent.record(frame, [
    { kind: 'error', role: 'tool', tool: 'npm test', content: texts.error, files: [file] },
    { kind: 'observation', content: texts.fix, files: [file] },
  ])
  const task = await agent.task(texts.task)
  await agent.close(frame, {
    summary: 'Sessions are in PostgreSQL now, and tested with two tabs.',
    outcome: 'handoff',
    next_steps: [texts.next],
  })
  return {
    frame,
    decision,
    error,
    fix,
    task,
    chapter: {
      agent: 'codex',
      at,
      lines: [
        `decided ${decision}, instead of ${before}: ${texts.second}`,
        `met an error ${error}: ${texts.error}`,
        `found its reason ${fix}: ${texts.fix}`,
        `added a task ${task}: ${texts.task}`,
        `handed over ${frame}: ${texts.next}`,
      ],
    },
  }
}

/** Records the story in the project of the context, as of the days before its `now`. */
export const seedStory = async (base: Context, memory: Memory): Promise<Story> => {
  const first = await firstChapter(base, memory)
  const second = await secondChapter(base, memory, first.decision)
  return {
    superseded: first.decision,
    inForce: second.decision,
    constraint: first.constraint,
    error: second.error,
    fix: second.fix,
    handoff: second.frame,
    task: second.task,
    chapters: [first.chapter, second.chapter],
  }
}
