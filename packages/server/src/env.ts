/**
 * All configuration, in one schema, read once. Every problem is reported at once, and secrets print as
 * `[redacted]`. A variable NAME can be given as a file with NAME_FILE, which is how orchestrators hand over
 * secrets. `.env.example` and `docs/configuration.md` are made from this file.
 */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { invalidInput } from './domain/errors.ts'

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  )

const variables = {
  PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8_080)
    .describe('Port to listen on; 0 picks a free one.'),
  HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to listen on. Anything but a loopback address is reachable from other machines.'),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where clients reach the service, without a path. Default: http://HOST:PORT.'),
  DATA_DIR: z
    .string()
    .min(1)
    .default(join(homedir(), '.stackmemory'))
    .transform((path) => resolve(path))
    .describe('Directory of the embedded database, its snapshots and the generated secret.'),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('PostgreSQL 15 or newer. Without it the embedded database is used.'),
  DATABASE_URL_DIRECT: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('The same database without a pooler in between, for migrations. Default: DATABASE_URL.'),
  DATABASE_POOL_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(10)
    .describe('Connections to PostgreSQL per instance.'),
  DATABASE_STATEMENT_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(100)
    .max(600_000)
    .default(15_000)
    .describe('A statement that takes longer is stopped.'),
  SECRET_KEY: z
    .string()
    .min(32, 'must have at least 32 characters')
    .optional()
    .describe(
      'Keys the hashes of API keys. The same on all instances. Default: generated once into DATA_DIR.',
    ),
  ALLOWED_HOSTS: list.describe('More Host headers to accept, separated by commas.'),
  ALLOWED_ORIGINS: list.describe('Web origins that may call the service, separated by commas.'),
  STACKMEMORY_BROKER_LINGER_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(86_400_000)
    .default(10_000)
    .describe(
      'How long the process that serves local memory to clients without a server stays after the last one.',
    ),
  LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .optional()
    .describe('Default: info with DATABASE_URL, warn with the embedded database.'),
} as const

export const secretVariables: ReadonlySet<string> = new Set([
  'DATABASE_URL',
  'DATABASE_URL_DIRECT',
  'SECRET_KEY',
])
const schema = z.object(variables)
export type Env = z.infer<typeof schema>

export interface VariableDoc {
  name: string
  description: string
  default: string
  secret: boolean
}

/** One row per variable, for the documents that are made from this schema. */
export const describeVariables = (): VariableDoc[] =>
  Object.entries(variables).map(([name, type]) => {
    const parsed = z.safeParse(type, undefined)
    const value = parsed.success ? parsed.data : undefined
    const shown = name === 'DATA_DIR' ? '~/.stackmemory' : Array.isArray(value) ? '' : (value ?? '')
    return {
      name,
      description: type.description ?? '',
      default: String(shown),
      secret: secretVariables.has(name),
    }
  })

const readFileVariant = (given: NodeJS.ProcessEnv, name: string, problems: string[]) => {
  const path = given[`${name}_FILE`]
  if (path === undefined) return given[name] === '' ? undefined : given[name]
  if (given[name]) problems.push(`${name} and ${name}_FILE are both set; set one of them.`)
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    problems.push(`${name}_FILE names a file that cannot be read.`)
    return undefined
  }
}

/** @throws invalid_input that names every problem, and no value. */
export const loadEnv = (given: NodeJS.ProcessEnv): Env => {
  const problems: string[] = []
  const values = Object.fromEntries(
    Object.keys(variables).map((name) => [name, readFileVariant(given, name, problems)]),
  )
  const parsed = schema.safeParse(values)
  if (!parsed.success)
    problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}.`))
  if (problems.length > 0 || !parsed.success)
    throw invalidInput(
      `The configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${problems.map((each) => `- ${each}`).join('\n')}\nSee docs/configuration.md.`,
    )
  return parsed.data
}

/** The configuration as it may be printed. */
export const printableEnv = (env: Env): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      secretVariables.has(name) && value !== undefined ? '[redacted]' : value,
    ]),
  )
