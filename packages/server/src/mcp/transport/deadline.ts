/** Longest delay a Node timer takes; longer ones would fire at once. */
const timerMsMax = 2 ** 31 - 1

export interface Deadline {
  moveTo(at: Date | undefined): void
  cancel(): void
}

/** Calls `onReached` at a moment that may be months away or never come. Does not keep the process alive. */
export function createDeadline(at: Date | undefined, onReached: () => void): Deadline {
  let timer: NodeJS.Timeout | undefined
  let current: number | undefined
  const cancel = () => {
    clearTimeout(timer)
    current = undefined
  }
  const arm = () => {
    if (current === undefined) return
    const remainingMs = current - Date.now()
    if (remainingMs <= 0) return onReached()
    timer = setTimeout(arm, Math.min(remainingMs, timerMsMax)).unref()
  }
  const moveTo = (next: Date | undefined) => {
    if (next?.getTime() === current) return
    cancel()
    current = next?.getTime()
    arm()
  }
  moveTo(at)
  return { moveTo, cancel }
}
