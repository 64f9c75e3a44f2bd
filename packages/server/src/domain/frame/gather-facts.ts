import type { Frame } from '../memory.ts'
import type { Stores } from '../ports.ts'
import type { DigestFacts } from './build-digest.ts'

/** What happened in a frame and below it, counted. */
export const gatherFacts = async (
  stores: Stores,
  frame: Frame,
): Promise<Pick<DigestFacts, 'anchors' | 'events' | 'below'>> => {
  const subtree = await stores.frames.subtree(frame.id)
  const ids = subtree.map((each) => each.id)
  const [events, anchors] = await Promise.all([
    stores.events.summarise(ids),
    stores.anchors.listByFrames(ids),
  ])
  return { events, anchors, below: subtree.filter((each) => each.parentId === frame.id) }
}
