import { fstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { vi } from 'vitest'
import { DurableNodeFS } from '../src/postgres/embedded/durable-node-fs.ts'

/*
 * A disk that gets full, simulated below the embedded engine: a write that makes a file longer is refused with
 * ENOSPC when the files of the data directory together would pass the limit. Writing over what a file has already
 * is allowed, and what is removed or truncated is free again, as on a real disk.
 *
 * It works on every platform and for every user, unlike mounting a small file system.
 */

/** WASI's number for ENOSPC, which the engine turns into PostgreSQL's. */
const enospc = 51

interface Stream {
  readonly nfd?: number
  readonly position: number
}
interface NodeFilesystem {
  stream_ops: {
    write: (stream: Stream, buffer: Uint8Array, offset: number, length: number, position?: number) => number
  }
}
interface EmscriptenFS {
  filesystems: { NODEFS: NodeFilesystem }
  ErrnoError: new (errno: number) => object
}

export interface FullDisk {
  /** Makes the disk full but for that many bytes. */
  leave(bytes: number): void
  /** Gives it room without end again. */
  free(): void
  /** How many writes were refused since the disk was last made full. */
  readonly refused: number
  restore(): void
}

/** Puts every embedded database that this process opens from now on on one disk; `dataDir` is all that is on it. */
export function simulateDisk(dataDir: string): FullDisk {
  let limitBytes = Infinity
  let roomBytes = Infinity
  let refused = 0
  // Measured again only when it seems used up: what was removed meanwhile counts only then.
  const take = (bytes: number) => {
    if (bytes > roomBytes) roomBytes = limitBytes - usedBytes(dataDir)
    if (bytes > roomBytes) return false
    roomBytes -= bytes
    return true
  }
  const limitGrowth = ({ filesystems: { NODEFS }, ErrnoError }: EmscriptenFS) => {
    const { write } = NODEFS.stream_ops
    NODEFS.stream_ops.write = (stream, buffer, offset, length, position) => {
      if (stream.nfd !== undefined && limitBytes !== Infinity) {
        const growth = (position ?? stream.position) + length - fstatSync(stream.nfd).size
        if (growth > 0 && !take(growth)) {
          refused++
          throw new ErrnoError(enospc)
        }
      }
      return write(stream, buffer, offset, length, position)
    }
  }
  // oxlint-disable-next-line typescript/unbound-method -- called with `call`
  const { init } = DurableNodeFS.prototype
  const spy = vi.spyOn(DurableNodeFS.prototype, 'init').mockImplementation(async function (
    this: DurableNodeFS,
    pg,
    options,
  ) {
    const { emscriptenOpts } = await init.call(this, pg, options)
    const last = (module: { FS: EmscriptenFS }) => limitGrowth(module.FS)
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), last] } }
  })
  return {
    leave(bytes) {
      refused = 0
      roomBytes = bytes
      limitBytes = usedBytes(dataDir) + bytes
    },
    free() {
      limitBytes = roomBytes = Infinity
    },
    get refused() {
      return refused
    },
    restore: () => spy.mockRestore(),
  }
}

function usedBytes(folder: string): number {
  let bytes = 0
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0
  return bytes
}
