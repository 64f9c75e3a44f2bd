/**
 * A named SQL statement. Every statement the service runs is defined at module scope through `sql`, so that
 * it is prepared once per connection under a stable name, and so that one test can prepare all of them on
 * both engines.
 */
export interface Statement<Row, Values extends readonly unknown[]> {
  readonly name: string
  readonly text: string
  /** Types only; never present at run time. */
  readonly _row?: Row
  readonly _values?: Values
}

const registry = new Map<string, Statement<unknown, readonly unknown[]>>()

/** Defines a statement. `name` is unique, at most 63 bytes, and reads `aggregate.verb`. */
export const sql = <Row, Values extends readonly unknown[] = readonly []>(
  name: string,
  text: string,
): Statement<Row, Values> => {
  if (registry.has(name)) throw new Error(`Two statements are named ${name}`)
  const statement = { name, text }
  registry.set(name, statement)
  return statement
}

/** Every statement defined so far; for the test that prepares them all. */
export const definedStatements = () => [...registry.values()]
