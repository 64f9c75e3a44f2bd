/** The log of a broker: it has no terminal, so it writes to a file in the data directory, of limited size. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'

const bytesMax = 1_000_000

/**
 * Appends lines; when the file is full it becomes `<path>.1`, and the one before is gone. A disk that takes nothing
 * more costs the line, not the process.
 */
export const createBoundedFile = (path: string) => {
  let file: number | undefined
  let bytes = 0
  const open = () => {
    file = openSync(path, 'a', 0o600)
    bytes = fstatSync(file).size
    return file
  }
  const turn = (descriptor: number) => {
    closeSync(descriptor)
    file = undefined
    renameSync(path, `${path}.1`)
    return open()
  }
  return {
    write(line: string) {
      try {
        const descriptor = file ?? open()
        bytes += writeSync(bytes > bytesMax ? turn(descriptor) : descriptor, line)
      } catch {
        // Nobody is there to be told.
      }
    },
  }
}
