import { writeSync } from 'node:fs'
import { isDomainError } from '../../src/domain/errors.ts'
import { lockDirectory } from '../../src/postgres/embedded/directory-lock.ts'
import { silentLog } from './migrate-template.ts'

/* Takes the lock of a directory at the time given (Unix ms), says so and keeps it. */
const [, , folder = '', atMs] = process.argv
await new Promise((resolve) => setTimeout(resolve, Number(atMs) - Date.now()))
try {
  await lockDirectory(folder, { log: silentLog })
  writeSync(1, 'locked\n')
  setInterval(() => undefined, 1000)
} catch (error) {
  writeSync(1, `${isDomainError(error) ? error.code : String(error)}\n`)
}
