import type { Context } from '../context.ts'
import { invalidInput } from '../errors.ts'
import type { Stores } from '../ports.ts'
import { formatAnchorRef, formatEventRef, formatFrameRef, formatTaskRef, parseRef } from '../refs.ts'
import { rebuildDigests } from '../frame/rebuild-digests.ts'
import { reviseAnchor } from './record-anchor.ts'

const forgetAnchor = async (ctx: Context, stores: Stores, ref: { id: string } | { refNo: number }) => {
  const anchor = await stores.anchors.lock(ref)
  if (!anchor) return undefined
  await reviseAnchor(ctx, stores, anchor, {
    status: 'retracted',
    statusReason: 'forgotten',
    deletedAt: ctx.now,
  })
  await stores.search.remove([anchor.id])
  if (anchor.frameId) await rebuildDigests(stores, anchor.frameId, formatAnchorRef(anchor.refNo))
  return formatAnchorRef(anchor.refNo)
}

const forgetTask = async (ctx: Context, stores: Stores, ref: { id: string } | { refNo: number }) => {
  const task = await stores.tasks.lock(ref)
  if (!task) return undefined
  await stores.tasks.update({ ...task, version: task.version + 1, updatedAt: ctx.now, deletedAt: ctx.now })
  await stores.search.remove([task.id])
  return formatTaskRef(task.refNo)
}

const forgetEvent = async (
  ctx: Context,
  stores: Stores,
  ref: { id: string } | { frameRefNo: number; seq: number },
) => {
  const event = await stores.events.find(ref)
  if (!event) return undefined
  const [frame] = await stores.frames.findMany([event.frameId])
  await stores.events.forget(event.id, ctx.now)
  await stores.search.remove([event.id])
  await rebuildDigests(stores, event.frameId)
  return formatEventRef(frame?.refNo ?? 0, event.seq)
}

const forgetFrame = async (ctx: Context, stores: Stores, ref: { id: string } | { refNo: number }) => {
  const frame = await stores.frames.find(ref)
  if (!frame) return undefined
  if (frame.status === 'open')
    throw invalidInput(
      `${formatFrameRef(frame.refNo)} is open. Close it with close_frame before it is forgotten.`,
    )
  await stores.search.removeFrame(frame.id)
  await stores.digests.forget(frame.id, ctx.now)
  await stores.frames.forget(frame.id, ctx.now)
  await rebuildDigests(stores, frame.id)
  return formatFrameRef(frame.refNo)
}

/** Hides one item from every answer, earlier bundles included. Returns its reference, or undefined when it is not there. */
export const forgetItem = async (ctx: Context, stores: Stores, id: string): Promise<string | undefined> => {
  const ref = parseRef(id)
  switch (ref.kind) {
    case 'anchor':
      return forgetAnchor(ctx, stores, { refNo: ref.refNo })
    case 'task':
      return forgetTask(ctx, stores, { refNo: ref.refNo })
    case 'frame':
      return forgetFrame(ctx, stores, { refNo: ref.refNo })
    case 'event':
      return forgetEvent(ctx, stores, ref)
    case 'id':
      return (
        (await forgetAnchor(ctx, stores, ref)) ??
        (await forgetTask(ctx, stores, ref)) ??
        (await forgetEvent(ctx, stores, ref)) ??
        (await forgetFrame(ctx, stores, ref))
      )
  }
}
