import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createDeadline } from './deadline.ts'

const dayMs = 86_400_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const inDays = (days: number) => new Date(Date.now() + days * dayMs)

it('waits longer than a Node timer can, and then calls once', () => {
  const reached = vi.fn<() => void>()
  createDeadline(inDays(90), reached)
  vi.advanceTimersByTime(89 * dayMs)
  expect(reached).not.toHaveBeenCalled()
  vi.advanceTimersByTime(2 * dayMs)
  expect(reached).toHaveBeenCalledOnce()
})

it('calls at once for a moment that has passed, and never without one', () => {
  const past = vi.fn<() => void>()
  createDeadline(inDays(-1), past)
  expect(past).toHaveBeenCalledOnce()
  const never = vi.fn<() => void>()
  createDeadline(undefined, never)
  vi.advanceTimersByTime(1_000 * dayMs)
  expect(never).not.toHaveBeenCalled()
})

it('follows a credential whose end moves, and can be cancelled', () => {
  const reached = vi.fn<() => void>()
  const deadline = createDeadline(inDays(1), reached)
  deadline.moveTo(inDays(10))
  vi.advanceTimersByTime(5 * dayMs)
  expect(reached).not.toHaveBeenCalled()
  deadline.moveTo(undefined)
  vi.advanceTimersByTime(50 * dayMs)
  deadline.moveTo(inDays(1))
  deadline.cancel()
  vi.advanceTimersByTime(5 * dayMs)
  expect(reached).not.toHaveBeenCalled()
})
