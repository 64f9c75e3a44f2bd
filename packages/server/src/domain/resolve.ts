/** From a reference, as a caller gives it, to the thing in this project. Another project's is not found. */
import { invalidInput, notFound } from './errors.ts'
import type { Anchor, Frame, Task } from './memory.ts'
import type { Stores } from './ports.ts'
import { parseRef } from './refs.ts'

const missing = (what: string, ref: string) =>
  notFound(
    `There is no ${what} ${ref.slice(0, 60)} in this project. Use a reference from get_context or search_memory.`,
  )

const lookUp = async <T>(
  ref: string,
  kind: 'frame' | 'anchor' | 'task',
  what: string,
  find: (ref: { id: string } | { refNo: number }) => Promise<T | undefined>,
): Promise<T> => {
  const parsed = parseRef(ref)
  if (parsed.kind === 'event' || (parsed.kind !== 'id' && parsed.kind !== kind))
    throw invalidInput(
      `${ref} does not name a ${what}. A ${what} looks like ${{ frame: 'F12', anchor: 'D31', task: 'T7' }[kind]}.`,
    )
  const found = await find(parsed.kind === 'id' ? { id: parsed.id } : { refNo: parsed.refNo })
  if (!found) throw missing(what, ref)
  return found
}

export const getFrame = async (stores: Stores, ref: string): Promise<Frame> =>
  lookUp(ref, 'frame', 'frame', async (parsed) => stores.frames.find(parsed))

/** @throws conflict-like invalid_input when the frame is closed. */
export const getOpenFrame = async (stores: Stores, ref: string): Promise<Frame> => {
  const frame = await getFrame(stores, ref)
  if (frame.status === 'closed')
    throw invalidInput(`F${frame.refNo} is closed. Start a new frame (start_frame) and use its reference.`)
  return frame
}

/** Locked until the end of the transaction. */
export const lockAnchor = async (stores: Stores, ref: string): Promise<Anchor> =>
  lookUp(ref, 'anchor', 'decision', async (parsed) => stores.anchors.lock(parsed))

export const getTask = async (stores: Stores, ref: string): Promise<Task> =>
  lookUp(ref, 'task', 'task', async (parsed) => stores.tasks.find(parsed))

export const lockTask = async (stores: Stores, ref: string): Promise<Task> =>
  lookUp(ref, 'task', 'task', async (parsed) => stores.tasks.lock(parsed))
