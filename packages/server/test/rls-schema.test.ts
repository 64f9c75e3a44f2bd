/**
 * The schema as PostgreSQL has it after all migrations, compared with the committed dump, so that a change of a
 * grant, a policy or an index is seen in review. UPDATE_SCHEMA=1 writes the dump.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from './harness/test-database.ts'

const dumpPath = fileURLToPath(new URL('./support/schema.txt', import.meta.url))

/** One line a row, each already sorted. */
const sections: Record<string, string> = {
  Tables: `
    select format('%s.%s %s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then ' not null' else '' end,
      coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) as line
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' order by c.relname, a.attnum`,
  Options: `
    select format('%s rls=%s forced=%s %s', relname, relrowsecurity, relforcerowsecurity, coalesce(reloptions::text, ''))
      as line
    from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`,
  Constraints: `
    select format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) as line from pg_constraint
    where connamespace = 'public'::regnamespace and contype <> 'n' order by conrelid::regclass::text, contype, 1`,
  Indexes: `select indexdef as line from pg_indexes where schemaname = 'public' order by indexname`,
  Policies: `
    select format('%s on %s for %s to %s using (%s) check (%s)', policyname, tablename, cmd, roles, qual, with_check)
      as line
    from pg_policies where schemaname = 'public' order by tablename, policyname`,
  Functions: `
    select format('%s(%s) owner=%s definer=%s %s acl=%s md5=%s', proname, pg_get_function_identity_arguments(p.oid),
      proowner::regrole, prosecdef, proconfig, array_remove(proacl, null), md5(prosrc)) as line
    from pg_proc p where pronamespace = 'public'::regnamespace
      and not exists (select from pg_depend where objid = p.oid and deptype = 'e') order by proname`,
  'Table grants': `
    select format('%s: %s on %s', grantee, string_agg(privilege_type, ', ' order by privilege_type), table_name) as line
    from information_schema.role_table_grants where table_schema = 'public' and grantee like 'stackmemory%'
    group by grantee, table_name order by grantee, table_name`,
  'Column grants': `
    select format('%s: %s (%s) on %s', a.grantee::regrole, a.privilege_type, attname, c.relname) as line
    from pg_attribute t join pg_class c on c.oid = t.attrelid, aclexplode(t.attacl) a
    where c.relnamespace = 'public'::regnamespace order by 1`,
  Roles: `
    select format('%s login=%s super=%s bypassrls=%s createdb=%s createrole=%s', rolname, rolcanlogin, rolsuper,
      rolbypassrls, rolcreatedb, rolcreaterole) as line
    from pg_roles where rolname like 'stackmemory%' order by rolname`,
}

describe('the schema', () => {
  let test: TestDatabase

  beforeAll(async () => {
    test = await createTestDatabase('postgres')
  })
  afterAll(async () => test.close())

  const dump = async () => {
    const parts: string[] = []
    for (const [title, text] of Object.entries(sections)) {
      const { rows } = await test.pool.query<{ line: string }>(text)
      parts.push(`# ${title}`, ...rows.map((row) => row.line.trimEnd()), '')
    }
    return parts.join('\n')
  }

  it('is the committed one [sql.schema]', async () => {
    const current = await dump()
    if (process.env['UPDATE_SCHEMA']) await writeFile(dumpPath, current)
    const committed = await readFile(dumpPath, 'utf8')
    expect(current.split('\n'), 'run this test with UPDATE_SCHEMA=1 and review the difference').toEqual(
      committed.split('\n'),
    )
  })

  it('has project_id first in every key and index of memory [sql.schema]', async () => {
    const { rows } = await test.pool.query<{ name: string; first: string }>(
      `select i.indexrelid::regclass::text as name, a.attname as first
       from pg_index i join pg_class c on c.oid = i.indrelid
       join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
       where c.relnamespace = 'public'::regnamespace and c.relforcerowsecurity`,
    )
    expect(rows.length).toBeGreaterThan(30)
    expect(rows.filter((row) => row.first !== 'project_id')).toEqual([])
  })
})
