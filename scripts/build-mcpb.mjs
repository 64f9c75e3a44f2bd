/**
 * Packs the bridge and the server into `dist/stackmemory-<version>.mcpb`, which desktop clients
 * install with a click, and writes `packages/bridge/server.json` for the MCP registry. On demand, after
 * `npm run build`: the packing tool is fetched with npx at the version below.
 *
 * Checked here: that the packed program starts and lists its tools; the manifest, by the tool's own validator; with
 * `--schema <file>`, server.json against a copy of the registry's JSON schema.
 */
import { execFileSync, spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { mcpbManifest, serverJson } from './bridge-manifests.mjs'

const mcpbTool = '@anthropic-ai/mcpb@2.1.2'
/** A first start of local memory makes its database. */
const firstAnswerMsMax = 60_000

const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))
const say = (line) => process.stdout.write(`${line}\n`)

const bridge = join(root, 'packages/bridge')
const server = join(root, 'packages/server')
const pkg = readJson(join(bridge, 'package.json'))

writeServerJson()
const stage = mkdtempSync(join(tmpdir(), 'stackmemory-mcpb-'))
try {
  stageProgram()
  pack(await tryProgram())
} finally {
  rmSync(stage, { recursive: true, force: true })
}

function writeServerJson() {
  const description = serverJson(pkg)
  writeFileSync(join(bridge, 'server.json'), `${JSON.stringify(description, null, 2)}\n`)
  const schema = process.argv[process.argv.indexOf('--schema') + 1]
  if (!process.argv.includes('--schema')) {
    return say('server.json: written; not checked against the schema, as --schema names none.')
  }
  const { Ajv } = require('ajv')
  const ajv = new Ajv({ strict: false, validateFormats: false })
  if (!ajv.validate(readJson(schema), description)) throw new Error(ajv.errorsText())
  say('server.json: written, valid.')
}

/** The bridge, and beside it the server with all that it needs, as npm would install them. */
function stageProgram() {
  mkdirSync(join(stage, 'server'))
  cpSync(join(bridge, 'dist/mcp-server.js'), join(stage, 'server/mcp-server.js'))
  // The bundled code uses the syntax of modules; the name of the file does not say so.
  writeFileSync(join(stage, 'server/package.json'), `${JSON.stringify({ type: 'module' })}\n`)
  cpSync(join(root, 'LICENSE'), join(stage, 'LICENSE'))
  const own = join(stage, 'server/node_modules/@stackmemoryai/server')
  for (const part of ['bin', 'dist', 'migrations', 'package.json'])
    cpSync(join(server, part), join(own, part), { recursive: true, filter: isNeeded })
  for (const from of dependenciesOf(server)) {
    const to = join(stage, 'server', relative(root, from))
    const isOwnFile = (path) => !relative(from, path).split(sep).includes('node_modules') && isNeeded(path)
    cpSync(from, to, { recursive: true, filter: isOwnFile })
  }
}

/** Folders of all packages that a package needs, its dependencies' dependencies included. */
function dependenciesOf(folder, found = new Set()) {
  const { dependencies = {} } = readJson(join(folder, 'package.json'))
  for (const name of Object.keys(dependencies)) {
    const installed = findInstalled(name, folder)
    if (found.has(installed)) continue
    found.add(installed)
    dependenciesOf(installed, found)
  }
  return found
}

function findInstalled(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(candidate)) return candidate
    if (dirname(folder) === folder) throw new Error(`${name} is not installed.`)
  }
}

/** What no program loads: types, maps, sources, and the vocabularies of other models. */
function isNeeded(path) {
  if (/\.(?:d\.[cm]?ts|map|tsbuildinfo|md)$/.test(path)) return false
  if (/[/\\]gpt-tokenizer[/\\](?:src|data|esm)(?:[/\\]|$)/.test(path)) return false
  if (/[/\\]gpt-tokenizer[/\\]cjs[/\\](?:bpeRanks|fixtures)[/\\](?!o200k_base)/.test(path)) return false
  return !/[/\\]zod[/\\]src(?:[/\\]|$)/.test(path)
}

/** Starts what was staged as a client would, on an empty folder. Returns the tools that it lists. */
async function tryProgram() {
  const dataDir = join(stage, '.try')
  const { PATH, TMPDIR } = process.env
  const env = { PATH, TMPDIR, DATA_DIR: dataDir, STACKMEMORY_BROKER_LINGER_MS: '200' }
  const child = spawn(process.execPath, [join(stage, 'server/mcp-server.js')], {
    cwd: stage,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const timer = setTimeout(() => child.kill(), firstAnswerMsMax)
  const ask = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const clientInfo = { name: 'build-mcpb', version: pkg.version }
  ask({
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo },
  })
  let tools
  for await (const line of createInterface(child.stdout)) {
    const { id, error, result } = JSON.parse(line)
    if (error) throw new Error(error.message)
    if (id === 0) {
      ask({ method: 'notifications/initialized' })
      ask({ id: 1, method: 'tools/list' })
    }
    if (id !== 1) continue
    tools = result.tools
    child.stdin.end()
  }
  clearTimeout(timer)
  // The owner of the memory ends a moment after its last client.
  while (existsSync(join(dataDir, 'lock'))) await new Promise((resolve) => setTimeout(resolve, 100))
  rmSync(dataDir, { recursive: true, force: true })
  if (!tools) throw new Error('The packed program gave no answer; its messages stand above.')
  say(`The packed program starts and lists ${tools.length} tools.`)
  return tools
}

function pack(tools) {
  writeFileSync(join(stage, 'manifest.json'), `${JSON.stringify(mcpbManifest(pkg, tools), null, 2)}\n`)
  const file = join(root, 'dist', `stackmemory-${pkg.version}.mcpb`)
  mkdirSync(join(root, 'dist'), { recursive: true })
  execFileSync('npx', ['--yes', mcpbTool, 'validate', join(stage, 'manifest.json')], { stdio: 'inherit' })
  execFileSync('npx', ['--yes', mcpbTool, 'pack', stage, file], { stdio: ['ignore', 'ignore', 'inherit'] })
  say(`${relative(root, file)}: ${(statSync(file).size / 1e6).toFixed(1)} MB`)
}
