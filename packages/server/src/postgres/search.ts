import type { Candidate, CandidateQuery, SearchStore, StatementInForce } from '../domain/ports.ts'
import { insertFromJson, snake, toJsonRows } from './columns.ts'
import { createCommonLexemes } from './common-lexemes.ts'
import type { Transaction } from './database.ts'
import { sql } from './statement.ts'

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

/**
 * What the ranking reads of an entry, as one JSON array: a question brings hundreds of rows, and parsing sixteen
 * columns of each took longer than ranking them.
 */
const packed = (alias: string, matched = 'null') =>
  `json_build_array(${candidateFields
    .map((field) =>
      field === 'occurredAt' ? `extract(epoch from ${alias}.occurred_at) * 1000` : `${alias}.${snake(field)}`,
    )
    .join(', ')}, ${matched}) as entry`

type Packed = [
  itemId: string,
  itemKind: Candidate['itemKind'],
  ord: number,
  frameId: string | null,
  seq: number | null,
  kind: string,
  role: string | null,
  actor: string,
  files: string[],
  len: number,
  tokens: number,
  startOffset: number,
  endOffset: number,
  instruction: boolean,
  occurredAtMs: number,
  matched: string | null,
]
interface Row {
  entry: Packed
}

const unpack = ({ entry }: Row, lexemes: readonly string[] = []): Candidate => ({
  itemId: entry[0],
  itemKind: entry[1],
  ord: entry[2],
  frameId: entry[3],
  seq: entry[4],
  kind: entry[5],
  role: entry[6],
  actor: entry[7],
  files: entry[8],
  len: entry[9],
  tokens: entry[10],
  startOffset: entry[11],
  endOffset: entry[12],
  instruction: entry[13],
  occurredAt: new Date(entry[14]),
  tf: termFrequencies(entry[15] ?? '', lexemes),
})
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
const candidatesFrom = (source: string) =>
  `select ${packed('c', 'c.matched')}
   from ${source}($1, $2::tsquery, $3::tsquery[], $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) c`
const candidates = sql<Row, readonly unknown[]>('search.candidates', candidatesFrom('search_candidates'))
const anchorCandidates = sql<Row, readonly unknown[]>(
  'search.anchor-candidates',
  candidatesFrom('search_anchor_candidates'),
)
const instructions = sql<Row, readonly [string, number, Date | null]>(
  'search.instructions',
  `select ${packed('e')} from search_entries e
   where project_id = $1 and instruction and ord = 0 and ${visible('$3')}
   order by occurred_at desc, item_id limit $2`,
)
const neighbours = sql<Row, readonly [string, readonly string[], readonly number[], Date | null]>(
  'search.neighbours',
  `select ${packed('e')}
   from unnest($2::uuid[], $3::int[]) as place (frame_id, seq)
   join search_entries e on e.project_id = $1 and e.frame_id = place.frame_id and e.seq = place.seq and e.ord = 0
   where ${visible('$4').replaceAll('retired_at', 'e.retired_at').replaceAll('created_at', 'e.created_at')}`,
)

const commonLexemes = createCommonLexemes()

const quoteLexeme = (lexeme: string) => `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

/** Lexemes and positions in the output of `tsvector`: quotes and backslashes in a lexeme are doubled. */
const lexemeInOutput = /'((?:[^'\\]|''|\\\\)*)':([\dA-D,]+)/g
const termFrequencies = (matched: string, lexemes: readonly string[]): number[] => {
  if (matched === '') return []
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
    const held = new Map(
      lexemes.map((lexeme) => [lexeme, asOf ? undefined : commonLexemes.get(projectId, lexeme)]),
    )
    const missing = lexemes.filter((lexeme) => held.get(lexeme) === undefined)
    const rows = missing.length ? await tx.run(documentFrequencies, [projectId, missing, asOf]) : []
    const counted = new Map(rows.map((row) => [row.lexeme, row.df]))
    if (!asOf) for (const [lexeme, df] of counted) commonLexemes.hold(projectId, lexeme, df)
    return new Map(lexemes.map((lexeme) => [lexeme, held.get(lexeme) ?? counted.get(lexeme) ?? 0]))
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
      query.averageLength,
    ])
    return rows.map((row) => unpack(row, query.lexemes))
  },
  instructions: async (limit, asOf) =>
    (await tx.run(instructions, [projectId, limit, asOf])).map((row) => unpack(row)),
  async neighbours(places, asOf) {
    if (places.length === 0) return []
    const frameIds = places.map((place) => place.frameId)
    const rows = await tx.run(neighbours, [projectId, frameIds, places.map((place) => place.seq), asOf])
    return rows.map((row) => unpack(row))
  },
  markStatement: async (itemId, statement) =>
    void (await tx.run(markStatement, [projectId, itemId, statement])),
  statements: async ({ gate, lexemes, limit }) => tx.run(statements, [projectId, gate, lexemes, limit]),
})
