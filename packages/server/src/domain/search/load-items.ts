/** The memories behind rows of the index, in one shape, with what an answer must show of each. */
import { anchorText, frameText, taskText } from '../index-memory.ts'
import type { ItemKind, Provenance } from '../memory.ts'
import type { Stores } from '../ports.ts'
import { showPlaces } from '../provenance.ts'
import { formatAnchorRef, formatEventRef, formatFrameRef, formatTaskRef } from '../refs.ts'
import { measureText } from '../retrieval/measure-text.ts'
import { titleOf } from '../text.ts'

export interface FoundItem extends Provenance {
  id: string
  itemKind: ItemKind
  ref: string
  kind: string
  title: string
  text: string
  tokens: number
  status: string
  supersededBy: string | undefined
  supersededByRef: string | undefined
  frame: { id: string; ref: string; name: string } | undefined
  seq: number | undefined
  role: string | undefined
  actor: string
  files: string[]
  priority: number | undefined
  pinned: boolean
  isError: boolean
  /** Where the source of an import said it. */
  places: string[]
  occurredAt: Date
}

/** A row of the index knows its frame, which is then read together with the item. */
type Wanted = { itemId: string; itemKind: ItemKind; frameId?: string | null }

const provenance = ({ authorId, authorName, clientName, source }: Provenance): Provenance => ({
  authorId,
  authorName,
  clientName,
  source,
})

const plain = {
  supersededBy: undefined,
  supersededByRef: undefined,
  seq: undefined,
  role: undefined,
  actor: '',
  priority: undefined,
  pinned: false,
  isError: false,
  places: [],
}

export const loadItems = async (
  stores: Stores,
  wanted: readonly Wanted[],
  asOf: Date | null,
): Promise<Map<string, FoundItem>> => {
  const ids = (kind: ItemKind) => [
    ...new Set(wanted.filter((each) => each.itemKind === kind).map((each) => each.itemId)),
  ]
  const likelyFrames = [...new Set(wanted.flatMap(({ frameId }) => frameId ?? []))]
  const [events, anchors, digests, tasks, ownFrames, framesAround] = await Promise.all([
    stores.events.findMany(ids('event')),
    stores.anchors.findMany(ids('anchor'), asOf),
    stores.digests.findMany(ids('digest')),
    stores.tasks.findMany(ids('task')),
    stores.frames.findMany(ids('frame'), asOf),
    stores.frames.findMany(likelyFrames),
  ])
  const successorIds = anchors.flatMap((anchor) => anchor.supersededBy ?? [])
  const frameIds = [...events, ...anchors, ...digests, ...tasks].flatMap((each) => each.frameId ?? [])
  const asked = new Set(likelyFrames)
  const [moreFrames, successors] = await Promise.all([
    stores.frames.findMany([...new Set(frameIds)].filter((id) => !asked.has(id))),
    stores.anchors.findMany([...new Set(successorIds)], asOf),
  ])
  const frameById = new Map(
    [...framesAround, ...moreFrames, ...ownFrames].map((frame) => [
      frame.id,
      { id: frame.id, ref: formatFrameRef(frame.refNo), name: frame.name, refNo: frame.refNo },
    ]),
  )
  const refById = new Map(successors.map((anchor) => [anchor.id, formatAnchorRef(anchor.refNo)]))
  const found: FoundItem[] = [
    ...events.flatMap((event): FoundItem[] => {
      const frame = frameById.get(event.frameId)
      if (!frame) return [] // its frame was forgotten
      return [
        {
          ...plain,
          ...provenance(event),
          id: event.id,
          itemKind: 'event',
          ref: formatEventRef(frame.refNo, event.seq),
          kind: event.kind,
          title: titleOf(event.content),
          text: event.content,
          tokens: 0,
          status: 'recorded',
          frame,
          seq: event.seq,
          role: event.role,
          actor: event.actor,
          files: event.files,
          isError: event.isError,
          occurredAt: event.occurredAt,
        },
      ]
    }),
    ...anchors.map((anchor): FoundItem => ({
      ...plain,
      ...provenance(anchor),
      id: anchor.id,
      itemKind: 'anchor',
      ref: formatAnchorRef(anchor.refNo),
      kind: anchor.type,
      title: titleOf(anchor.content),
      text: anchorText(anchor),
      tokens: measureText(anchorText(anchor)).tokens,
      status: anchor.status,
      supersededBy: anchor.supersededBy ?? undefined,
      supersededByRef: refById.get(anchor.supersededBy ?? ''),
      frame: frameById.get(anchor.frameId ?? ''),
      files: anchor.files,
      priority: anchor.priority,
      pinned: anchor.pinned,
      places: showPlaces(anchor.places),
      occurredAt: anchor.occurredAt,
    })),
    ...digests.flatMap((digest): FoundItem[] => {
      const frame = frameById.get(digest.frameId)
      if (!frame) return []
      return [
        {
          ...plain,
          ...provenance(digest),
          id: digest.id,
          itemKind: 'digest',
          ref: frame.ref,
          kind: 'digest',
          title: `Digest: ${frame.name}`,
          text: digest.text,
          tokens: 0,
          status: digest.outcome,
          frame,
          files: digest.body.files,
          occurredAt: digest.occurredAt,
        },
      ]
    }),
    ...tasks.map((task): FoundItem => ({
      ...plain,
      ...provenance(task),
      id: task.id,
      itemKind: 'task',
      ref: formatTaskRef(task.refNo),
      kind: 'task',
      title: titleOf(task.title),
      text: taskText(task),
      tokens: 0,
      status: task.status,
      frame: frameById.get(task.frameId ?? ''),
      files: [],
      occurredAt: task.createdAt,
    })),
    ...ownFrames.map((frame): FoundItem => ({
      ...plain,
      ...provenance(frame),
      id: frame.id,
      itemKind: 'frame',
      ref: formatFrameRef(frame.refNo),
      kind: 'frame',
      title: frame.name,
      text: frameText(frame),
      tokens: 0,
      status: frame.outcome ?? frame.status,
      frame: frameById.get(frame.id),
      files: frame.files,
      occurredAt: frame.startedAt,
    })),
  ]
  return new Map(found.map((item) => [item.id, item]))
}
