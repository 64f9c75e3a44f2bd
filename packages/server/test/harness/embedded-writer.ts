import { writeSync } from 'node:fs'
import { openEmbedded } from '../../src/postgres/embedded/open-embedded.ts'
import { crashSchema, writeAcknowledged } from './crash-workload.ts'
import { silentLog } from './migrate-template.ts'

/*
 * Opens a data directory through the front door and writes until it is killed. Arguments: directory, URL to
 * give as owner. Prints `open`, the ids it found, and an acknowledgement for each commit.
 */
const [, , dataDir = '', url = ''] = process.argv
const db = await openEmbedded({
  dataDir,
  log: silentLog,
  ownerInfo: { url },
  maintenanceIntervalMs: 100,
  snapshotIntervalMs: 0,
  onProgress: (message) => writeSync(1, `progress ${message}\n`),
})
await db.pool.query(crashSchema)
const { rows } = await db.pool.query<{ ids: number[]; next: number }>(
  `select coalesce(array_agg(id), '{}') as ids, coalesce(max(id), 0) + 1 as next from crash_rows`,
)
writeSync(1, `open ${JSON.stringify(rows[0]?.ids)}\n`)
await writeAcknowledged(db.pool, rows[0]?.next ?? 1, 1_000_000)
