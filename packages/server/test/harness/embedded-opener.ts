import { isDomainError } from '../../src/domain/errors.ts'
import { openEmbedded } from '../../src/postgres/embedded/open-embedded.ts'
import { silentLog } from './migrate-template.ts'

/* Opens and closes a data directory, and prints `opened` or the error's code and sentence. */
const print = (line: string) => process.stdout.write(`${line}\n`, () => process.exit(0))
try {
  const db = await openEmbedded({ dataDir: process.argv[2] ?? '', log: silentLog })
  await db.close()
  print('opened')
} catch (error) {
  print(isDomainError(error) ? `${error.code} ${error.publicMessage}` : String(error))
}
