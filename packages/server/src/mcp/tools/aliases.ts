/**
 * Names that the same things have elsewhere. They always work in `tools/call`, so that saved permissions,
 * prompts and habits keep working, and are listed only on demand (`?tools=upstream`). Each maps its own
 * arguments onto a tool of ours; what it does not know is passed on, and refused there with a sentence.
 */
import { anchorTypes } from '../../domain/memory.ts'
import { addDecisionTool } from './add-decision.ts'
import { getActiveTasksTool } from './get-active-tasks.ts'
import { getContextTool } from './get-context.ts'
import { getMemoryTool } from './get-memory.ts'
import { searchMemoryTool } from './search-memory.ts'
import type { ToolDefinition } from './tool.ts'
import { updateTaskStatusTool } from './update-task-status.ts'

type Args = Record<string, unknown>

export interface Alias {
  name: string
  tool: ToolDefinition
  description: string
  /** Arguments in our names. */
  map: (args: Args) => Args
}

const anchorTypeNames: Record<string, string> = {
  interface_contract: 'interface',
  todo: 'learning',
  correction: 'learning',
  insight: 'learning',
}

/** Names of arguments that differ only in spelling or wording. */
const renames: Record<string, string> = {
  frameId: 'frame',
  frame_id: 'frame',
  parentId: 'parent',
  parent_id: 'parent',
  parentFrameId: 'parent',
  taskId: 'task',
  task_id: 'task',
  text: 'content',
  reason: 'rationale',
  blockedBy: 'blocked_by',
  nextSteps: 'next_steps',
  deadEnds: 'dead_ends',
  budgetTokens: 'budget_tokens',
  newStatus: 'status',
  dependsOnId: 'add_blocked_by',
}

const rename = (args: Args): Args =>
  Object.fromEntries(Object.entries(args).map(([name, value]) => [renames[name] ?? name, value]))

/** An importance from 0 to 1 is a priority from 1 to 10 here. */
const toAnchor = (args: Args, type?: string): Args => {
  const { importance, priority, metadata: _metadata, ...rest } = rename(args)
  const given = (typeof rest['type'] === 'string' ? rest['type'] : (type ?? 'decision')).toLowerCase()
  const known = anchorTypeNames[given] ?? given
  const level = typeof importance === 'number' ? Math.round(importance * 9) + 1 : priority
  return {
    ...rest,
    type: (anchorTypes as readonly string[]).includes(known) ? known : given,
    ...(typeof level === 'number' && { priority: Math.min(10, Math.max(1, level)) }),
  }
}

/** A number of items is a budget of about 300 tokens each. */
const toContext = (args: Args): Args => {
  const { limit, maxTokens, tokenBudget, ...rest } = rename(args)
  const tokens = maxTokens ?? tokenBudget ?? (typeof limit === 'number' ? limit * 300 : undefined)
  return {
    ...rest,
    ...(typeof tokens === 'number' && { budget_tokens: Math.min(8_000, Math.max(200, Math.round(tokens))) }),
  }
}

const toHistory = (args: Args): Args => {
  const { frame, id, limit: _limit, ...rest } = rename(args)
  return { ...rest, ids: [frame ?? id].filter((each) => each !== undefined), include: ['events', 'history'] }
}

const alias = (name: string, tool: ToolDefinition, map: Alias['map'] = rename): Alias => ({
  name,
  tool,
  map,
  description: `Other name of ${tool.name}. ${tool.description}`,
})

export const aliases: readonly Alias[] = [
  alias('smart_context', getContextTool, toContext),
  alias('load_context', getContextTool, toContext),
  alias('get_summary', getContextTool, toContext),
  alias('get_hot_stack', getContextTool, (args) => ({ ...toContext(args), detail: 'index' })),
  alias('add_anchor', addDecisionTool, toAnchor),
  alias('save_context', addDecisionTool, (args) => toAnchor(args, 'fact')),
  alias('record_decision', addDecisionTool, (args) => toAnchor(args, 'decision')),
  alias('record_correction', addDecisionTool, (args) => toAnchor(args, 'learning')),
  alias('promote_learning', addDecisionTool, (args) => toAnchor(args, 'learning')),
  alias('search_frames', searchMemoryTool, (args) => ({
    ...rename(args),
    kind: ['frame', 'digest', 'event'],
  })),
  alias('sm_search', searchMemoryTool),
  alias('get_frame_history', getMemoryTool, toHistory),
  alias('get_task_metrics', getActiveTasksTool, (args) => ({ ...rename(args), metrics: true })),
  alias('add_task_dependency', updateTaskStatusTool, (args) => {
    const { add_blocked_by: blocker, ...rest } = rename(args)
    return { ...rest, add_blocked_by: [blocker].flat() }
  }),
  alias('sm_session_summary', getContextTool, toContext),
  alias('get_session_learnings', searchMemoryTool, (args) => ({
    query: 'learned',
    ...rename(args),
    kind: ['learning'],
  })),
]
