/**
 * Who may do what, as data: every tool, under each of its names, times every kind of caller. A new tool adds its
 * row here first; `tenancy.test.ts` fails while a tool has none, and calls each cell over both protocol eras.
 *
 * In the arguments `$frame`, `$anchor`, `$task`, `$other-task` and `$event` stand for ids of things in the first
 * organization's project; every caller gives the same ids, whoever they belong to.
 */
export const actors = [
  'owner',
  'admin',
  'member',
  'viewer',
  /** A member whose key has the scope memory:read only. */
  'read_only_key',
  /** A member whose key has no scope. */
  'no_scope',
  /** The owner of another organization. */
  'other_tenant',
  'revoked_key',
  'anonymous',
] as const
export type Actor = (typeof actors)[number]

/**
 * `ok`         it works
 * `forbidden`  refused before any id is looked at
 * `not_found`  the answer is, word for word, the one for an id that never existed
 * `own`        it works, in the caller's own project, and shows nothing of the other
 * `401`        the HTTP edge knows no such caller
 */
export type Outcome = 'ok' | 'forbidden' | 'not_found' | 'own' | '401'

export interface Row {
  tool: string
  arguments: Record<string, unknown>
  outcomes: Record<Actor, Outcome>
}

const outsiders = { revoked_key: '401', anonymous: '401' } as const
const insiders = { owner: 'ok', admin: 'ok', member: 'ok' } as const

const read = (other: Outcome): Row['outcomes'] => ({
  ...insiders,
  viewer: 'ok',
  read_only_key: 'ok',
  no_scope: 'forbidden',
  other_tenant: other,
  ...outsiders,
})
const write = (other: Outcome): Row['outcomes'] => ({
  ...insiders,
  viewer: 'forbidden',
  read_only_key: 'forbidden',
  no_scope: 'forbidden',
  other_tenant: other,
  ...outsiders,
})

const reading = (tool: string, args: Row['arguments'], other: Outcome): Row => ({
  tool,
  arguments: args,
  outcomes: read(other),
})
const writing = (tool: string, args: Row['arguments'], other: Outcome): Row => ({
  tool,
  arguments: args,
  outcomes: write(other),
})

export const matrix: readonly Row[] = [
  reading('get_context', { frame: '$frame' }, 'not_found'),
  reading('get_context', { query: 'canary' }, 'own'),
  reading('search_memory', { query: 'canary' }, 'own'),
  reading('get_memory', { ids: ['$anchor'], include: ['history'] }, 'not_found'),
  reading('get_memory', { ids: ['$event'], around: true }, 'not_found'),
  reading('get_memory', { ids: ['$task'] }, 'not_found'),
  reading('get_memory', { ids: ['$frame'], include: ['events'] }, 'not_found'),
  reading('get_active_tasks', { metrics: true }, 'own'),
  reading('search', { query: 'canary' }, 'own'),
  reading('fetch', { id: '$anchor' }, 'not_found'),
  writing('start_frame', { name: 'Child', parent: '$frame' }, 'not_found'),
  writing('start_frame', { name: 'For a task', task: '$task' }, 'not_found'),
  writing('close_frame', { frame: '$frame', summary: 'Closed' }, 'not_found'),
  writing('record_events', { frame: '$frame', events: [{ content: 'said' }] }, 'not_found'),
  writing('add_decision', { content: 'A decision of the matrix', frame: '$frame' }, 'not_found'),
  writing('add_decision', { content: 'A successor of the matrix', supersedes: ['$anchor'] }, 'not_found'),
  writing('update_memory', { id: '$anchor', action: 'confirm' }, 'not_found'),
  writing('update_memory', { id: '$anchor', action: 'supersede', replacement: 'Replaced' }, 'not_found'),
  writing('update_memory', { id: '$anchor', action: 'forget' }, 'not_found'),
  writing('update_memory', { id: '$event', action: 'forget' }, 'not_found'),
  writing('update_memory', { id: '$task', action: 'forget' }, 'not_found'),
  writing('create_task', { title: 'Child', parent: '$task' }, 'not_found'),
  writing('create_task', { title: 'Waits', blocked_by: ['$task'] }, 'not_found'),
  writing('create_task', { title: 'In a frame', frame: '$frame' }, 'not_found'),
  writing('update_task_status', { task: '$task', claim: true }, 'not_found'),
  writing('update_task_status', { task: '$task', add_blocked_by: ['$other-task'] }, 'not_found'),

  // Other names of the same tools.
  reading('smart_context', { frameId: '$frame' }, 'not_found'),
  reading('load_context', { frame: '$frame', limit: 3 }, 'not_found'),
  reading('get_summary', { frame: '$frame' }, 'not_found'),
  reading('get_hot_stack', { frame: '$frame' }, 'not_found'),
  reading('sm_session_summary', { frame: '$frame' }, 'not_found'),
  reading('search_frames', { query: 'canary' }, 'own'),
  reading('sm_search', { query: 'canary' }, 'own'),
  reading('get_session_learnings', { query: 'canary' }, 'own'),
  reading('get_frame_history', { frameId: '$frame' }, 'not_found'),
  reading('get_task_metrics', {}, 'own'),
  writing('add_anchor', { text: 'An anchor of the matrix', frameId: '$frame' }, 'not_found'),
  writing('save_context', { content: 'A context of the matrix', frameId: '$frame' }, 'not_found'),
  writing('record_decision', { content: 'A record of the matrix', frameId: '$frame' }, 'not_found'),
  writing('record_correction', { content: 'A correction of the matrix', frameId: '$frame' }, 'not_found'),
  writing('promote_learning', { content: 'A learning of the matrix', frameId: '$frame' }, 'not_found'),
  writing('add_task_dependency', { taskId: '$task', dependsOnId: '$other-task' }, 'not_found'),
]

/** What a hook does for each caller: `reads` says that the bundle came, `writes` that the report was stored. */
export type HookOutcome = 'reads' | 'writes' | 'reads and writes' | 'nothing' | 'not_found' | '401'

export interface HookRow {
  client: 'claude-code' | 'codex'
  /** Name of a payload in fixtures/hooks/. */
  event: string
  outcomes: Record<Actor, HookOutcome>
}

const hook = (
  client: HookRow['client'],
  event: string,
  insider: HookOutcome,
  reader: HookOutcome,
): HookRow => ({
  client,
  event,
  outcomes: {
    owner: insider,
    admin: insider,
    member: insider,
    viewer: reader,
    read_only_key: reader,
    no_scope: 'nothing',
    other_tenant: 'not_found',
    ...outsiders,
  },
})

export const hookMatrix: readonly HookRow[] = (['claude-code', 'codex'] as const).flatMap((client) => [
  hook(client, 'session-start', 'reads', 'reads'),
  hook(client, 'session-start-compact', 'reads', 'reads'),
  hook(client, 'user-prompt-submit', 'reads and writes', 'reads'),
  hook(client, client === 'codex' ? 'post-tool-use-shell' : 'post-tool-use-bash', 'writes', 'nothing'),
  hook(client, 'stop', 'writes', 'nothing'),
  hook(client, 'pre-compact', 'nothing', 'nothing'),
])
