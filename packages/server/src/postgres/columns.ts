/**
 * Column lists, written once per table: the domain's camelCase on one side, SQL's snake_case on the other.
 * Rows are inserted from one JSON parameter with an explicit column list, so that a statement has the same
 * text for one row and for a hundred, and an older program still works after a column was added.
 */
export const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

export const selectList = (fields: readonly string[], alias = '') =>
  fields
    .map((field) => {
      const column = `${alias ? `${alias}.` : ''}${snake(field)}`
      return snake(field) === field ? column : `${column} as "${field}"`
    })
    .join(', ')

/** `insert` of rows given as a JSON array in `$2`; `$1` is the project. */
export const insertFromJson = (table: string, fields: readonly string[]) => {
  const columns = fields.map(snake).join(', ')
  return `insert into ${table} (project_id, ${columns})
    select $1::uuid, ${columns} from jsonb_populate_recordset(null::${table}, $2::jsonb)`
}

/** The JSON array that `insertFromJson` reads. */
export const toJsonRows = (fields: readonly string[], rows: readonly object[]) =>
  JSON.stringify(
    rows.map((row) =>
      Object.fromEntries(
        fields.map((field) => [snake(field), (row as Record<string, unknown>)[field] ?? null]),
      ),
    ),
  )
