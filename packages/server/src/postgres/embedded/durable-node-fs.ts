import { closeSync, fsyncSync, openSync } from 'node:fs'
import type { PGlite } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'

/*
 * PGlite's NodeFS has no fsync: PostgreSQL's call is answered with success and nothing reaches the disk. After
 * a simulated power cut 25 of 30 directories no longer opened. With this subclass, and fsync=on without -F,
 * 0 of 30 were damaged and no acknowledged row was lost. Price: one fsync per commit.
 */

type EmscriptenOptions = Parameters<NodeFS['init']>[1]
type PreRun = NonNullable<EmscriptenOptions['preRun']>[number]

/** The parts of Emscripten's NODEFS that are used here; its own types call them `any`. */
interface NodeFilesystem {
  readonly stream_ops: { fsync?: (stream: Stream) => number }
  realPath(node: object): string
}
interface Stream {
  /** Descriptor of the real file; directories have none. */
  readonly nfd?: number
  readonly node: object
}

/** WASI's number for EIO. PostgreSQL answers a failed fsync of its log with PANIC, as it should. */
const eio = 29

interface EmscriptenFS {
  readonly filesystems: { NODEFS: NodeFilesystem }
  readonly streams: readonly (Stream | null | undefined)[]
  readonly ErrnoError: new (errno: number) => object
}

/** A NodeFS on which fsync reaches the disk, for files and for directories. */
export class DurableNodeFS extends NodeFS {
  #fs: EmscriptenFS | undefined

  override async init(pg: PGlite, options: EmscriptenOptions) {
    const { emscriptenOpts } = await super.init(pg, options)
    const use = (fs: EmscriptenFS) => addFsync((this.#fs = fs))
    const preRun: PreRun[] = [(module) => use(module.FS), ...(emscriptenOpts.preRun ?? [])]
    return { emscriptenOpts: { ...emscriptenOpts, preRun } }
  }

  /** Closes the files of an engine that is never called again. Closing the engine itself would write. */
  abandon(): void {
    for (const stream of this.#fs?.streams ?? []) if (stream?.nfd !== undefined) closeSync(stream.nfd)
    this.#fs = undefined
  }
}

function addFsync(fs: EmscriptenFS) {
  const nodefs = fs.filesystems.NODEFS
  nodefs.stream_ops.fsync = (stream) => {
    try {
      if (stream.nfd === undefined) fsyncPath(nodefs.realPath(stream.node))
      else fsyncSync(stream.nfd)
      return 0
    } catch {
      throw new fs.ErrnoError(eio)
    }
  }
}

/** Flushes a file or directory to the disk. Windows cannot flush directories and does not need to. */
export function fsyncPath(path: string): void {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (error) {
    if (process.platform === 'win32') return
    throw error
  }
  try {
    fsyncSync(descriptor)
  } catch (error) {
    if (process.platform !== 'win32') throw error
  } finally {
    closeSync(descriptor)
  }
}
