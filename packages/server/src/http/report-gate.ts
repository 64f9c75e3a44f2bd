/**
 * How much may be under way at once, for one credential and for the whole process. A report that is answered late is
 * still worked on and holds its body, so it keeps its place until that has ended.
 */
export interface ReportGateLimits {
  readonly reportsPerCredentialMax: number
  readonly reportsMax: number
  readonly bytesPerCredentialMax: number
  readonly bytesMax: number
}

export interface Place {
  /** The size once it is known; before, a report counts as the largest that it can be. */
  resize(bytes: number): void
  /** May be called more than once. */
  leave(): void
}

export interface ReportGate {
  /** Undefined when there is no room. */
  enter(credentialId: string, bytes: number): Place | undefined
}

interface Load {
  reports: number
  bytes: number
}

export const createReportGate = (limits: ReportGateLimits): ReportGate => {
  const all: Load = { reports: 0, bytes: 0 }
  const loads = new Map<string, Load>()
  return {
    enter(credentialId, bytes) {
      const own = loads.get(credentialId) ?? { reports: 0, bytes: 0 }
      if (own.reports >= limits.reportsPerCredentialMax || all.reports >= limits.reportsMax) return undefined
      if (own.bytes + bytes > limits.bytesPerCredentialMax || all.bytes + bytes > limits.bytesMax)
        return undefined
      loads.set(credentialId, own)
      let held = 0
      const add = (reports: number, more: number) => {
        held += more
        for (const load of [own, all]) {
          load.reports += reports
          load.bytes += more
        }
      }
      add(1, bytes)
      let isIn = true
      return {
        resize: (size) => {
          if (isIn) add(0, size - held)
        },
        leave: () => {
          if (!isIn) return
          isIn = false
          add(-1, -held)
          if (own.reports === 0) loads.delete(credentialId)
        },
      }
    },
  }
}
