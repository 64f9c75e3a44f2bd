/** `stackmemory status`: where the memory is, whose it is, what is in it and what is open. */
import { lstat, readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, sep } from 'node:path'
import { getOverview, type Overview } from '../domain/activity/get-overview.ts'
import { isDomainError } from '../domain/errors.ts'
import { loadEnv, type Env } from '../env.ts'
import { findOwner, type Owner } from '../postgres/embedded/directory-lock.ts'
import { schemaVersion } from '../postgres/migrate.ts'
import { version } from '../version.ts'
import { defaultProject, projectPath } from './default-project.ts'
import { print, printJson, type Io } from './io.ts'
import { withLocal, type Local } from './local.ts'
import type { PersonOptions } from './ask.ts'
import { taskLines } from './tasks.ts'
import { safeLine, wrapText } from './terminal-text.ts'
import { columns, createView, show, type View } from './view.ts'

/** What can be told without opening the database. */
interface Place {
  kind: 'embedded' | 'postgres'
  /** Data directory, or host, port and name of the database. */
  location: string
  sizeBytes: number | null
  /** The process that has the data directory open; null when nobody but this command has. */
  owner: { kind: 'server' | 'broker' | 'command'; pid: number; hostname: string; url: string | null } | null
  versions: { stackmemory: string; node: string; schema: string | null; database: string | null }
}

interface Status extends Place, Overview {
  project: string
}

/** Bytes of all files below a folder. What goes away meanwhile counts nothing. */
const sizeOf = async (folder: string): Promise<number> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) =>
        lstat(join(entry.parentPath, entry.name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Without user and password. */
const describeUrl = (url: string) => {
  const { hostname, port, pathname } = new URL(url)
  return `${hostname || 'localhost'}${port === '' ? '' : `:${port}`}${pathname}`
}

const kindOf = ({ info }: Owner) => {
  if (info['kind'] === 'broker') return 'broker'
  return info['url'] === undefined ? 'command' : 'server'
}

const placeOf = async (env: Env): Promise<Place> => {
  const versions = { stackmemory: version, node: process.versions.node, schema: null, database: null }
  if (env.DATABASE_URL !== undefined)
    return {
      kind: 'postgres',
      location: describeUrl(env.DATABASE_URL),
      sizeBytes: null,
      owner: null,
      versions,
    }
  const owner = await findOwner(env.DATA_DIR)
  return {
    kind: 'embedded',
    location: env.DATA_DIR,
    sizeBytes: await sizeOf(env.DATA_DIR),
    owner: owner
      ? { kind: kindOf(owner), pid: owner.pid, hostname: owner.hostname, url: owner.info['url'] ?? null }
      : null,
    versions,
  }
}

const ask = async (io: Io, local: Local, place: Place, name: string | undefined): Promise<Status> => {
  const project = await defaultProject(local, io, name)
  const overview = await getOverview(local.context(project), local.memory)
  const { pool } = local.database
  const { rows } = await pool.query<{ version: string; bytes: number }>(
    `select current_setting('server_version') as version, pg_database_size(current_database())::float8 as bytes`,
  )
  return {
    project: projectPath(project),
    ...place,
    sizeBytes: place.sizeBytes ?? rows[0]?.bytes ?? null,
    versions: {
      ...place.versions,
      schema: await schemaVersion(pool),
      database: rows[0]?.version.split(' ')[0] ?? null,
    },
    ...overview,
  }
}

const formatBytes = (bytes: number) => {
  const megabytes = bytes / 2 ** 20
  if (megabytes < 1) return `${Math.ceil(bytes / 1_024)} kB`
  return megabytes < 1_024 ? `${Math.round(megabytes)} MB` : `${(megabytes / 1_024).toFixed(1)} GB`
}

/** `~` for the folder of the person, as they would write it. */
const shortPath = (path: string, io: Io) => {
  const home = io.env['HOME'] ?? homedir()
  return home !== '' && path.startsWith(`${home}${sep}`) ? `~${path.slice(home.length)}` : path
}

const describeOwner = ({ kind, owner }: Place) => {
  if (kind === 'postgres') return 'a PostgreSQL server, which many programs can share'
  if (!owner) return 'nobody; a command or client opens it when it is needed'
  const who = `process ${owner.pid} on ${owner.hostname}`
  if (owner.kind === 'broker')
    return `a broker for clients of this machine (${who}), which ends with the last of them`
  return owner.kind === 'server' ? `the server at ${owner.url ?? ''} (${who})` : `another command (${who})`
}

const factIndent = 13

const fact = (view: View, name: string, text: string): string[] => {
  const [first = '', ...more] = wrapText(safeLine(text), view.width - factIndent)
  return [
    `${view.style.bold(name.padEnd(factIndent))}${first}`,
    ...more.map((line) => `${' '.repeat(factIndent)}${line}`),
  ]
}

const placeLines = (view: View, io: Io, place: Place): string[] => {
  const { stackmemory, node, schema, database } = place.versions
  const size = place.sizeBytes === null ? '' : `, ${formatBytes(place.sizeBytes)}`
  return [
    ...fact(
      view,
      'Data',
      `${place.kind === 'embedded' ? shortPath(place.location, io) : place.location}${size}`,
    ),
    ...fact(view, 'Open in', describeOwner(place)),
    ...fact(
      view,
      'Versions',
      [
        `stackmemory ${stackmemory}`,
        ...(schema === null ? [] : [`schema ${schema}`]),
        ...(database === null
          ? []
          : [`PostgreSQL ${database}${place.kind === 'embedded' ? ' (embedded)' : ''}`]),
        `Node.js ${node}`,
      ].join(', '),
    ),
  ]
}

const many = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`

const overviewLines = (
  view: View,
  { counts, lastActivityAt, openFrames, readyTasks }: Overview,
): string[] => {
  const superseded = counts.statementsSuperseded > 0 ? ` (${counts.statementsSuperseded} superseded)` : ''
  return [
    ...fact(
      view,
      'Memory',
      [
        `${many(counts.frames, 'frame')} (${counts.openFrames} open)`,
        many(counts.events, 'event'),
        `${many(counts.statementsInForce, 'statement')} in force${superseded}`,
        `${many(counts.tasks, 'task')} (${counts.readyTasks} ready)`,
      ].join(', '),
    ),
    ...fact(
      view,
      'Last active',
      lastActivityAt === null ? 'never' : `${view.time(lastActivityAt)} (${view.age(lastActivityAt)})`,
    ),
    ...(openFrames.length > 0
      ? [
          '',
          view.style.bold('Open frames'),
          ...columns(
            view,
            [
              { title: 'Ref', paint: view.style.yellow },
              { title: 'Name', isFlexible: true },
              { title: 'Who' },
              { title: 'Opened' },
              { title: 'Last active', paint: view.style.dim },
            ],
            openFrames.map((frame) => [
              frame.ref,
              frame.name,
              `${frame.author} via ${frame.client}`,
              view.age(frame.startedAt),
              view.age(frame.lastActivityAt),
            ]),
          ),
        ]
      : []),
    ...(readyTasks.length > 0 ? ['', view.style.bold('Ready tasks'), ...taskLines(view, readyTasks)] : []),
    ...(lastActivityAt === null
      ? [
          '',
          ...wrapText(
            'Nothing is recorded yet. Connect an agent, or bring memory in with "stackmemory import".',
            view.width,
          ),
        ]
      : []),
  ]
}

export const status = async (io: Io, options: PersonOptions): Promise<void> => {
  const place = await placeOf(loadEnv(io.env))
  const now = new Date()
  const view = createView(io, now)
  try {
    const found = await withLocal(io, { purpose: 'to look at it', mustExist: true }, async (local) =>
      ask(io, local, place, options.project),
    )
    if (options.json) return printJson(io, found)
    await show(io, [
      ...fact(view, 'Project', found.project),
      ...placeLines(view, io, found),
      ...overviewLines(view, found),
    ])
  } catch (error) {
    // Somebody else has it open: what can be seen from outside is said, and then by whom.
    if (isDomainError(error) && error.code === 'conflict' && !options.json)
      print(io, placeLines(view, io, place).join('\n'))
    throw error
  }
}
