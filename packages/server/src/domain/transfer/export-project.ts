import { createHash } from 'node:crypto'
import type { Context } from '../context.ts'
import { authorize } from '../policy.ts'
import type { Transfer } from '../ports.ts'
import {
  transferFormat,
  transferTables,
  transferVersion,
  type TransferHeader,
  type TransferTrailer,
} from './format.ts'

/**
 * All a project remembers, as the lines of an export file, from one consistent view of the database. A page of
 * rows is read when the one before it was taken, so a slow reader slows the export and fills no memory.
 *
 * @throws forbidden without the scope memory:read; cancelled when the signal aborts.
 */
export async function* exportProject(ctx: Context, transfer: Transfer): AsyncGenerator<string> {
  authorize(ctx, 'memory:read')
  const source = await transfer.openSource(ctx)
  try {
    const hash = createHash('sha256')
    const hashed = (text: string) => {
      hash.update(text)
      return text
    }
    const { project } = ctx
    const header: TransferHeader = {
      format: transferFormat,
      version: transferVersion,
      project: { organization: project.organizationSlug, slug: project.slug, name: project.name },
      exportedAt: ctx.now.toISOString(),
      lastRef: await source.lastRef(),
      tables: await source.tables(),
    }
    yield hashed(`${JSON.stringify(header)}\n`)
    let rows = 0
    for (const table of transferTables) {
      for await (const page of source.pages(table)) {
        rows += page.length
        yield hashed(page.map((row) => `{"table":"${table}","row":${row}}\n`).join(''))
      }
    }
    const trailer: TransferTrailer = { end: true, rows, sha256: hash.digest('hex') }
    yield `${JSON.stringify(trailer)}\n`
  } finally {
    await source.close()
  }
}
