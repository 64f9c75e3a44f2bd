/** Hooks of coding agents: what they report is recorded, and at a start they get the context bundle. */
import { v7 as uuidv7 } from 'uuid'
import { capture, type Captured, type CaptureResult } from '../domain/capture/capture.ts'
import { openingContext } from '../domain/capture/opening-context.ts'
import type { Context, Log, Principal, Project } from '../domain/context.ts'
import { isDomainError } from '../domain/errors.ts'
import { limits } from '../domain/limits.ts'
import type { Memory } from '../domain/ports.ts'
import { type HookPayload, parsePayload } from './payload.ts'
import { createSessionQueue, QueueFullError } from './session-queue.ts'
import { type HookClient, toCaptured } from './to-captured.ts'

export interface HookCall {
  readonly client: HookClient
  readonly body: unknown
  readonly principal: Principal
  readonly project: Project
  readonly requestId: string
  /** Given by a sender that may send the same report again. */
  readonly idempotencyKey?: string
}

/** `done`: everything is stored. `nothing`: there was nothing to do, or it failed, and `why` is for the log. */
export type HookAnswer =
  | { readonly kind: 'done'; readonly body: object }
  | { readonly kind: 'nothing'; readonly why: string }

export interface Hooks {
  /** Never throws: an agent must not fail because its memory does. */
  handle(call: HookCall): Promise<HookAnswer>
}

export interface HooksOptions {
  readonly memory: Memory
  readonly log: Log
  readonly now?: () => Date
}

/** A write goes on after its caller has been answered; this ends it. */
const writeTimeoutMs = 10_000
const waitingPerSessionMax = 200
const writtenTogetherMax = 20
const sessionsHeldMax = 10_000

/** What a conversation has been given: nothing since its context was shortened, an overview, or the whole bundle. */
type Given = 'nothing' | 'overview' | 'bundle'

interface Write {
  readonly ctx: Context
  readonly captured: Captured
}

export const createHooks = ({ memory, log, now = () => new Date() }: HooksOptions): Hooks => {
  const given = new Map<string, Given>()
  let failures = 0
  const remember = (session: string, state: Given) => {
    given.delete(session)
    given.set(session, state)
    if (given.size > sessionsHeldMax) given.delete(given.keys().next().value ?? '')
  }
  const queue = createSessionQueue<Write, CaptureResult>(
    async (writes) => {
      const [first] = writes
      return first
        ? capture(
            { ...first.ctx, signal: AbortSignal.timeout(writeTimeoutMs) },
            memory,
            writes.map((each) => each.captured),
          )
        : []
    },
    { waitingMax: waitingPerSessionMax, togetherMax: writtenTogetherMax },
  )

  const inject = async (
    ctx: Context,
    payload: HookPayload,
    captured: Captured,
  ): Promise<string | undefined> => {
    const session = `${ctx.project.id} ${captured.session.key}`
    const wanted = wantedBundle(payload, given.get(session))
    if (payload.hook_event_name === 'PreCompact') remember(session, 'nothing')
    if (wanted === undefined) return undefined
    const { becomes, ...request } = wanted
    const query = payload.hook_event_name === 'UserPromptSubmit' ? captured.events[0]?.content : undefined
    const text = await openingContext(ctx, memory, { ...request, query, session: captured.session.key })
    remember(session, becomes)
    return text
  }

  const work = async (call: HookCall, payload: HookPayload): Promise<HookAnswer> => {
    const at = now()
    const captured = await toCaptured(call.client, payload, { at, retryKey: call.idempotencyKey })
    const ctx = contextOf(call, at, log)
    const failed: string[] = []
    const context = await inject(ctx, payload, captured).catch(
      (error: unknown) => void failed.push(fail(error, call)),
    )
    const mustRecord =
      captured.events.length > 0 || captured.digest !== undefined || payload.source === 'resume'
    const recorded = mustRecord
      ? await queue
          .add(queueKey(call, captured), { ctx, captured })
          .catch((error: unknown) => void failed.push(fail(error, call)))
      : undefined
    if (context !== undefined) return { kind: 'done', body: withContext(payload.hook_event_name, context) }
    if (failed[0] !== undefined) return { kind: 'nothing', why: failed[0] }
    if (recorded === undefined) return { kind: 'nothing', why: 'nothing to do' }
    return recorded.status === 'stored'
      ? { kind: 'done', body: {} }
      : { kind: 'nothing', why: recorded.status }
  }

  /** Counted and logged, and never shown to the agent. Returns a word for the access log. */
  const fail = (error: unknown, { client, requestId }: HookCall): string => {
    failures += 1
    const fields = { err: error, requestId, client, failures }
    if (isDomainError(error) && error.code === 'forbidden') {
      log.debug(fields, 'a hook may not do this')
      return 'forbidden'
    }
    log.warn(fields, 'a hook failed')
    return error instanceof QueueFullError ? 'busy' : 'failed'
  }

  return {
    async handle(call) {
      try {
        const payload = parsePayload(call.body)
        if (payload === undefined) return { kind: 'nothing', why: 'not a hook payload' }
        return await work(call, payload)
      } catch (error) {
        return { kind: 'nothing', why: fail(error, call) }
      }
    },
  }
}

/** What is written together is written with one caller's rights, so only callers with the same rights share a key. */
const queueKey = ({ project, principal }: HookCall, { session }: Captured): string =>
  JSON.stringify([
    project.id,
    principal.organizationId,
    principal.userId,
    principal.credential.id,
    principal.role,
    principal.projectId,
    principal.scopes.toSorted(),
    session.key,
  ])

interface WantedBundle {
  readonly budgetTokens: number
  readonly onlyAtStart?: boolean
  readonly becomes: Given
}

/**
 * A session start gets an overview, and its first prompt what belongs to the prompt. After a compaction or a resume
 * the whole bundle comes at once, or with the next prompt where the client cannot ask at that moment.
 */
const wantedBundle = (
  { hook_event_name: event, source, agent_id: agent }: HookPayload,
  state: Given | undefined,
): WantedBundle | undefined => {
  const { capturedBundleTokens: whole, capturedOverviewTokens: overview } = limits
  if (agent !== undefined) return undefined
  if (event === 'SessionStart')
    return source === 'compact' || source === 'resume'
      ? { budgetTokens: whole, becomes: 'bundle' }
      : { budgetTokens: overview, becomes: 'overview' }
  if (event !== 'UserPromptSubmit' || state === 'bundle') return undefined
  if (state === 'overview') return { budgetTokens: overview, becomes: 'bundle' }
  return { budgetTokens: whole, onlyAtStart: state === undefined, becomes: 'bundle' }
}

/** The one form that both clients read; Codex refuses a field that it does not know. */
const withContext = (hookEventName: string, additionalContext: string) => ({
  hookSpecificOutput: { hookEventName, additionalContext },
})

const contextOf = ({ client, principal, project, requestId }: HookCall, now: Date, log: Log): Context => ({
  principal: { ...principal, client: { name: client, version: '' } },
  project,
  requestId,
  signal: AbortSignal.timeout(writeTimeoutMs),
  now,
  newId: uuidv7,
  log,
})
