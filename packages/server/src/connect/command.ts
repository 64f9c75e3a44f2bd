/**
 * `connect`, for the server's program and for the bridge's: it depends on neither, and on nothing heavy, because the
 * bridge carries it in its one file.
 */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { escapeControls, print, printJson, type Io } from '../cli/io.ts'
import { clients } from './clients.ts'
import {
  carryOut,
  planConnect,
  planUndo,
  writtenBefore,
  type Connection,
  type Outcome,
  type Plan,
} from './connection.ts'
import { diffLines } from './diff.ts'
import { renderSnippet, thingsFor, wantedOf } from './edit.ts'
import { presentClients } from './list-clients.ts'
import { maskDiff, maskKey } from './mask.ts'
import { parseClient, parseName, parseScope, parseTarget, type ConnectOptions } from './options.ts'
import { herePlace } from './place.ts'
import type { Target } from './target.ts'

/** Adds the command. The version of the program is the version of the bridge that clients will start. */
export const addConnect = (program: Command, io: Io): void => {
  program
    .command('connect')
    .description(
      'Connect a client, or list the clients. Writes one entry into its configuration, and can undo it.',
    )
    .argument('[client]', clients.map((client) => client.id).join(', '))
    .option('--url <url>', 'address of a server; without it, memory on this machine')
    .option('--project <name>', 'with --url: the only project, as organization/project')
    .option('--scope <scope>', 'user, or project for the file that a repository carries', 'user')
    .option('--name <name>', 'name of the entry', 'stackmemory')
    .option('--key-env <name>', 'with --url: variable that holds the key (default: STACKMEMORY_API_KEY)')
    .option('--key-in-file', 'with --url: write the key itself, into a file that only you can read')
    .option('--data-dir <folder>', 'folder of the memory on this machine; ~/.stackmemory by default')
    .option('--latest', 'let the client start the newest version every time, not this one')
    .option(
      '--bridge <file>',
      'file to start with Node in place of the package; in a checkout, the one built there',
    )
    .option(
      '--directory <folder>',
      'where the project is, for --scope project; the present folder by default',
    )
    .option('--dry-run', 'show what would change, and change nothing')
    .option('--print', 'only print the snippet')
    .option('--undo', 'take out exactly what this command wrote')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples(program.name()))
    .action(async (client: string | undefined, options: ConnectOptions) => {
      if (client === undefined) return presentClients(io, options, program.name())
      return connect(io, client, options, program)
    })
}

const examples = (program: string) =>
  [
    '\nExamples:',
    'connect                      # which clients are there',
    'connect claude-code --dry-run',
    'connect codex --url https://memory.example.com/mcp --project acme/shop',
    'connect cursor --scope project',
    'connect claude-code --undo',
  ].join(`\n  $ ${program} `)

const connect = async (io: Io, id: string, options: ConnectOptions, program: Command) => {
  const client = parseClient(id)
  const scope = parseScope(client, options.scope)
  const place = herePlace(io.env, resolve(io.cwd, options.directory ?? '.'))
  const connection: Connection = { client, scope, name: parseName(options.name), place }
  const now = new Date()
  if (options.undo) {
    const plan = await planUndo(connection)
    if (!options.dryRun) await carryOut(connection, plan, now)
    return report(io, connection, plan, options)
  }
  const context = { env: io.env, cwd: io.cwd, version: program.version() ?? 'latest' }
  const bridge = options.bridge ?? (options.latest ? undefined : io.bridge)
  const target = parseTarget(client, scope, { ...options, bridge }, context)
  if (options.print) return presentSnippet(io, connection, target, options)
  const plan = await planConnect(connection, target, now)
  const backup = options.dryRun ? undefined : await carryOut(connection, plan, now)
  return report(io, connection, plan, options, { target, backup })
}

const snippetOf = ({ client, name, place }: Connection, target: Target) =>
  maskKey(renderSnippet(client, thingsFor(client, name, target, place.platform)), target)

const ownCommandOf = ({ client, name, scope, place }: Connection, target: Target) => {
  const command = client.ownCommand?.(name, scope, wantedOf(client, target, place.platform))
  return command === undefined ? undefined : maskKey(command, target)
}

const presentSnippet = (io: Io, connection: Connection, target: Target, options: ConnectOptions) => {
  const { client, scope, place } = connection
  const [file, snippet] = [client.file[scope]?.(place) ?? '', snippetOf(connection, target)]
  if (options.json)
    return printJson(io, {
      client: client.id,
      scope,
      file,
      snippet,
      ownCommand: ownCommandOf(connection, target),
    })
  print(io, snippet)
}

const diffOf = (connection: Connection, plan: Plan, target: Target | undefined) => {
  const { client, name, place } = connection
  const wanted = target ? thingsFor(client, name, target, place.platform).map(({ value }) => value) : []
  const diff = diffLines(plan.file.path, plan.file.text, plan.text ?? '')
  return maskDiff(maskKey(diff, target), [...wanted, ...writtenBefore(connection, plan)])
}

const sentences: Record<Outcome, [done: string, planned: string]> = {
  created: ['Connected. Made', 'Would make'],
  added: ['Connected. Changed', 'Would change'],
  replaced: ['Connected anew. Changed', 'Would change'],
  unchanged: ['Connected already. Nothing changed in', 'Connected already. Nothing would change in'],
  removed: ['Disconnected. Changed', 'Would change'],
  deleted: [
    'Disconnected. Deleted, as it was not there before:',
    'Would delete, as it was not there before:',
  ],
  nothing: ['Nothing to undo in', 'Nothing to undo in'],
}

const report = (
  io: Io,
  connection: Connection,
  plan: Plan,
  { dryRun = false, json }: ConnectOptions,
  made: { target?: Target; backup?: string } = {},
) => {
  const { client, scope, name } = connection
  const { target, backup } = made
  const diff = diffOf(connection, plan, target)
  const ownCommand = target && ownCommandOf(connection, target)
  const notes = [...plan.notes, ...(target ? keyNotes(connection, target) : [])]
  if (json)
    return printJson(io, {
      client: client.id,
      scope,
      name,
      file: plan.file.path,
      outcome: plan.outcome,
      dryRun,
      backup,
      diff,
      ownCommand,
      notes,
    })
  print(io, `${sentences[plan.outcome][dryRun ? 1 : 0]} ${plan.file.path}`)
  if (dryRun && diff !== '') print(io, `\n${escapeControls(diff)}\n`)
  if (backup !== undefined) print(io, `Backup: ${backup}`)
  for (const note of notes) print(io, note)
  if (!target || plan.outcome === 'unchanged') return
  if (!dryRun) print(io, `Next: ${client.reload}\nCheck: ${client.check}`)
  if (ownCommand !== undefined) print(io, `The client's own command for the same: ${ownCommand}`)
}

/** What a person still has to do so that the key arrives. */
const keyNotes = ({ client }: Connection, target: Target): string[] => {
  if (target.kind === 'local') return []
  if (target.key.kind === 'text') return ['The key stands in that file now, which only you can read.']
  const isAsked = client.extra?.(target.key) !== undefined
  return [
    isAsked
      ? 'The client asks for the key when it starts the server.'
      : `The key comes from the variable ${target.key.name}: set it where the client is started.`,
  ]
}
