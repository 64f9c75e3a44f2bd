import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { lineCharsMaxDefault, parseTranscript } from './parse-transcript.ts'
import type { TranscriptFile } from './transcript.ts'

/** Reads one `~/.claude/projects/<folder>/<session>.jsonl`, a piece at a time. */
export function readTranscript(
  path: string,
  { lineCharsMax = lineCharsMaxDefault } = {},
): Promise<TranscriptFile> {
  const chunks = createReadStream(path) as AsyncIterable<Uint8Array>
  return parseTranscript(splitLines(chunks, lineCharsMax), { fileName: basename(path), lineCharsMax })
}

/**
 * Lines that end with `\n` and nothing else: `node:readline` also splits at U+2028 and U+2029, which may
 * stand raw inside a JSON string, and it gathers a line without a bound. Of a line over the limit only as much
 * is kept as shows that it is too long. Invalid UTF-8 becomes U+FFFD, and a byte order mark is dropped.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  lineCharsMax: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8')
  let pending = ''
  for await (const chunk of chunks) {
    const lines = (pending + decoder.decode(chunk, { stream: true })).split('\n')
    pending = (lines.pop() ?? '').slice(0, lineCharsMax + 1)
    yield* lines
  }
  pending += decoder.decode()
  if (pending !== '') yield pending
}
