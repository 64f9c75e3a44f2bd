/**
 * Who uses a broker. It ends some time after the last one has left, and from that moment lets nobody in: a client
 * that comes too late is told so and starts the next one.
 */
export interface Presence {
  /** Returns the function to leave with; undefined when it has ended. */
  enter(): (() => void) | undefined
  /** Resolves when nobody has been there for the time to linger. */
  readonly over: Promise<void>
  count(): number
  /** Ends it now, whoever is there. */
  end(): void
}

export interface PresenceOptions {
  readonly lingerMs: number
  /** Who started it comes within this time. */
  readonly firstMs: number
  /** The last thing to do for nobody; if somebody comes meanwhile, it goes on. */
  readonly beforeEnd?: () => Promise<void>
}

/** For an owner that runs until it is stopped. */
export const endlessPresence = (): Presence => {
  let count = 0
  return {
    enter() {
      count += 1
      return once(() => (count -= 1))
    },
    over: new Promise(() => {}),
    count: () => count,
    end: () => {},
  }
}

export const createPresence = ({ lingerMs, firstMs, beforeEnd }: PresenceOptions): Presence => {
  let count = 0
  let visits = 0
  let isOver = false
  let end: () => void = () => {}
  const over = new Promise<void>((resolve) => (end = resolve))
  const look = async () => {
    const before = visits
    await beforeEnd?.().catch(() => undefined)
    if (count > 0 || isOver) return
    if (visits !== before) return wait(lingerMs)
    isOver = true
    end()
  }
  let timer: NodeJS.Timeout | undefined
  const wait = (ms: number) => {
    clearTimeout(timer)
    timer = setTimeout(() => void look(), ms)
  }
  wait(Math.max(lingerMs, firstMs))
  return {
    enter() {
      if (isOver) return undefined
      count += 1
      visits += 1
      clearTimeout(timer)
      return once(() => {
        count -= 1
        if (count === 0 && !isOver) wait(lingerMs)
      })
    },
    over,
    count: () => count,
    end() {
      clearTimeout(timer)
      isOver = true
      end()
    },
  }
}

const once = (work: () => void) => {
  let done = false
  return () => {
    if (done) return
    done = true
    work()
  }
}
