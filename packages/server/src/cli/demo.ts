/**
 * `stackmemory demo`: remembers a small story in a scratch project, shows what the next agent gets, proves it, and
 * removes the project again. Where there is no memory yet, it uses one in a temporary folder, so that none is left.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { v7 as uuidv7 } from 'uuid'
import { getContext, getContextInput } from '../domain/bundle/get-context.ts'
import type { Context } from '../domain/context.ts'
import type { Memory } from '../domain/ports.ts'
import { createScratchProject, removeScratchProject } from '../domain/scratch-project.ts'
import { searchMemory, searchMemoryInput } from '../domain/search/search-memory.ts'
import { loadEnv } from '../env.ts'
import { markdownLines } from './context.ts'
import { proveRecall, type Answers, type Proof } from './demo-proof.ts'
import { budgetTokens, lookUp, question, questionFiles, seedStory, type Story } from './demo-story.ts'
import { CommandFailure, exitCodes, printJson, type Io } from './io.ts'
import { withLocal, type Local } from './local.ts'
import { safeLine, wrapText } from './terminal-text.ts'
import { createView, show, type View } from './view.ts'

export interface DemoOptions {
  json?: boolean
}

/** What the demo asks; a test answers wrongly to see a proof fail. */
export type AskStory = (ctx: Context, memory: Memory) => Promise<Answers>

interface Told extends Answers {
  story: Story
  proofs: Proof[]
}

const hitsShown = 3
/** A scratch project that is older was left by a demo that was killed. */
const leftoverMs = 10 * 60_000
const removalTimeoutMs = 60_000

const askStory: AskStory = async (ctx, memory) => ({
  bundle: await getContext(
    ctx,
    memory,
    getContextInput.parse({ query: question, files: questionFiles, budget_tokens: budgetTokens }),
  ),
  whereSessions: await searchMemory(
    ctx,
    memory,
    searchMemoryInput.parse({ query: 'where do sessions live' }),
  ),
  found: await searchMemory(ctx, memory, searchMemoryInput.parse({ query: lookUp, limit: hitsShown })),
})

const removeLeftovers = async (local: Local, now: Date) => {
  const before = new Date(now.getTime() - leftoverMs)
  const left = await local.accounts.listScratchProjects(local.principal.organizationId, before, local.signal)
  for (const project of left) await removeScratchProject(local.context(project), local.accounts)
}

/** Whatever happens in between, the project is removed, with a signal of its own. */
const inScratchProject = async <T>(
  local: Local,
  signal: AbortSignal,
  work: (ctx: Context) => Promise<T>,
): Promise<{ result: T; isRemoved: boolean }> => {
  const { accounts, principal } = local
  const project = await createScratchProject({ accounts, principal, signal }, { id: uuidv7(), name: 'Demo' })
  const ctx = { ...local.context(project), signal }
  const remove = async () =>
    removeScratchProject({ ...ctx, signal: AbortSignal.timeout(removalTimeoutMs) }, accounts)
  let result: T
  try {
    result = await work(ctx)
  } catch (error) {
    await remove()
    throw error
  }
  await remove()
  const left = await accounts.findProject({ id: project.id }, AbortSignal.timeout(removalTimeoutMs))
  return { result, isRemoved: left === undefined }
}

const tell = async (local: Local, signal: AbortSignal, ask: AskStory): Promise<Told> => {
  await removeLeftovers(local, new Date())
  local.progress.step('Remembering a small story')
  const { result, isRemoved } = await inScratchProject(local, signal, async (ctx) => {
    const story = await seedStory(ctx, local.memory)
    local.progress.step('Asking what the next agent would be told')
    const answers = await ask(
      { ...ctx, principal: { ...ctx.principal, client: { name: 'cursor', version: '' } } },
      local.memory,
    )
    return { story, answers }
  })
  const { story, answers } = result
  const removal: Proof = {
    claim: 'The scratch project is gone, and all that it remembered',
    isProved: isRemoved,
    seen: isRemoved ? 'removed' : 'it is still there',
  }
  return { ...answers, story, proofs: [...proveRecall(answers, story), removal] }
}

/** A memory in a temporary folder where there is none: the demo begins nothing that stays. */
const withPlace = async <T>(io: Io, work: (io: Io) => Promise<T>): Promise<T> => {
  const env = loadEnv(io.env)
  if (env.DATABASE_URL !== undefined || existsSync(join(env.DATA_DIR, 'pg'))) return work(io)
  const folder = await mkdtemp(join(tmpdir(), 'stackmemory-demo-'))
  try {
    return await work({ ...io, env: { ...io.env, DATA_DIR: folder } })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export const demo = async (io: Io, options: DemoOptions, ask: AskStory = askStory): Promise<void> => {
  const stop = new AbortController()
  void io.stopped.then((signal) => stop.abort(signal))
  const told = await withPlace(io, async (placed) =>
    withLocal(placed, { purpose: 'to show the demo', stopsItself: true }, async (local) =>
      tell(local, stop.signal, ask),
    ),
  ).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error
    throw new CommandFailure(exitCodes.interrupted, 'Stopped. The scratch project is removed.', {
      cause: error,
    })
  })
  const isProved = told.proofs.every((proof) => proof.isProved)
  if (options.json)
    printJson(io, { proved: isProved, proofs: told.proofs, text: told.bundle.text, hits: told.found.hits })
  else await show(io, render(createView(io, new Date()), told, isProved))
  if (!isProved) io.setExitCode(exitCodes.failure)
}

const widthMax = 100

const indented = (view: View, text: string, columns: number): string[] =>
  wrapText(text, Math.min(view.width, widthMax) - columns).map((line) => ' '.repeat(columns) + line)

const renderStory = (view: View, { story }: Told): string[] =>
  story.chapters.flatMap(({ agent, at, lines }) => [
    '',
    view.style.bold(`${view.age(at)}, ${agent}`),
    ...lines.flatMap((line) => indented(view, `- ${line}`, 2)),
  ])

const renderAnswers = (view: View, { bundle, found }: Told): string[] => {
  const narrow = { ...view, width: Math.min(view.width, widthMax) - 4 }
  return [
    '',
    view.style.bold('today, a third agent asks before it starts'),
    '',
    ...indented(
      view,
      `get_context "${question}" for ${questionFiles.join(', ')} in ${budgetTokens} tokens`,
      2,
    ),
    '',
    ...markdownLines(narrow, bundle.text).map((line) => `    ${line}`),
    '',
    `  search_memory "${lookUp}"`,
    '',
    ...found.hits.flatMap((hit) =>
      indented(view, `- ${hit.ref} ${hit.kind}, ${safeLine(hit.author)}: ${safeLine(hit.snippet)}`, 4),
    ),
  ]
}

const renderProof = (view: View, { claim, isProved, seen }: Proof): string[] => {
  const [first = '', ...more] = indented(view, `${claim}: ${seen}`, 8)
  const mark = isProved ? view.style.green('ok') : view.style.red('FAIL')
  return [`  ${mark}${first.slice(isProved ? 4 : 6)}`, ...more]
}

const render = (view: View, told: Told, isProved: boolean): string[] => [
  ...indented(
    view,
    'A shop, two agents, and a third one who must know what they settled. Nothing of yours is touched.',
    0,
  ),
  ...renderStory(view, told),
  ...renderAnswers(view, told),
  '',
  view.style.bold(isProved ? 'Proved' : 'Not proved'),
  ...told.proofs.flatMap((proof) => renderProof(view, proof)),
  '',
  isProved
    ? 'Start with "stackmemory serve", and connect your agents.'
    : 'Please report this, with what stands above and "stackmemory doctor".',
]
