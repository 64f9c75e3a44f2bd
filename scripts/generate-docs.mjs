/**
 * Writes the documents that are made from the code: docs/configuration.md, .env.example, docs/tools.md,
 * docs/errors.md, docs/cli.md, docs/clients.md and the tools table of README.md. With `--check` it writes nothing and fails when one of them
 * is stale. It reads the built server, so build first; `npm run docs` and `npm run docs:check` do.
 *
 * A limit, error code or exit code without a sentence here is an error, so that none is added silently.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { renderClients } from './clients-page.mjs'

const root = new URL('../', import.meta.url)

/** What the documents are made of; `load` imports a module of packages/server/src by its name. */
export const loadSources = async (load) => {
  const [
    env,
    limits,
    errors,
    problem,
    options,
    serve,
    transport,
    tools,
    aliases,
    resources,
    prompts,
    io,
    cli,
    connectClients,
    connectEdit,
    connectOptions,
  ] = await Promise.all(
    [
      'env',
      'domain/limits',
      'domain/errors',
      'http/problem',
      'http/options',
      'http/serve',
      'mcp/transport/types',
      'mcp/tools/index',
      'mcp/tools/aliases',
      'mcp/resources',
      'mcp/prompts',
      'cli/io',
      'cli/program',
      'connect/clients',
      'connect/edit',
      'connect/options',
    ].map(load),
  )
  return {
    variables: env.describeVariables(),
    limits: limits.limits,
    edgeLimits: {
      ...options.defaultHttpLimits,
      ...serve.defaultServeLimits,
      ...transport.defaultMcpTransportLimits,
    },
    errorCodes: errors.errorCodes,
    httpStatusOf: problem.httpStatusOf,
    exitCodes: io.exitCodes,
    program: cli.createProgram({ env: {}, stdout: process.stdout, stderr: process.stderr }),
    clients: connectClients.clients,
    connect: { ...connectClients, ...connectEdit, ...connectOptions },
    tools: tools.tools,
    aliases: aliases.aliases,
    ...(await recordRegistrations(resources.registerResources, prompts.registerPrompts)),
  }
}

/** Lets the product register its resources and prompts on a server that only writes down what it is given. */
const recordRegistrations = async (registerResources, registerPrompts) => {
  const templates = []
  const prompts = []
  const handlers = new Map()
  const server = {
    registerResource: (name, template, config) =>
      void templates.push({ name, uri: template.uriTemplate.toString(), ...config }),
    registerPrompt: (name, config) => void prompts.push({ name, ...config }),
    server: { setRequestHandler: (method, handler) => void handlers.set(method, handler) },
  }
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const project = { id: 'p', organizationId: 'o', organizationSlug: '{org}', slug: '{project}' }
  const principal = { organizationId: 'o', role: 'viewer', scopes: ['memory:read'] }
  const memory = { transact: async () => [[], [], []] }
  const contexts = async () => [{ project, principal, now: new Date(0) }]
  registerResources(server, { memory, log, contexts, enter: async () => (await contexts())[0] })
  registerPrompts(server, { memory, log, context: async () => (await contexts())[0] })
  const { resources } = await handlers.get('resources/list')({}, undefined)
  return { templates, prompts, resources }
}

const limitMeanings = {
  nameChars: 'Characters of a name: frame, task title, branch, actor, tool.',
  contentChars: 'Characters of a statement, goal or task description.',
  rationaleChars: 'Characters of a rationale.',
  summaryChars: 'Characters of the summary that closes a frame.',
  listItems: 'Entries of a list of texts, such as constraints or dead ends.',
  listItemChars: 'Characters of one such entry.',
  filesPerItem: 'Paths that one memory names.',
  pathChars: 'Characters of a path.',
  queryChars: 'Characters of a question.',
  eventContentBytes: 'Bytes of an event. Longer text is cut, and the text says how much is missing.',
  eventsPerBatch: 'Events in one call.',
  frameDepth: 'Frames on one call stack.',
  openFramesPerProject: 'Open frames in a project.',
  tagsPerTask: 'Tags of a task.',
  tagChars: 'Characters of a tag.',
  dependenciesPerTask: 'Tasks that one task waits for.',
  refsPerCall: 'References in one call.',
  idempotencyKeyChars: 'Characters of an idempotency key.',
  idempotencyKeyTtlDays: 'Days for which an idempotency key is remembered.',
  receiptTtlDays: 'Days for which the receipt of a bundle is kept.',
  budgetTokensMin: 'Smallest budget of a bundle, in tokens.',
  budgetTokensDefault: 'Budget of a bundle when none is given, in tokens.',
  budgetTokensMax: 'Largest budget of a bundle, in tokens.',
  searchHitsDefault: 'Rows of a search when no number is given.',
  searchHitsMax: 'Most rows of a page of a search.',
  searchCandidates: 'Chunks that one search ranks.',
  queryLexemes: 'Lexemes of a question that take part in its score.',
  gateLexemes: 'Rarest lexemes of a question, of which a chunk must hold one to be a candidate.',
  timelineItemsMax: 'Events before and after, in a timeline.',
  activityDefault: 'Entries of `stackmemory log` when no number is given.',
  activityMax: 'Most entries of `stackmemory log`.',
  memoryTokensPerCall: 'Tokens of text that one `get_memory` answers with.',
  capturedEventsPerSession:
    'Events that hooks record of one session, or of one of its agents. What comes after is not recorded.',
  capturedIdleHours:
    'Hours without an event after which a session that hooks recorded ends, when the next one of its person begins.',
  capturedBundleTokens: 'Budget of the bundle that a hook injects after a compaction or a resume, in tokens.',
  capturedOverviewTokens:
    'Budget of the bundle that a hook injects at the start of a session, and of that with its first prompt.',
  capturedBundleBytes: 'Bytes of text that a hook injects; clients move longer text into a file.',
  hookNameChars:
    "Characters of an id, a name or a path in a hook's report. A longer path counts as absent, the rest is cut.",
  hookCommandChars: "Characters of a command in a hook's report. A longer one is cut, and says so.",
  hookTextChars: "Characters of any other text in a hook's report. A longer one is cut, and says so.",
  hookBudgetMs: 'Milliseconds after which a hook is answered, whatever happens.',
  hookReportsPerCredentialMax:
    'Reports of hooks that one credential may have under way. More are answered with nothing, and are not stored.',
  hookReportsMax: 'The same for all credentials of the process together.',
  hookBytesPerCredentialMax: 'Bytes of the reports that one credential may have under way.',
  hookBytesMax: 'The same for all credentials of the process together.',
  importsListed: 'Imports that one list shows, the newest.',
  bodyBytesMax: 'Bytes of a request body, counted while it is read.',
  jsonDepthMax: 'Levels of nesting in a JSON body.',
  headersTimeoutMs: 'Milliseconds for the headers of a request to arrive.',
  requestTimeoutMs: 'Milliseconds for a whole request to arrive. Answers may stream for longer.',
  keepAliveTimeoutMs: 'Milliseconds for which an idle connection is kept.',
  headerBytesMax: 'Bytes of all headers of a request.',
  headersMax: 'Headers of a request.',
  drainTimeoutMs: 'Milliseconds that requests in flight have during shutdown.',
  sessionsPerCredentialMax: 'Sessions (protocol 2025-11-25 and older) that one key may hold open.',
  sessionsMax: 'Sessions on one instance.',
  sessionIdleMs: 'Milliseconds after which a session without requests and streams ends.',
  resourceSubscriptionsMax: 'Resources that one session or stream may subscribe to.',
  keepAliveMs: 'Milliseconds between the comment lines that keep a stream open through proxies.',
}

const errorMeanings = {
  invalid_input: [
    'An argument, a reference, a request or the configuration is wrong.',
    'Correct what the sentence names and send it again.',
  ],
  unauthenticated: [
    'There is no credential, or it is unknown, revoked or expired.',
    'Send a whole, current key in `Authorization: Bearer <key>` or `X-API-Key: <key>`.',
  ],
  forbidden: [
    'The key or the role does not allow this, or the Host or Origin is not served.',
    'Ask the owner for a key with the scope that the sentence names, or add the host or origin to the configuration.',
  ],
  not_found: [
    'It is not in this project. What belongs to somebody else gives the same answer as what does not exist.',
    'Use a reference from an earlier answer; check the project.',
  ],
  conflict: [
    'The call contradicts what is there: an idempotency key used for another call, a data directory in use, a newer or changed schema.',
    'Follow the sentence; sending the same again gives the same answer.',
  ],
  payload_too_large: [
    'Too much was sent at once. (The MCP endpoint says this with a JSON-RPC error and the same status.)',
    'Send less at once.',
  ],
  quota_exceeded: ['Reserved. Nothing answers with it yet.', 'None needed.'],
  rate_limited: [
    'Reserved. Nothing answers with it yet; the limits on sessions use the same status.',
    'Wait as long as `Retry-After` says.',
  ],
  cancelled: [
    'The caller went away or cancelled before the call finished.',
    'Send it again when it is still wanted.',
  ],
  unavailable: [
    'The database or the server cannot answer now.',
    'Try again in a moment; at start, do what the sentence says.',
  ],
  internal: [
    'A defect of the server. It is logged once with the request id, and its text is not shown.',
    'Try again; if it stays, report the request id.',
  ],
}

const exitMeanings = {
  ok: 'It worked.',
  failure: 'It failed for a reason that has no number of its own.',
  usage: 'The command line is wrong.',
  data: 'What the command was given is wrong: a file, a folder, a project.',
  unavailable: 'The database cannot be reached, or a port or directory cannot be used.',
  conflict: 'Something else has the data directory, or the schema is newer.',
  configuration: 'The environment is wrong; every problem is listed.',
  interrupted: 'Stopped before it was finished.',
}

const meaningOf = (meanings, name, what) => {
  if (!Object.hasOwn(meanings, name))
    throw new Error(`The ${what} ${name} has no sentence in scripts/generate-docs.mjs. Add one.`)
  return meanings[name]
}

const number = new Intl.NumberFormat('en-GB')
/** Text of a table cell. What stands in backticks is left as it is, but for the bar, which ends a cell anywhere. */
const cell = (text) =>
  String(text)
    .replaceAll('|', '\\|')
    .replaceAll(/\s*\n\s*/g, ' ')
    .split('`')
    .map((part, index) => (index % 2 === 0 ? part.replaceAll('<', '&lt;') : part))
    .join('`')
const code = (text) => `\`${text}\``
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')
const generated =
  '<!-- Made by scripts/generate-docs.mjs from the code. Change the code, then run: npm run docs -->'
const page = (...parts) => `${[generated, ...parts].join('\n\n')}\n`

const renderConfiguration = ({ variables, limits, edgeLimits }) =>
  page(
    '# Configuration',
    'The server reads environment variables once, when it starts, and reports every problem at once. Each variable `NAME` can be given as `NAME_FILE` instead, the path of a file that holds the value, which is how orchestrators hand over secrets. Variables marked *secret* are never printed.',
    table(
      ['Variable', 'Default', 'Meaning'],
      variables.map(({ name, default: value, description, secret }) => [
        `${code(name)}${secret ? ' *secret*' : ''}`,
        value === '' ? '' : code(value),
        description,
      ]),
    ),
    'The server does not read `.env` files by itself. With a copy of [.env.example](../.env.example) named `.env`:',
    '```sh\nnode --env-file=.env packages/server/bin/stackmemory.js serve\n```',
    '## Limits',
    'Limits on what one call may bring or take. They are part of the program, not settings. What is over a limit is refused with a sentence that names the limit, except where the table says otherwise. Parameters and their own limits are in [tools.md](tools.md).',
    limitTable(limits),
    '## Limits of connections',
    limitTable(edgeLimits),
  )

const limitTable = (limits) =>
  table(
    ['Limit', 'Value', 'Meaning'],
    Object.entries(limits).map(([name, value]) => [
      code(name),
      number.format(value),
      meaningOf(limitMeanings, name, 'limit'),
    ]),
  )

const renderEnvExample = ({ variables }) => {
  const head = [
    '# Made by scripts/generate-docs.mjs from packages/server/src/env.ts. Every variable is optional.',
    '# NAME can be given as NAME_FILE, the path of a file that holds the value. See docs/configuration.md.',
  ]
  const parts = variables.map(({ name, default: value, description, secret }) =>
    [`# ${description}${secret ? ' Secret.' : ''}`, `#${name}=${value}`].join('\n'),
  )
  return `${[head.join('\n'), ...parts].join('\n\n')}\n`
}

const range = (low, high, unit) => {
  if (low !== undefined && high !== undefined)
    return `, ${number.format(low)} to ${number.format(high)}${unit}`
  if (high !== undefined) return `, up to ${number.format(high)}${unit}`
  return low === undefined ? '' : `, at least ${number.format(low)}${unit}`
}

const safe = (value) => (Math.abs(value) === Number.MAX_SAFE_INTEGER ? undefined : value)

/** A JSON Schema in a few words. */
const describeType = (schema) => {
  if (schema.enum) return schema.enum.map(code).join(', ')
  if (schema.anyOf) return schema.anyOf.map(describeType).join(' or ')
  if (schema.type === 'array')
    return `list of ${describeType(schema.items)}${range(schema.minItems, schema.maxItems, ' entries')}`
  if (schema.type === 'object') return 'objects, see below'
  if (schema.type === 'string' && schema.format) return schema.format
  if (schema.type === 'string') return `text${range(undefined, schema.maxLength, ' characters')}`
  return `${schema.type}${range(safe(schema.minimum), safe(schema.maximum), '')}`
}

const isShown = (value) =>
  value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)

const parameterRows = (schema, prefix = '') =>
  Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const needed = schema.required?.includes(name) && property.default === undefined
    const standard = isShown(property.default) ? ` Default ${code(JSON.stringify(property.default))}.` : ''
    const nested = property.type === 'array' && property.items.type === 'object' ? property.items : undefined
    return [
      [
        `${code(`${prefix}${name}`)}${needed ? ' *' : ''}`,
        describeType(property),
        `${property.description ?? ''}${standard}`.trim(),
      ],
      ...(nested ? parameterRows(nested, `${prefix}${name}[].`) : []),
    ]
  })

const effectOf = ({ annotations }) => {
  if (annotations.readOnlyHint) return 'reads'
  return annotations.destructiveHint ? 'writes, can hide' : 'writes'
}

const renderTool = (tool) => {
  const schema = z.toJSONSchema(tool.input, { io: 'input' })
  return [
    `### ${code(tool.name)}`,
    `${tool.title}. ${tool.description}`,
    `Effect: ${effectOf(tool)}. Scope: ${code(tool.scope)}.`,
    table(['Parameter', 'Type', 'Meaning'], parameterRows(schema)),
  ].join('\n\n')
}

const renderTools = ({ tools, aliases, templates, resources, prompts }) => {
  const listed = tools.filter((tool) => tool.visibility === 'listed')
  const hidden = tools.filter((tool) => tool.visibility === 'hidden')
  return page(
    '# Tools, resources and prompts',
    'The MCP endpoint is `/mcp`, or `/mcp/{org}/{project}` for one project only. Where the endpoint and the key leave the project open, every tool also takes `project` (as `org/name`); it may be left out when the key opens one project only. `?readonly=1` takes the right to write away and lists only tools that read. A parameter with * is needed. Parameters that are not named here are refused.',
    'References: `F12` is a frame, `F12.5` its fifth event, `D31` a decision or other statement, `T7` a task. Tools take a reference or a UUID. `idempotency_key` makes a retry safe: the same call again answers what the first one answered. It is accepted but not listed to clients.',
    '## Listed tools',
    ...listed.map(renderTool),
    '## Tools that work without being listed',
    'For hooks, importers and the connectors of ChatGPT. They are listed with `?tools=upstream` or the header `X-StackMemory-Tools: upstream`.',
    ...hidden.map(renderTool),
    '## Other names',
    'These names always work in `tools/call`, and are listed like the hidden tools. Arguments are renamed where they differ (`frameId` is `frame`, `nextSteps` is `next_steps`, and so on).',
    table(
      ['Name', 'Tool'],
      aliases.map(({ name, tool }) => [code(name), code(tool.name)]),
    ),
    '## Resources',
    table(
      ['URI', 'Title', 'What it is'],
      [...resources, ...templates].map(({ uri, title, description }) => [
        code(uri),
        title,
        description ?? '',
      ]),
    ),
    'Clients may subscribe to them, and are told when a call changed one.',
    '## Prompts',
    'Clients show them as slash commands.',
    table(
      ['Prompt', 'Arguments', 'What it does'],
      prompts.map(({ name, argsSchema, description }) => [
        code(name),
        Object.keys(argsSchema.shape).map(code).join(', '),
        description,
      ]),
    ),
  )
}

const renderErrors = ({ errorCodes, httpStatusOf }) =>
  page(
    '# Errors',
    'Every failure has a code and a sentence. The sentence is ours: text of the database, of other people or of other services never becomes an error message, because a model may obey it. A call that was refused changed nothing. After `unavailable` or `internal` a writing call may or may not have happened: send it again with the same `idempotency_key`.',
    'Over HTTP an error is a problem document (RFC 9457) with `code`, `detail` and `requestId`. A failed tool call is a result with `isError`, the sentence, the code and the request id. A failed resource or prompt request is a JSON-RPC error with the same sentence, and `code` and `requestId` in its data. The request id also stands in the header `x-request-id` and in the log.',
    table(
      ['Code', 'HTTP status', 'Meaning', 'What to do'],
      errorCodes.map((name) => [
        code(name),
        httpStatusOf(name),
        ...meaningOf(errorMeanings, name, 'error code'),
      ]),
    ),
  )

/** Every command that does something, with its whole name. */
const listCommands = (command, prefix = '') => {
  const name = `${prefix}${command.name()}`
  return command.commands.length > 0
    ? command
        .createHelp()
        .visibleCommands(command)
        .filter((each) => each.name() !== 'help')
        .flatMap((each) => listCommands(each, `${name} `))
    : [{ name, command }]
}

export const commandNames = ({ program }) => listCommands(program).map(({ name }) => name)

const renderCommand = ({ name, command }) =>
  [
    `### ${code(name)}`,
    command.description(),
    `\`\`\`\n${[name, ...command.usage().split(' ')].join(' ').trim()}\n\`\`\``,
    ...(command.registeredArguments.length + command.options.length > 0
      ? [
          table(
            ['Argument or option', 'Meaning'],
            [
              ...command.registeredArguments.map((each) => [code(each.name()), each.description]),
              ...command.options.map((each) => [
                code(each.flags),
                each.defaultValue === undefined
                  ? each.description
                  : `${each.description}. Default ${code(each.defaultValue)}.`,
              ]),
            ],
          ),
        ]
      : []),
  ].join('\n\n')

const renderCommands = ({ program, exitCodes }) =>
  page(
    '# Command line',
    'In a checkout that was built, `npx stackmemory <command>` runs a command; `--help` after any command shows examples. The environment variables of [configuration.md](configuration.md) say which memory a command works on. Results go to standard output, everything else to standard error.',
    'The embedded database belongs to one process. While a server has it open, a command that needs it says which process that is and ends with exit code 75. With `DATABASE_URL` they can run at the same time.',
    '## In a terminal and in a pipe',
    '`status`, `log`, `search`, `context`, `show` and `tasks` are for a person. On a terminal their output fits its width, has colours unless `NO_COLOR` is set, and goes through `$PAGER` (or `less -FRX`) when it is longer than the screen; `PAGER=cat` turns that off. In a pipe nothing is cut and nothing coloured. Times are local (`TZ`). What is stored is shown without control characters, terminal escapes and bidirectional marks.',
    'With `--json` they print one object. Names in it stay as they are; new ones may be added:',
    table(
      ['Command', 'Object'],
      [
        [
          '`status`',
          '`{ project, kind, location, sizeBytes, owner, versions, counts, lastActivityAt, openFrames[], readyTasks[] }`',
        ],
        [
          '`log`',
          '`{ project, entries[] }`, each `{ ref, kind, at, title, text, status, supersededBy, author, frame, frameName }`',
        ],
        [
          '`search`',
          '`{ project, hits[], matched, nextCursor }`, each hit `{ ref, kind, title, snippet, date, status, supersededBy, author, frame, frameName, files[], tokens, score }`',
        ],
        ['`context`', '`{ project, text, summary }`, the answer of the tool `get_context`'],
        ['`show`', '`{ project, items[], missing[] }`, the answer of the tool `get_memory`'],
        [
          '`tasks`',
          '`{ project, tasks[], metrics }`; `add` prints the new task, the others `{ project, tasks[] }` as they are now',
        ],
        ['`demo`', '`{ proved, proofs[], text, hits[] }`, each proof `{ claim, isProved, seen }`'],
      ],
    ),
    'Shell completion: `stackmemory completion bash`, `zsh`, `fish` or `powershell` prints a script; its help says where to put it. The script calls `stackmemory`, so that name must be on the `PATH`; in bash the package bash-completion must be there.',
    '## Commands',
    ...listCommands(program).map(renderCommand),
    '## Exit codes',
    table(
      ['Exit code', 'Meaning'],
      Object.entries(exitCodes).map(([name, value]) => [value, meaningOf(exitMeanings, name, 'exit code')]),
    ),
  )

const toolsTable = ({ tools }) =>
  table(
    ['Tool', 'Effect', 'For'],
    tools
      .filter((tool) => tool.visibility === 'listed')
      .map((tool) => [code(tool.name), effectOf(tool), tool.description]),
  )

/** @throws when the markers are not there exactly once. */
const replaceBetween = (text, name, content) => {
  const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`]
  const parts = text.split(start)
  const rest = parts[1]?.split(end)
  if (parts.length !== 2 || rest?.length !== 2)
    throw new Error(`README.md must have ${start} and ${end} once.`)
  return `${parts[0]}${start}\n${content}\n${end}${rest[1]}`
}

/** Every generated document by its path, given the present README. */
export const generateDocs = (sources, readme) => ({
  'docs/configuration.md': renderConfiguration(sources),
  '.env.example': renderEnvExample(sources),
  'docs/tools.md': renderTools(sources),
  'docs/errors.md': renderErrors(sources),
  'docs/cli.md': renderCommands(sources),
  'docs/clients.md': renderClients({ ...sources, version: sources.program.version() }, page),
  'README.md': replaceBetween(readme, 'tools', toolsTable(sources)),
})

const read = async (path) => readFile(new URL(path, root), 'utf8').catch(() => '')

const main = async (isCheck) => {
  const load = async (name) => import(new URL(`packages/server/dist/${name}.js`, root).href)
  const documents = generateDocs(await loadSources(load), await read('README.md'))
  const stale = []
  for (const [path, text] of Object.entries(documents)) if ((await read(path)) !== text) stale.push(path)
  if (!isCheck) for (const path of stale) await writeFile(new URL(path, root), documents[path])
  if (stale.length > 0) process.stdout.write(`${isCheck ? 'Stale' : 'Written'}: ${stale.join(', ')}\n`)
  if (!isCheck || stale.length === 0) return
  process.stdout.write('Run "npm run docs" and commit what it writes.\n')
  process.exitCode = 1
}

const isProgram = process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href
if (isProgram) await main(process.argv.includes('--check'))
