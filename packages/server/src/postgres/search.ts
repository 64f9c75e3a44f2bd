import type { Candidate, CandidateQuery, SearchStore, StatementInForce } from '../domain/ports.ts'
import { insertFromJson, selectList, toJsonRows } from './columns.ts'
import type { Transaction } from './database.ts'
import { sql } from './statement.ts'

/** What the ranking reads; six hundred rows of it for each question, so nothing that it does not read. */
const candidateFields = [
  'itemId',
  'itemKind',
  'ord',
  'frameId',
  'seq',
  'kind',
  'role',
  'actor',
  'files',
  'len',
  'tokens',
  'startOffset',
  'endOffset',
  'instruction',
  'occurredAt',
] as const
const fields = [...candidateFields, 'version', 'authorId', 'createdAt', 'branch', 'tsv', 'statement'] as const
const columns = selectList(candidateFields)
const visible = (asOf: string) =>
  `case when ${asOf}::timestamptz is null then retired_at is null
        else created_at <= ${asOf} and (retired_at is null or retired_at > ${asOf}) end`

const insert = sql<never, readonly [string, string]>(
  'search.insert',
  insertFromJson('search_entries', fields),
)
const retire = sql<never, readonly [string, string, Date]>(
  'search.retire',
  `update search_entries set retired_at = $3 where project_id = $1 and item_id = $2 and retired_at is null`,
)
const remove = sql<never, readonly [string, readonly string[]]>(
  'search.remove',
  `delete from search_entries where project_id = $1 and item_id = any ($2::uuid[])`,
)
const removeFrame = sql<never, readonly [string, string]>(
  'search.remove-frame',
  `delete from search_entries where project_id = $1 and frame_id = $2 and item_kind in ('event', 'frame', 'digest')`,
)
const markStatement = sql<never, readonly [string, string, string | null]>(
  'search.mark-statement',
  `update search_entries set statement = $3::tsvector
   where project_id = $1 and item_id = $2 and ord = 0 and statement is distinct from $3::tsvector`,
)
const statements = sql<StatementInForce, readonly [string, string, readonly string[], number]>(
  'search.statements',
  `select a.id, a.ref_no as "refNo", a.content from search_statements($1, $2::tsquery, $3, $4) found
   join anchors a on a.project_id = $1 and a.id = found.item_id and a.status = 'active' and a.deleted_at is null`,
)
const size = sql<{ entries: number; averageLength: number }, readonly [string, Date | null]>(
  'search.size',
  `select entries::int as entries, average_length as "averageLength" from search_size($1, $2)`,
)
const documentFrequencies = sql<
  { lexeme: string; df: number },
  readonly [string, readonly string[], Date | null]
>('search.document-frequencies', `select lexeme, df::int as df from search_statistics($1, $2, $3)`)
type Row = Omit<Candidate, 'tf'> & { matched: string }
const candidatesFrom = (source: string) =>
  `select ${columns}, matched from ${source}($1, $2::tsquery, $3::tsquery[], $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
const candidates = sql<Row, readonly unknown[]>('search.candidates', candidatesFrom('search_candidates'))
const anchorCandidates = sql<Row, readonly unknown[]>(
  'search.anchor-candidates',
  candidatesFrom('search_anchor_candidates'),
)
const instructions = sql<Candidate, readonly [string, number, Date | null]>(
  'search.instructions',
  `select ${columns}, '{}'::smallint[] as tf from search_entries
   where project_id = $1 and instruction and ord = 0 and ${visible('$3')}
   order by occurred_at desc, item_id limit $2`,
)
const neighbours = sql<Candidate, readonly [string, readonly string[], readonly number[], Date | null]>(
  'search.neighbours',
  `select ${selectList(candidateFields, 'e')}, '{}'::smallint[] as tf
   from unnest($2::uuid[], $3::int[]) as place (frame_id, seq)
   join search_entries e on e.project_id = $1 and e.frame_id = place.frame_id and e.seq = place.seq and e.ord = 0
   where ${visible('$4').replaceAll('retired_at', 'e.retired_at').replaceAll('created_at', 'e.created_at')}`,
)

const quoteLexeme = (lexeme: string) => `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

/** Lexemes and positions in the output of `tsvector`: quotes and backslashes in a lexeme are doubled. */
const lexemeInOutput = /'((?:[^'\\]|''|\\\\)*)':([\dA-D,]+)/g
const termFrequencies = (matched: string, lexemes: readonly string[]): number[] => {
  const found = new Map<string, number>()
  for (const [, quoted = '', positions = ''] of matched.matchAll(lexemeInOutput)) {
    const lexeme = /['\\]/.test(quoted) ? quoted.replaceAll("''", "'").replaceAll('\\\\', '\\') : quoted
    found.set(lexeme, positions.split(',').length)
  }
  return lexemes.map((lexeme) => found.get(lexeme) ?? 0)
}

/** Only statements are asked for: they have an index of their own. */
const isForAnchors = ({ itemKinds }: CandidateQuery) => itemKinds?.length === 1 && itemKinds[0] === 'anchor'

export const createSearchStore = (tx: Transaction, projectId: string): SearchStore => ({
  insertMany: async (entries) => {
    if (entries.length) await tx.run(insert, [projectId, toJsonRows(fields, entries)])
  },
  retire: async (itemId, at) => void (await tx.run(retire, [projectId, itemId, at])),
  remove: async (itemIds) => {
    if (itemIds.length) await tx.run(remove, [projectId, itemIds])
  },
  removeFrame: async (frameId) => void (await tx.run(removeFrame, [projectId, frameId])),
  size: async (asOf) => (await tx.run(size, [projectId, asOf]))[0] ?? { entries: 0, averageLength: 0 },
  async documentFrequencies(lexemes, asOf) {
    if (!lexemes.length) return new Map()
    const rows = await tx.run(documentFrequencies, [projectId, lexemes, asOf])
    return new Map(rows.map((row) => [row.lexeme, row.df]))
  },
  async candidates(query) {
    const rows = await tx.run(isForAnchors(query) ? anchorCandidates : candidates, [
      projectId,
      query.gate,
      query.lexemes.map(quoteLexeme),
      query.weights,
      query.lexemes,
      query.asOf,
      query.itemKinds?.length ? query.itemKinds : null,
      query.kinds?.length ? query.kinds : null,
      query.files?.length ? query.files : null,
      query.branch ?? null,
      query.authorId ?? null,
      query.since ?? null,
      query.until ?? null,
      query.limit,
    ])
    return rows.map(({ matched, ...row }) => ({ ...row, tf: termFrequencies(matched, query.lexemes) }))
  },
  markStatement: async (itemId, statement) =>
    void (await tx.run(markStatement, [projectId, itemId, statement])),
  statements: async ({ gate, lexemes, limit }) => tx.run(statements, [projectId, gate, lexemes, limit]),
  instructions: async (limit, asOf) => tx.run(instructions, [projectId, limit, asOf]),
  neighbours: async (places, asOf) =>
    places.length
      ? tx.run(neighbours, [
          projectId,
          places.map((place) => place.frameId),
          places.map((place) => place.seq),
          asOf,
        ])
      : [],
})
