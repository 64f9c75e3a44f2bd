/** Prompts, which clients show to people as slash commands. They carry memory as data, never as instructions. */
import { completable, type McpServer, type ServerContext } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { getContext, getContextInput } from '../domain/bundle/get-context.ts'
import type { Context, Log } from '../domain/context.ts'
import { wrapInjected } from '../domain/ingest/injected-text.ts'
import { authorize } from '../domain/policy.ts'
import type { Memory } from '../domain/ports.ts'
import { formatFrameRef } from '../domain/refs.ts'
import { getActiveTasks, getActiveTasksInput } from '../domain/task/get-active-tasks.ts'
import { indent } from './tools/present.ts'
import { wrapRequest } from './transport/wrap-tool.ts'

export interface PromptOptions {
  memory: Memory
  log: Log
  /** The context of the pinned or only project; throws when the project is open. */
  context: (project: string | undefined, call?: ServerContext) => Promise<Context>
}

const say = (...parts: string[]) => ({
  messages: [
    { role: 'user' as const, content: { type: 'text' as const, text: parts.filter(Boolean).join('\n\n') } },
  ],
})

const bundleTokens = 3_000

const openFrames = async (ctx: Context, memory: Memory, typed: string) => {
  authorize(ctx, 'memory:read')
  return memory.transact(ctx, async (stores) =>
    (await stores.frames.listOpen(100, null))
      .map((frame) => formatFrameRef(frame.refNo))
      .filter((ref) => ref.startsWith(typed.toUpperCase())),
  )
}

export const registerPrompts = (server: McpServer, { memory, log, context }: PromptOptions) => {
  const project = z.string().max(130).optional().describe('Project, when the key opens several.')
  // The completion belongs to the inner type: the library looks for it below `optional`.
  const frame = completable(
    z.string().max(80),
    wrapRequest(
      async (typed: string, given?: { arguments?: Record<string, string> }) =>
        openFrames(await context(given?.arguments?.['project']), memory, typed),
      log,
    ),
  )
    .optional()
    .describe('Frame to go on with, e.g. F12.')
  const bundleOf = async (ctx: Context, frameRef: string | undefined, query: string) =>
    (
      await getContext(
        ctx,
        memory,
        getContextInput.parse({ frame: frameRef, query, budget_tokens: bundleTokens }),
      )
    ).text

  server.registerPrompt(
    'resume',
    {
      title: 'Resume work',
      description: 'Take up a frame, or the latest hand-off, where it was left.',
      argsSchema: z.object({ frame, project }),
    },
    wrapRequest(async (args: { frame?: string; project?: string }, call: ServerContext) => {
      const ctx = await context(args.project, call)
      return say(
        `Go on with ${args.frame ?? 'the latest open work'} in this project. Read the memory below, say in two sentences where it stands, check it against the code, and continue with the next step. Do not retry what is listed as a dead end.`,
        await bundleOf(ctx, args.frame, 'next steps, dead ends, open work'),
      )
    }, log),
  )
  server.registerPrompt(
    'handoff',
    {
      title: 'Hand work off',
      description: 'Close a frame so that somebody else can go on.',
      argsSchema: z.object({ frame, project }),
    },
    wrapRequest(async (args: { frame?: string; project?: string }, call: ServerContext) => {
      const ctx = await context(args.project, call)
      return say(
        `Hand off ${args.frame ?? 'the frame you are working in'}: call close_frame with outcome "handoff", a summary of where the work stands, every dead end with its reason, and next steps that a colleague without this conversation can act on. Pin decisions that are not recorded yet.`,
        await bundleOf(ctx, args.frame, 'decisions and open work'),
      )
    }, log),
  )
  server.registerPrompt(
    'decisions',
    {
      title: 'Review decisions',
      description: 'What is in force about a topic, and whether it still holds.',
      argsSchema: z.object({ topic: z.string().max(500).optional().describe('Topic or file.'), project }),
    },
    wrapRequest(async (args: { topic?: string; project?: string }, call: ServerContext) => {
      const ctx = await context(args.project, call)
      return say(
        `Review the decisions and constraints${args.topic ? ' about the topic quoted below' : ''} against the code. For each say whether it still holds; confirm, supersede or retract it with update_memory after asking me.`,
        args.topic ? `Topic: ${JSON.stringify(args.topic)}` : '',
        await bundleOf(ctx, undefined, args.topic ?? 'decisions and constraints in force'),
      )
    }, log),
  )
  server.registerPrompt(
    'standup',
    {
      title: 'Stand-up',
      description: 'What was done, what is open, what blocks.',
      argsSchema: z.object({ project }),
    },
    wrapRequest(async (args: { project?: string }, call: ServerContext) => {
      const ctx = await context(args.project, call)
      const { tasks } = await getActiveTasks(ctx, memory, getActiveTasksInput.parse({}))
      return say(
        'Write a short stand-up from the memory below: done, in progress, blocked, next. Only what is recorded.',
        await bundleOf(ctx, undefined, 'done, in progress, blocked, next steps'),
        tasks.length
          ? wrapInjected(
              tasks
                .map((task) => `- ${task.ref} [${task.ready ? 'ready' : task.status}] ${indent(task.title)}`)
                .join('\n'),
              { receipt: 'tasks' },
            )
          : '',
      )
    }, log),
  )
}
