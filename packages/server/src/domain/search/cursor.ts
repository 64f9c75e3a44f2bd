import { createHash } from 'node:crypto'
import { z } from 'zod'
import { invalidInput } from '../errors.ts'

/** Where a listing goes on: the offset, the moment all its pages are taken at, and what was asked. */
export interface Cursor {
  offset: number
  asOf: Date
}

const shape = z.strictObject({ o: z.int().min(0).max(100_000), t: z.int().min(0), q: z.string().max(64) })

export const fingerprint = (input: unknown) =>
  createHash('sha256').update(JSON.stringify(input)).digest('base64url').slice(0, 16)

export const formatCursor = (cursor: Cursor, question: string) =>
  Buffer.from(JSON.stringify({ o: cursor.offset, t: cursor.asOf.getTime(), q: question })).toString(
    'base64url',
  )

/** @throws invalid_input when it is not a cursor of this very question. */
export const parseCursor = (text: string, question: string): Cursor => {
  const bad = invalidInput(
    'The cursor is not valid for this question. Leave it out to start from the beginning.',
  )
  let parsed: z.infer<typeof shape>
  try {
    parsed = shape.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch {
    throw bad
  }
  if (parsed.q !== question || parsed.t > 8.64e15) throw bad
  return { offset: parsed.o, asOf: new Date(parsed.t) }
}
