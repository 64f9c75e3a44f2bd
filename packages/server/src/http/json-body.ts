/**
 * Reads a JSON request body once, with every limit enforced while reading: the size is counted on the wire and
 * not believed from `Content-Length`, the bytes must be valid UTF-8 (RFC 8259 §8.1), and the nesting depth is
 * counted before parsing so that no later recursion can be driven deep.
 */
export interface JsonBodyLimits {
  readonly bodyBytesMax: number
  readonly jsonDepthMax: number
}

export type JsonBodyFailure = 'media_type' | 'too_large' | 'unreadable' | 'utf8' | 'depth' | 'syntax'
export type JsonBody = { ok: true; value: unknown; bytes: number } | { ok: false; failure: JsonBodyFailure }

export async function readJsonBody(request: Request, limits: JsonBodyLimits): Promise<JsonBody> {
  if (!isJsonMediaType(request.headers.get('content-type'))) return { ok: false, failure: 'media_type' }
  if (Number(request.headers.get('content-length') ?? 0) > limits.bodyBytesMax) {
    return { ok: false, failure: 'too_large' }
  }
  const bytes = await readBytes(request.body, limits.bodyBytesMax)
  if (typeof bytes === 'string') return { ok: false, failure: bytes }
  const text = decodeUtf8(bytes)
  if (text === undefined) return { ok: false, failure: 'utf8' }
  if (isDeeperThan(text, limits.jsonDepthMax)) return { ok: false, failure: 'depth' }
  try {
    return { ok: true, value: JSON.parse(text) as unknown, bytes: bytes.byteLength }
  } catch {
    return { ok: false, failure: 'syntax' }
  }
}

function isJsonMediaType(header: string | null): boolean {
  return header?.split(';', 1)[0]?.trim().toLowerCase() === 'application/json'
}

async function readBytes(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
): Promise<Uint8Array | 'too_large' | 'unreadable'> {
  if (body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = body.getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.byteLength
      if (size > bytesMax) {
        await reader.cancel()
        return 'too_large'
      }
      chunks.push(next.value)
    }
  } catch {
    return 'unreadable'
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size)
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Counts open brackets outside strings. Malformed text is left for the parser to refuse. */
function isDeeperThan(text: string, depthMax: number): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === 0x5c) i++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > depthMax) return true
    } else if (code === 0x7d || code === 0x5d) depth--
  }
  return false
}
