/** The yardstick: an HTTP server that answers a POST with as many bytes as asked for, and nothing else. */
import { createServer } from 'node:http'

const answer = JSON.stringify({ text: 'x'.repeat(Number(process.argv[2])) })
const server = createServer((incoming, outgoing) => {
  const chunks = []
  incoming.on('data', (chunk) => chunks.push(chunk))
  incoming.on('end', () => {
    JSON.parse(Buffer.concat(chunks).toString('utf8'))
    outgoing
      .writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
      .end(answer)
  })
}).listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`))
