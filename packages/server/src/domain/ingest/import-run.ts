/**
 * Every import is a run with an id. What it adds and changes carries the id (through `Context.importId`), and
 * `undo-import.ts` takes it back by that id.
 */
import { createCleaner } from '../clean.ts'
import type { Context } from '../context.ts'
import { notFound } from '../errors.ts'
import { limits } from '../limits.ts'
import type { ImportRun } from '../memory.ts'
import { authorize } from '../policy.ts'
import type { Memory } from '../ports.ts'
import { isUuid } from '../refs.ts'
import { titleOf } from '../text.ts'

/** Opens a run. Its context is the one for everything that belongs to it. */
export const beginImport = async (
  ctx: Context,
  memory: Memory,
  { source, label }: Pick<ImportRun, 'source' | 'label'>,
): Promise<Context & { importId: string }> => {
  authorize(ctx, 'memory:write')
  const id = ctx.newId()
  const { cleanLine } = createCleaner()
  await memory.transact(ctx, async (stores) =>
    stores.imports.insert({
      id,
      source,
      label: titleOf(cleanLine(label), limits.nameChars),
      status: 'running',
      report: {},
      authorId: ctx.principal.userId,
      authorName: ctx.principal.userName,
      clientName: ctx.principal.client.name,
      createdAt: ctx.now,
      finishedAt: null,
      undoneAt: null,
    }),
  )
  return { ...ctx, importId: id }
}

/** Closes a run with what it did, counted. */
export const finishImport = async (
  ctx: Context & { importId: string },
  memory: Memory,
  { status, report, at }: { status: 'finished' | 'stopped'; report: Record<string, number>; at: Date },
): Promise<void> =>
  memory.transact(ctx, async (stores) =>
    stores.imports.update({ id: ctx.importId, status, report, finishedAt: at, undoneAt: null }),
  )

/** Newest first, at most `limits.importsListed`. */
export const listImports = async (ctx: Context, memory: Memory): Promise<ImportRun[]> => {
  authorize(ctx, 'memory:read')
  return memory.transact(ctx, async (stores) => stores.imports.list(limits.importsListed))
}

/** @throws not_found, also for the id of an import into another project. */
export const getImport = async (ctx: Context, memory: Memory, id: string): Promise<ImportRun> => {
  authorize(ctx, 'memory:read')
  const run = isUuid(id) ? await memory.transact(ctx, async (stores) => stores.imports.find(id)) : undefined
  if (run) return run
  throw notFound('There is no import with this id in this project. "stackmemory import list" shows them.')
}
