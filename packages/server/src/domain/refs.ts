import { invalidInput } from './errors.ts'

/**
 * Short references, as models read them: F12 frame, D31 anchor, T7 task, F12.5 the fifth event of F12.
 * One counter per project, so a number names one thing only. Tools take either form, ref or UUID.
 */
export type Ref =
  | { kind: 'frame' | 'anchor' | 'task'; refNo: number }
  | { kind: 'event'; frameRefNo: number; seq: number }
  | { kind: 'id'; id: string }

const letters = { F: 'frame', D: 'anchor', T: 'task' } as const
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const refPattern = /^([FDT])-?([1-9][0-9]{0,8})$/
const eventPattern = /^F-?([1-9][0-9]{0,8})[.#]([1-9][0-9]{0,8})$/

export const formatFrameRef = (refNo: number) => `F${refNo}`
export const formatAnchorRef = (refNo: number) => `D${refNo}`
export const formatTaskRef = (refNo: number) => `T${refNo}`
export const formatEventRef = (frameRefNo: number, seq: number) => `F${frameRefNo}.${seq}`

export const isUuid = (text: string) => uuidPattern.test(text)

/** @throws invalid_input when the text is neither a short reference nor a UUID. */
export const parseRef = (text: string): Ref => {
  const trimmed = text.trim()
  const upper = trimmed.toUpperCase()
  const short = refPattern.exec(upper)
  if (short) return { kind: letters[short[1] as keyof typeof letters], refNo: Number(short[2]) }
  const event = eventPattern.exec(upper)
  if (event) return { kind: 'event', frameRefNo: Number(event[1]), seq: Number(event[2]) }
  const lower = trimmed.toLowerCase()
  if (isUuid(lower)) return { kind: 'id', id: lower }
  throw invalidInput(
    'A reference looks like F12 (frame), F12.5 (event), D31 (decision, constraint, …) or T7 (task), or is a UUID. Use one that an earlier answer showed.',
  )
}
