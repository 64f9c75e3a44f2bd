import { createHash } from 'node:crypto'
import { z } from 'zod'
import { invalidInput } from '../errors.ts'

/** Where a listing goes on: the offset, the moment all its pages are taken at, and what was asked. */
export interface Cursor {
  offset: number
  asOf: Date
}

const shape = z.strictObject({
  o: z.int().min(0).max(100_000),
  t: z.int().min(0).max(8.64e15),
  q: z.string().max(64),
})

export const fingerprint = (input: unknown) =>
  createHash('sha256').update(JSON.stringify(input)).digest('base64url').slice(0, 16)

/** Ties place and moment to the question, so that a changed cursor is noticed; it guards nothing secret. */
const seal = (offset: number, atMs: number, question: string) => fingerprint([question, offset, atMs])

export const formatCursor = ({ offset, asOf }: Cursor, question: string) => {
  const atMs = asOf.getTime()
  return Buffer.from(JSON.stringify({ o: offset, t: atMs, q: seal(offset, atMs, question) })).toString(
    'base64url',
  )
}

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
  if (parsed.q !== seal(parsed.o, parsed.t, question)) throw bad
  return { offset: parsed.o, asOf: new Date(parsed.t) }
}
