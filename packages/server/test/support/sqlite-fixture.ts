import sqlite from 'node-sqlite3-wasm'

type Value = number | string | null | undefined

/** Fills a SQLite file; it stays open, with everything still in its write-ahead log, until `close`. */
export const fillSqlite = (path: string, schema: string, rows: Record<string, Record<string, Value>[]>) => {
  const database = new sqlite.Database(path)
  database.exec('pragma locking_mode=exclusive; pragma journal_mode=wal; pragma wal_autocheckpoint=0')
  database.exec(schema)
  const add = (table: string, row: Record<string, Value>) => {
    const names = Object.keys(row).filter((name) => row[name] !== undefined)
    database.run(
      `insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`,
      names.map((name) => row[name] ?? null),
    )
  }
  for (const [table, list] of Object.entries(rows)) for (const row of list) add(table, row)
  return { add, close: () => database.close() }
}
