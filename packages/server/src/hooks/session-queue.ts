/**
 * Reports of one session are written in the order in which they came, and those that arrive while a write is under
 * way go together in the next one. Nothing waits for a timer, and nobody is answered before the commit.
 */
export interface SessionQueue<Item, Result> {
  /** @throws QueueFullError, or what `write` threw. */
  add(key: string, item: Item): Promise<Result>
}

export class QueueFullError extends Error {}

interface Waiting<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

export const createSessionQueue = <Item, Result>(
  write: (items: readonly Item[]) => Promise<Result[]>,
  { waitingMax, togetherMax }: { waitingMax: number; togetherMax: number },
): SessionQueue<Item, Result> => {
  const queues = new Map<string, Waiting<Item, Result>[]>()

  const settle = async (batch: readonly Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await write(batch.map((each) => each.item))
      batch.forEach((each, index) => each.resolve(results[index] as Result))
    } catch (error) {
      // One that cannot be written must not take the others along.
      if (batch.length === 1) batch[0]?.reject(error)
      else for (const each of batch) await settle([each])
    }
  }
  const drain = async (key: string, queue: Waiting<Item, Result>[]): Promise<void> => {
    while (queue.length > 0) await settle(queue.splice(0, togetherMax))
    queues.delete(key)
  }
  return {
    add: async (key, item) =>
      new Promise((resolve, reject) => {
        const queue = queues.get(key)
        if (queue && queue.length >= waitingMax)
          return reject(new QueueFullError('too many reports of one session wait'))
        if (queue) return void queue.push({ item, resolve, reject })
        const started = [{ item, resolve, reject }]
        queues.set(key, started)
        void drain(key, started)
      }),
  }
}
