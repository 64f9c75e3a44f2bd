/** What commands for people have in common: a project, one question to the memory, and options as a person types them. */
import { z } from 'zod'
import type { Context } from '../domain/context.ts'
import type { Memory } from '../domain/ports.ts'
import { defaultProject, projectPath } from './default-project.ts'
import { printJson, usageError, type Io } from './io.ts'
import { withLocal, type Local } from './local.ts'
import { createView, show, type View } from './view.ts'

export interface PersonOptions {
  project?: string
  json?: boolean
}

export interface Question<Answer> {
  /** For the sentence about a directory in use: "to search". */
  purpose: string
  /** Writes something, so a memory is begun where there is none. */
  isWrite?: boolean
  ask: (ctx: Context, memory: Memory, local: Local) => Promise<Answer>
  /** Lines for a person. */
  render: (view: View, answer: Answer, project: string) => string[]
  /** Instead of `render` when there is nothing to show: what to do next. */
  empty?: (answer: Answer) => string | undefined
}

/**
 * Asks, and shows the answer when the database is closed again: a pager may be open for hours.
 * With `--json` the answer itself is printed, with the project it is about.
 */
export const answer = async <Answer extends object>(
  io: Io,
  options: PersonOptions,
  { purpose, isWrite = false, ask, render, empty }: Question<Answer>,
): Promise<void> => {
  const { project, now, found } = await withLocal(io, { purpose, mustExist: !isWrite }, async (local) => {
    const chosen = await defaultProject(local, io, options.project)
    const ctx = local.context(chosen)
    return { project: projectPath(chosen), now: ctx.now, found: await ask(ctx, local.memory, local) }
  })
  if (options.json) return printJson(io, { project, ...found })
  const nothing = empty?.(found)
  if (nothing !== undefined) return void io.stderr.write(`${nothing}\n`)
  await show(io, render(createView(io, now), found, project))
}

/** @throws CommandFailure with a sentence that names what is wrong. */
export const parseInput = <Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> => {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const name = String(issue?.path[0] ?? 'input').replaceAll('_', '-')
  throw usageError(`${name}: ${issue?.message ?? 'is not right'}.`)
}
