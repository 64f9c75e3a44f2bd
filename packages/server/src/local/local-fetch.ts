/**
 * `fetch` over a unix socket or a named pipe, which the built-in one cannot open. Answers stream as they come, and
 * the signal ends them.
 *
 * Every request has a connection of its own: on this machine it costs a tenth of a millisecond, and a request whose
 * connection was refused has certainly not been received, so it may be sent again.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'

/** Stands for the owner in URLs; nothing resolves it. */
export const localOrigin = 'http://stackmemory'

export type LocalFetch = (input: string | URL, init?: RequestInit) => Promise<Response>

/**
 * @param address path of the socket or name of the pipe
 * @returns a fetch that takes a path, or a URL of which only path and query count. It throws a `TypeError` with the
 *   system's error as its cause when the connection fails, as the built-in one does.
 */
export const createLocalFetch =
  (address: string): LocalFetch =>
  async (input, init = {}) => {
    const url = new URL(input, localOrigin)
    const request = new Request(new URL(url.pathname + url.search, localOrigin), init)
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer())
    const answer = await send(address, request, body)
    return toResponse(answer, request.method)
  }

const send = (address: string, request: Request, body: Buffer | undefined): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const { signal, method } = request
    if (signal.aborted) return reject(reasonOf(signal))
    const { pathname, search } = new URL(request.url)
    const headers: Record<string, string> = Object.fromEntries(request.headers)
    headers['connection'] = 'close'
    if (body !== undefined) headers['content-length'] = String(body.byteLength)
    const outgoing = httpRequest({
      socketPath: address,
      path: pathname + search,
      method,
      headers,
      agent: false,
    })
    let answer: IncomingMessage | undefined
    const abort = () => {
      answer?.destroy(reasonOf(signal))
      outgoing.destroy(reasonOf(signal))
    }
    signal.addEventListener('abort', abort, { once: true })
    outgoing.once('close', () => signal.removeEventListener('abort', abort))
    // After the answer began, whoever reads the body is told there, and this rejects nothing.
    outgoing.on('error', (error) =>
      reject(signal.aborted ? reasonOf(signal) : new TypeError('fetch failed', { cause: error })),
    )
    outgoing.once('response', (incoming) => {
      answer = incoming
      incoming.on('error', () => undefined)
      resolve(incoming)
    })
    outgoing.end(body)
  })

const reasonOf = (signal: AbortSignal): Error =>
  signal.reason instanceof Error
    ? signal.reason
    : new DOMException('This operation was aborted', 'AbortError')

/** Statuses that have no body (Fetch Standard, "null body status"). */
const withoutBody = new Set([101, 204, 205, 304])

const toResponse = (answer: IncomingMessage, method: string): Response => {
  const status = answer.statusCode ?? 500
  const headers = new Headers()
  for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2)
    headers.append(answer.rawHeaders[at] ?? '', answer.rawHeaders[at + 1] ?? '')
  if (method === 'HEAD' || withoutBody.has(status)) {
    answer.resume()
    return new Response(null, { status, headers })
  }
  const body = Readable.toWeb(answer) as ReadableStream<Uint8Array>
  return new Response(body, { status, headers })
}
