import { randomUUID } from 'node:crypto'
import { Client, Pool } from 'pg'
import type { TestProject } from 'vitest/node'
import { migrateTemplate } from './migrate-template.ts'
import { preparePgliteTemplate } from './pglite-template.ts'
import { startPostgres } from './start-postgres.ts'

/*
 * Once per run: a PostgreSQL, a migrated template database in it, and a dump of a migrated PGlite. Test files
 * get copies through createTestDatabase. TEST_DATABASE_URL, when set, names the server to use instead of
 * starting one; its user must be a superuser (row-level security tests change roles).
 */

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser URL of the run's PostgreSQL. */
    postgresUrl: string
    /** Name of the migrated database to clone. Nobody may connect to it. */
    postgresTemplate: string
    /** Path of the dump of a migrated PGlite. */
    pgliteTemplate: string
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const template = `template_${randomUUID().replaceAll('-', '')}`
  const given = process.env['TEST_DATABASE_URL']
  const cluster = given ? { url: given, stop: () => dropTemplate(given, template) } : await startPostgres()
  try {
    await createTemplate(cluster.url, template)
    project.provide('postgresUrl', cluster.url)
    project.provide('postgresTemplate', template)
    project.provide('pgliteTemplate', await preparePgliteTemplate())
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return () => cluster.stop()
}

async function createTemplate(url: string, template: string): Promise<void> {
  await withClient(url, (client) => client.query(`create database ${template} template template0`))
  const pool = new Pool({ connectionString: urlOfDatabase(url, template) })
  try {
    await migrateTemplate(pool)
  } finally {
    await pool.end()
  }
  // A connection to the template, even a forgotten one, would make every clone fail.
  await withClient(url, (client) => client.query(`alter database ${template} allow_connections false`))
}

async function dropTemplate(url: string, template: string): Promise<void> {
  await withClient(url, (client) => client.query(`drop database if exists ${template}`))
}

async function withClient(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

function urlOfDatabase(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}
