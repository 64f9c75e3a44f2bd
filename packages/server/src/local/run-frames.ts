/**
 * How the output of a command travels from the owner to the terminal: frames of one byte for the channel, four for
 * the length (big endian), and the bytes themselves.
 */
export const channels = {
  stdout: 1,
  stderr: 2,
  /** A text for the pager; UTF-8. */
  page: 3,
  /** The last: JSON with the exit code. */
  exit: 4,
} as const

export type Channel = keyof typeof channels

export interface Frame {
  readonly channel: Channel
  readonly payload: Buffer
}

const headBytes = 5
const payloadBytesMax = 64 * 2 ** 20

export const encodeFrame = (channel: Channel, payload: Uint8Array): Buffer => {
  const head = Buffer.alloc(headBytes)
  head.writeUInt8(channels[channel])
  head.writeUInt32BE(payload.byteLength, 1)
  return Buffer.concat([head, payload])
}

const nameOf = (value: number): Channel => {
  const found = (Object.keys(channels) as Channel[]).find((name) => channels[name] === value)
  if (!found) throw new Error(`There is no channel ${value}`)
  return found
}

/** @throws when the stream holds something else. One that ends within a frame ends here without it. */
export async function* decodeFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    held = Buffer.concat([held, chunk])
    while (held.length >= headBytes) {
      const length = held.readUInt32BE(1)
      if (length > payloadBytesMax) throw new Error('The frame is too long')
      if (held.length < headBytes + length) break
      yield { channel: nameOf(held.readUInt8()), payload: held.subarray(headBytes, headBytes + length) }
      held = held.subarray(headBytes + length)
    }
  }
}
