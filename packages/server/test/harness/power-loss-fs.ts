import { fstatSync, openSync, closeSync, readdirSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { DurableNodeFS } from '../../src/postgres/embedded/durable-node-fs.ts'
import { createRandom } from './random.ts'

/*
 * A power cut, simulated: PGlite's files with a memory of what an fsync has made safe.
 *
 * Before a write, the old content of each 4 KiB page is kept; fsync of the file forgets it. At the chosen
 * operation each page that is still remembered is put back with probability one half, and the process kills
 * itself, so nothing can tidy up. Changes of names and sizes are kept as they are (as a journaling file system
 * would). Harsher than most disks, which write back after some seconds by themselves, but the right failure.
 */

const pageBytes = 4096
const lossProbability = 0.5

interface Stream {
  nfd?: number
}
interface NodeFilesystem {
  stream_ops: {
    write: (stream: Stream, buffer: Uint8Array, offset: number, length: number, position?: number) => number
    fsync?: (stream: Stream) => number
  }
}
type Init = NodeFS['init']
type Options = Parameters<Init>[1]

/** Pages not yet safe: file id, then page number, then the content to go back to. */
type Unsafe = Map<string, Map<number, Buffer>>

export interface PowerLossOptions {
  /** Number of the write or fsync that is cut off; 0 for never. */
  readonly cutAt: number
  readonly seed: number
  readonly onCount?: (operations: number) => void
}

/** The file system under test, `durable` ours and otherwise PGlite's own, with the power cut built in. */
export function createPowerLossFS(folder: string, durable: boolean, options: PowerLossOptions): NodeFS {
  const fs = durable ? new DurableNodeFS(folder) : new NodeFS(folder)
  const init: Init = fs.init.bind(fs)
  fs.init = async (pg, opts: Options) => {
    const { emscriptenOpts } = await init(pg, opts)
    const last = (module: { FS: { filesystems: { NODEFS: NodeFilesystem } } }) =>
      record(module.FS.filesystems.NODEFS, folder, options)
    // They run in this order: fsync has to have been added before it is wrapped.
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), last] } }
  }
  return fs
}

function record(nodefs: NodeFilesystem, folder: string, options: PowerLossOptions): void {
  const unsafe: Unsafe = new Map()
  const { write, fsync } = nodefs.stream_ops
  let operations = 0
  const count = () => {
    operations++
    options.onCount?.(operations)
    if (operations === options.cutAt) cutPower(folder, unsafe, options.seed)
  }
  nodefs.stream_ops.write = (stream, buffer, offset, length, position) => {
    if (stream.nfd !== undefined && position !== undefined) remember(unsafe, stream.nfd, position, length)
    const written = write(stream, buffer, offset, length, position)
    count()
    return written
  }
  if (fsync === undefined) return
  nodefs.stream_ops.fsync = (stream) => {
    count()
    const result = fsync(stream)
    if (stream.nfd !== undefined) unsafe.delete(fileId(stream.nfd))
    return result
  }
}

const fileId = (descriptor: number) => String(fstatSync(descriptor).ino)

function remember(unsafe: Unsafe, descriptor: number, position: number, length: number): void {
  const id = fileId(descriptor)
  const pages = unsafe.get(id) ?? new Map<number, Buffer>()
  unsafe.set(id, pages)
  for (let page = Math.floor(position / pageBytes); page * pageBytes < position + length; page++) {
    if (pages.has(page)) continue
    const before = Buffer.alloc(pageBytes)
    readThrough(descriptor, before, page * pageBytes)
    pages.set(page, before)
  }
}

/** The descriptor may be write-only; /proc opens the same file again for reading. */
function readThrough(descriptor: number, into: Buffer, position: number): void {
  try {
    readSync(descriptor, into, 0, into.length, position)
  } catch {
    const again = openSync(`/proc/self/fd/${descriptor}`, 'r')
    readSync(again, into, 0, into.length, position)
    closeSync(again)
  }
}

function cutPower(folder: string, unsafe: Unsafe, seed: number): never {
  const random = createRandom(seed)
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const descriptor = openSync(join(entry.parentPath, entry.name), 'r+')
    const { size } = fstatSync(descriptor)
    for (const [page, before] of unsafe.get(fileId(descriptor)) ?? []) {
      const length = Math.min(pageBytes, size - page * pageBytes)
      if (length > 0 && random() < lossProbability) writeSync(descriptor, before, 0, length, page * pageBytes)
    }
    closeSync(descriptor)
  }
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable')
}
