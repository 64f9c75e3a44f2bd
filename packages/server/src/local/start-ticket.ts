/**
 * Of the clients that find no owner at the same time, one starts a broker and the others wait for it. Only to save
 * work: each further broker would take a quarter of a second of a processor from the first one, and end. Who becomes
 * owner is decided by the lock of the directory alone.
 */
import { statSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Whoever took it has started a broker by then, or was killed. */
const staleMs = 1_000

export interface StartTicket {
  /** Whether this client may start a broker. */
  take(): boolean
  giveBack(): void
}

export const createStartTicket = (dataDir: string): StartTicket => {
  const path = join(dataDir, 'broker.starting')
  let isHeld = false
  const remove = () => {
    try {
      unlinkSync(path)
    } catch {
      // Somebody else was faster.
    }
  }
  return {
    take() {
      if (isHeld) return true
      try {
        writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 })
        isHeld = true
      } catch (error) {
        // A directory that takes no file: the broker will say what is wrong with it.
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return true
        if (isStale(path)) remove()
      }
      return isHeld
    },
    giveBack() {
      if (isHeld) remove()
      isHeld = false
    },
  }
}

const isStale = (path: string) => {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats !== undefined && Math.abs(Date.now() - stats.mtimeMs) > staleMs
}
