/*
 * Writes the session in README.md between its markers, from what the program really answers:
 *
 *   node scripts/readme-session.mjs           runs the session and writes it
 *   node scripts/readme-session.mjs --check   runs it and fails when README.md says something else
 *
 * A scratch memory gets the two transcripts of packages/server/test/fixtures/transcripts; the official MCP client
 * then asks the server. Only what differs between two runs is made the same: ids, times, name, port, duration.
 * Needs a build (`npm run build`).
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const readme = path('../README.md')
const markers = ['<!-- session:start -->', '<!-- session:end -->']
const program = path('../packages/server/bin/stackmemory.js')
const transcripts = path('../packages/server/test/fixtures/transcripts')
const startTimeoutMs = 60_000

const questions = [
  {
    why: 'A new session, days later. The agent starts work on the same files and asks what is known:',
    tool: 'get_context',
    arguments: {
      query: 'customers land on the wrong page after signing in',
      files: ['src/auth/login.ts'],
      budget_tokens: 700,
    },
  },
  {
    why: 'Later it wants to know one thing:',
    tool: 'search_memory',
    arguments: { query: 'why is checking for a leading // not enough', limit: 3 },
  },
]

const start = (args, env) => {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'])
    child[name].setEncoding('utf8').on('data', (text) => (output[name] += text))
  return { child, output, ended: once(child, 'close') }
}

const runToEnd = async (args, env) => {
  const { output, ended } = start(args, env)
  const [code] = await ended
  if (code !== 0) throw new Error(`stackmemory ${args.join(' ')} ended with ${code}:\n${output.stderr}`)
  return output
}

const startServer = async (env) => {
  const { child, output, ended } = start(['serve'], { ...env, PORT: '0' })
  const deadline = Date.now() + startTimeoutMs
  while (!output.stdout.includes('Press Ctrl+C')) {
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`The server did not start:\n${output.stderr}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    url: /MCP endpoint {2}(\S+)/.exec(output.stdout)[1],
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

const ask = async (url, key) => {
  const client = new Client({ name: 'readme', version: '1.0.0' })
  const headers = { authorization: `Bearer ${key}` }
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }))
  try {
    const answers = []
    for (const { tool, arguments: args } of questions) {
      const { content, isError } = await client.callTool({ name: tool, arguments: args })
      const text = content.map((part) => part.text ?? '').join('\n')
      if (isError) throw new Error(`${tool} failed: ${text}`)
      answers.push(text)
    }
    return answers
  } finally {
    await client.close()
  }
}

const normalise = (text) =>
  text
    .replaceAll(
      /\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g,
      '0199f0c2-5d1e-7a55-9b1c-3f0e5d2a4c61',
    )
    .replaceAll(`, ${userInfo().username} via`, ', ana via')
    .replaceAll(new Date().toISOString().slice(0, 10), '2026-03-12')
    .replaceAll(/in \d+\.\d s\b/g, 'in 0.2 s')
    .replaceAll(/cursor "[^"]+"/g, 'cursor "eyJvIjozfQ"')
    .trimEnd()

const render = (imported, answers) =>
  [
    '```console',
    '$ stackmemory import claude-code ~/.claude/projects/harbor-shop',
    normalise(imported),
    '$ stackmemory serve',
    '```',
    ...questions.flatMap(({ why, tool, arguments: args }, index) => [
      '',
      why,
      '',
      '```text',
      `${tool}(${JSON.stringify(args)})`,
      '',
      normalise(answers[index]),
      '```',
    ]),
  ].join('\n')

const session = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'readme-session-'))
  const env = { DATA_DIR: join(folder, 'memory'), LOG_LEVEL: 'error' }
  try {
    const imported = await runToEnd(['import', 'claude-code', transcripts], env)
    const made = await runToEnd(['keys', 'create', '--name', 'readme', '--json'], env)
    const { key } = JSON.parse(made.stdout)
    const server = await startServer(env)
    try {
      return render(imported.stdout, await ask(server.url, key))
    } finally {
      await server.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const replaceBetween = (text, replacement) => {
  const [from, to] = markers.map((marker) => text.indexOf(marker))
  if (from < 0 || to < from) throw new Error(`README.md needs the lines ${markers.join(' and ')}.`)
  return `${text.slice(0, from + markers[0].length)}\n${replacement}\n${text.slice(to)}`
}

if (process.argv.includes('--print')) {
  process.stdout.write(`${await session()}\n`)
} else {
  const before = await readFile(readme, 'utf8')
  const after = replaceBetween(before, await session())
  if (!process.argv.includes('--check')) await writeFile(readme, after)
  else if (after !== before) {
    process.stderr.write('The session in README.md is stale. Run: node scripts/readme-session.mjs\n')
    process.exitCode = 1
  }
}
