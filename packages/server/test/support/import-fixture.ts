import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { runImport, type ImportSource } from '../../src/cli/import-memory.ts'
import { newMemoryReport, type MemoryReport } from '../../src/cli/import-report.ts'
import type { Anchor } from '../../src/domain/memory.ts'
import type { TestMemory } from '../harness/test-memory.ts'

/** A folder of files that are gone afterwards. */
export const createFolder = async () => {
  const path = await mkdtemp(join(tmpdir(), 'import-'))
  return {
    path,
    async write(name: string, text: string): Promise<string> {
      const file = join(path, name)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text)
      return file
    },
    remove: async (name = '') => rm(join(path, name), { recursive: true }),
  }
}

/** Runs an import as the command does, into the project of the test. */
export const importFrom = async (
  test: TestMemory,
  name: string,
  read: ImportSource['read'],
  { dryRun = false, isStopped }: { dryRun?: boolean; isStopped?: () => boolean } = {},
): Promise<MemoryReport> => {
  const report = newMemoryReport(name, dryRun)
  const target = { context: () => test.context(), memory: test.memory }
  await runImport(target, { name, label: 'a fixture', read }, report, { isStopped })
  return report
}

const memoryTables = ['frames', 'events', 'anchors', 'anchor_versions', 'digests', 'tasks', 'search_entries']

/** What the project of a test holds, read behind the operations' back. */
export const inspect = (test: TestMemory) => {
  const rows = async <Row = Record<string, unknown>>(text: string): Promise<Row[]> =>
    (await test.pool.query(text, [test.project.id])).rows as Row[]
  return {
    rows,
    /** Statements in force in their order, as `type content`. */
    inForce: async () =>
      (
        await rows<Pick<Anchor, 'type' | 'content'>>(
          `select type, content from anchors where project_id = $1 and status = 'active' and deleted_at is null order by ref_no`,
        )
      ).map(({ type, content }) => `${type}: ${content}`),
    /** Everything, to compare before with after. */
    everything: async () =>
      Object.fromEntries(
        await Promise.all(
          memoryTables.map(async (table) => [
            table,
            await rows(
              `select to_jsonb(t) as row from ${table} t where project_id = $1 order by to_jsonb(t)::text`,
            ),
          ]),
        ),
      ) as Record<string, unknown[]>,
  }
}
