/**
 * A bare MCP 2026-07-28 client on `node:http` with connections kept alive: the official client spends more
 * on one call than the server does, which would be measured too.
 */
import { Agent, request } from 'node:http'

const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

export const createClient = (baseUrl, key) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const url = new URL('/mcp', baseUrl)
  let id = 0

  const post = (body, headers) =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        url,
        { method: 'POST', agent, headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
        (incoming) => {
          const chunks = []
          incoming.on('data', (chunk) => chunks.push(chunk))
          incoming.on('error', reject)
          incoming.on('end', () =>
            resolve({
              status: incoming.statusCode,
              headers: incoming.headers,
              text: Buffer.concat(chunks).toString('utf8'),
            }),
          )
        },
      )
      outgoing.on('error', reject)
      outgoing.end(body)
    })

  const rpc = async (method, params, name) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params: { ...params, _meta: meta } })
    const { status, headers, text } = await post(body, {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(name && { 'mcp-name': name }),
    })
    const json = headers['content-type']?.startsWith('text/event-stream')
      ? /^data: (.*)$/m.exec(text)?.[1]
      : text
    if (status !== 200)
      throw new Error(`${method} ${name ?? ''} was answered ${status}: ${text.slice(0, 300)}`)
    return { message: JSON.parse(json), bytes: text.length }
  }

  return {
    post,
    rpc,
    /** @returns the structured result. @throws when the tool reports an error */
    async call(name, args) {
      const { message, bytes } = await rpc('tools/call', { name, arguments: args }, name)
      if (message.error || message.result?.isError)
        throw new Error(`${name} failed: ${JSON.stringify(message).slice(0, 400)}`)
      return { structured: message.result.structuredContent, text: message.result.content[0].text, bytes }
    },
    close: () => agent.destroy(),
  }
}
