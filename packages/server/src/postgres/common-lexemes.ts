/**
 * Document frequencies of common lexemes, held for some minutes. Counting them is half of what a search in a
 * large project waits for, they are estimates of a sample there, and a few more entries change nothing that the
 * ranking could show. What is rare is never held: a word that was said just now must be found.
 */
export const commonMin = 100
const heldMs = 300_000
const heldMax = 50_000

interface Held {
  df: number
  until: number
}

export interface CommonLexemes {
  get(projectId: string, lexeme: string): number | undefined
  /** Holds what is common. */
  hold(projectId: string, lexeme: string, df: number): void
}

export const createCommonLexemes = (now: () => number = () => performance.now()): CommonLexemes => {
  const held = new Map<string, Held>()
  const keyOf = (projectId: string, lexeme: string) => `${projectId} ${lexeme}`
  return {
    get(projectId, lexeme) {
      const entry = held.get(keyOf(projectId, lexeme))
      return entry && entry.until > now() ? entry.df : undefined
    },
    hold(projectId, lexeme, df) {
      if (df < commonMin) return
      if (held.size >= heldMax) held.clear()
      held.set(keyOf(projectId, lexeme), { df, until: now() + heldMs })
    },
  }
}
