/** Latencies: quantiles of what was measured, nothing subtracted, after a warm-up that is not counted. */
export const quantile = (sorted, q) =>
  sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? NaN

export const summarise = (durationsMs) => {
  const sorted = durationsMs.toSorted((a, b) => a - b)
  return {
    count: sorted.length,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
  }
}

/** Calls one after the other until `count` are done or `budgetMs` is spent, but at least 20. */
export const measureSequence = async (call, { count, budgetMs = 20_000, warmUp = 5 }) => {
  for (let i = 0; i < warmUp; i++) await call(i)
  const durations = []
  const deadline = performance.now() + budgetMs
  while (durations.length < count && (durations.length < 20 || performance.now() < deadline)) {
    const startedAt = performance.now()
    await call(warmUp + durations.length)
    durations.push(performance.now() - startedAt)
  }
  return summarise(durations)
}

/** Keeps `clients` calls in flight for `durationMs`. */
export const measureConcurrency = async (call, { clients, durationMs }) => {
  const durations = []
  const startedAt = performance.now()
  let index = 0
  const client = async () => {
    while (performance.now() - startedAt < durationMs) {
      const callStartedAt = performance.now()
      await call(index++)
      durations.push(performance.now() - callStartedAt)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return { ...summarise(durations), perSecond: durations.length / ((performance.now() - startedAt) / 1000) }
}
