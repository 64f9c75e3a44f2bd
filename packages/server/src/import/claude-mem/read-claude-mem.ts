/**
 * The database of claude-mem: a session becomes a frame with its prompts and observations as events and its summaries
 * as digest; an observation that is a decision becomes a statement too. One database holds the sessions of many
 * projects, so the one to import is chosen. Columns differ between its versions: what is there is read.
 */
import { type EventInput } from '../../domain/event/record-events.ts'
import { invalidInput } from '../../domain/errors.ts'
import type { ImportedSession } from '../../domain/ingest/import-session.ts'
import type { ImportedUnit } from '../../domain/ingest/import-statements.ts'
import { limits } from '../../domain/limits.ts'
import { titleOf } from '../../domain/text.ts'
import { addProblem, count, parseTime, type ImportedPart, type SourceReport } from '../source.ts'
import {
  listOf,
  numberOf,
  readSqlite,
  textOf,
  type SqliteRow,
  type SqliteTables,
} from '../sqlite/open-copy.ts'

export interface ClaudeMemOptions {
  /** Name of the project in claude-mem; needed when the database holds several. */
  sourceProject?: string
  /** Import those of every project. */
  allProjects?: boolean
}

interface Table {
  name: 'observations' | 'session_summaries' | 'user_prompts'
  columns: ReadonlySet<string>
  /** Column with the id of the session, under its names in several versions. */
  session: string | undefined
}

const firstOf = (columns: ReadonlySet<string>, names: readonly string[]) =>
  names.find((name) => columns.has(name))
const sessionColumns = ['content_session_id', 'claude_session_id', 'memory_session_id', 'sdk_session_id']
/** Ids of the memory agent; newer versions write them anew, so those of the client come first where they are. */
const agentColumns = ['memory_session_id', 'sdk_session_id']

const projectColumn = (columns: ReadonlySet<string>) => {
  if (!columns.has('project')) return undefined
  return columns.has('merged_into_project') ? `coalesce(nullif(merged_into_project, ''), project)` : 'project'
}

/** From every id of a session to the one it is known by. */
const readSessionIds = (tables: SqliteTables): Map<string, SqliteRow & { key: string }> => {
  const columns = tables.columns('sdk_sessions')
  const known = new Map<string, SqliteRow & { key: string }>()
  const ids = sessionColumns.filter((name) => columns.has(name))
  if (ids.length === 0) return known
  for (const row of tables.all('select * from sdk_sessions')) {
    const key = ids.map((name) => textOf(row[name])).find(Boolean)
    if (key === undefined) continue
    for (const name of ids) if (textOf(row[name])) known.set(textOf(row[name]), { ...row, key })
  }
  return known
}

const openTable = (tables: SqliteTables, name: Table['name']): Table => {
  const columns = tables.columns(name)
  const preferred = name === 'user_prompts' ? sessionColumns : [...agentColumns, ...sessionColumns]
  return { name, columns, session: firstOf(columns, preferred) }
}

const listProjects = (tables: SqliteTables, sources: readonly Table[]): Map<string, number> => {
  const found = new Map<string, number>()
  for (const { name, columns } of sources) {
    const column = projectColumn(columns)
    if (!column) continue
    for (const row of tables.all(`select ${column} as project, count(*) as number from ${name} group by 1`))
      found.set(
        textOf(row['project']),
        (found.get(textOf(row['project'])) ?? 0) + (numberOf(row['number']) ?? 0),
      )
  }
  return found
}

const chooseProject = (projects: ReadonlyMap<string, number>, options: ClaudeMemOptions) => {
  if (options.allProjects) return undefined
  const names = [...projects.keys()].filter(Boolean).toSorted()
  const shown = names.slice(0, 20).join(', ')
  const { sourceProject } = options
  if (sourceProject !== undefined) {
    if (projects.has(sourceProject)) return sourceProject
    throw invalidInput(`claude-mem has no project of that name. It has: ${shown || 'none'}.`)
  }
  if (names.length <= 1) return undefined
  throw invalidInput(
    `The database holds ${names.length} projects, and memories of one do not belong into another. ` +
      `Say which with --source-project, or --all-projects. There are: ${shown}.`,
  )
}

interface Session {
  key: string
  row: SqliteRow | undefined
  rows: { table: Table['name']; row: SqliteRow; at: Date }[]
}

const timeOf = (row: SqliteRow) => parseTime(row['created_at_epoch']) ?? parseTime(row['created_at'])

const readSessions = async (
  tables: SqliteTables,
  sources: readonly Table[],
  project: string | undefined,
  report: SourceReport,
): Promise<Session[]> => {
  const ids = readSessionIds(tables)
  const sessions = new Map<string, Session>()
  for (const { name, columns, session: sessionColumn } of sources) {
    if (!sessionColumn) continue
    const column = projectColumn(columns)
    const where = project === undefined || !column ? '' : `where ${column} = ?`
    const values = where ? [project ?? ''] : []
    const damaged = () => addProblem(report, name, 'a part of the table is damaged')
    for await (const row of tables.pages(
      `select * from ${name} ${where} order by id limit ? offset ?`,
      values,
      damaged,
    )) {
      const id = textOf(row[sessionColumn])
      const session = ids.get(id)
      if (project !== undefined && !column && textOf(session?.['project']) !== project) continue
      const key = session?.key ?? (textOf(row['content_session_id']) || id)
      const at = timeOf(row) ?? (session && timeOf(session))
      if (!key || !at) {
        addProblem(report, `${name} ${String(row['id'])}`, 'has no session or no time')
        continue
      }
      count(report.read, name.replace('_', ' '))
      const found = sessions.get(key) ?? { key, row: session, rows: [] }
      sessions.set(key, found)
      found.rows.push({ table: name, row, at })
    }
  }
  for (const session of sessions.values())
    session.rows.sort((a, b) => a.at.getTime() - b.at.getTime() || order[a.table] - order[b.table])
  return [...sessions.values()].toSorted((a, b) => timeOfFirst(a) - timeOfFirst(b))
}

const order = { user_prompts: 0, observations: 1, session_summaries: 2 }
const timeOfFirst = (session: Session) => session.rows[0]?.at.getTime() ?? 0

/** Of one row; another database has another time for the same number. */
const keyOf = (what: string, row: SqliteRow, at: Date) =>
  `claude-mem:${what}:${String(row['id'])}:${at.getTime()}`

const observationText = (row: SqliteRow) => {
  const concepts = listOf(row['concepts'])
  return [
    [textOf(row['title']), textOf(row['subtitle'])].filter(Boolean).join(': '),
    textOf(row['narrative']) || textOf(row['text']),
    ...listOf(row['facts']).map((fact) => `- ${fact}`),
    concepts.length > 0 ? `(${concepts.join(', ')})` : '',
  ]
    .filter(Boolean)
    .join('\n')
}

const filesOf = (row: SqliteRow) =>
  [...new Set([...listOf(row['files_modified']), ...listOf(row['files_read'])])]
    .filter((path) => path.length <= limits.pathChars)
    .slice(0, limits.filesPerItem)

const toEvent = ({ table, row, at }: Session['rows'][number]): EventInput[] => {
  if (table === 'session_summaries') return []
  const isPrompt = table === 'user_prompts'
  const content = isPrompt ? textOf(row['prompt_text']) : observationText(row)
  if (content.trim() === '') return []
  return [
    {
      kind: isPrompt ? 'message' : 'observation',
      role: isPrompt ? 'user' : 'assistant',
      actor: '',
      tool: titleOf(textOf(row['tool_name']), limits.nameChars),
      content,
      files: isPrompt ? [] : filesOf(row),
      is_error: false,
      occurred_at: at.toISOString(),
      key: keyOf(isPrompt ? 'prompt' : 'observation', row, at),
    },
  ]
}

const toDecision = ({ table, row, at }: Session['rows'][number], key: string): ImportedUnit[] => {
  const title = textOf(row['title'])
  if (table !== 'observations' || textOf(row['type']) !== 'decision' || title === '') return []
  const subtitle = textOf(row['subtitle'])
  return [
    {
      unit: keyOf('decision', row, at),
      isSingle: true,
      statements: [
        {
          type: 'decision',
          content: subtitle ? `${title}\n${subtitle}` : title,
          rationale: [
            textOf(row['narrative']) || textOf(row['text']),
            ...listOf(row['facts']).map((fact) => `- ${fact}`),
          ]
            .filter(Boolean)
            .join('\n'),
          files: filesOf(row),
          occurredAt: at,
          place: { place: `observation ${String(row['id'])}`, heading: `session ${key}` },
        },
      ],
    },
  ]
}

const parts = [
  ['request', 'Asked'],
  ['investigated', 'Looked at'],
  ['learned', 'Learned'],
  ['completed', 'Done'],
  ['next_steps', 'Next'],
  ['notes', 'Notes'],
] as const

const summaryOf = (rows: Session['rows']) =>
  rows
    .filter(({ table }) => table === 'session_summaries')
    .map(({ row }) =>
      parts
        .flatMap(([column, title]) =>
          textOf(row[column]).trim() ? [`${title}: ${textOf(row[column]).trim()}`] : [],
        )
        .join('\n'),
    )
    .filter(Boolean)
    .join('\n\n')
    .slice(0, limits.summaryChars)

const toSession = ({ key, row, rows }: Session): ImportedSession => {
  const first = rows.find(({ table }) => table === 'user_prompts')?.row
  const last = rows.findLast(({ table }) => table === 'session_summaries')?.row
  const request = textOf(last?.['request']) || textOf(first?.['prompt_text']) || textOf(row?.['user_prompt'])
  const startedAt = rows[0]?.at ?? new Date(0)
  return {
    externalKey: `claude-mem:session:${key.slice(0, 150)}`,
    name: titleOf(request, limits.nameChars) || 'Session of claude-mem',
    type: 'session',
    goal: titleOf(textOf(first?.['prompt_text']) || request, limits.nameChars),
    branch: null,
    files: [...new Set(rows.flatMap((each) => (each.table === 'observations' ? filesOf(each.row) : [])))],
    startedAt,
    endedAt: rows.at(-1)?.at ?? startedAt,
    outcome: last || textOf(row?.['status']) === 'completed' ? 'done' : 'abandoned',
    summary: summaryOf(rows),
    subagents: [],
    events: rows.flatMap(toEvent),
    statements: rows.flatMap((each) => toDecision(each, key)),
  }
}

const legacyTables = [
  'memories',
  'overviews',
  'sessions',
  'diagnostics',
  'transcript_events',
  'pending_messages',
]

async function* readTables(tables: SqliteTables, report: SourceReport, options: ClaudeMemOptions) {
  const sources = (['user_prompts', 'observations', 'session_summaries'] as const).map((name) =>
    openTable(tables, name),
  )
  if (sources.every(({ columns }) => columns.size === 0))
    throw invalidInput(
      'The database has none of the tables of claude-mem. Name ~/.claude-mem or its claude-mem.db.',
    )
  const project = chooseProject(listProjects(tables, sources), options)
  for (const name of legacyTables)
    if (tables.columns(name).size > 0) {
      const [row] = tables.all(`select count(*) as number from ${name}`)
      count(report.skipped, `rows of ${name.replace('_', ' ')}`, numberOf(row?.['number']) ?? 0)
    }
  for (const session of await readSessions(tables, sources, project, report)) {
    count(report.read, 'sessions')
    yield { kind: 'session', session: toSession(session) } satisfies ImportedPart
  }
}

export const readClaudeMem = (path: string, report: SourceReport, options: ClaudeMemOptions) =>
  readSqlite<ImportedPart>(path, (tables) => readTables(tables, report, options))
