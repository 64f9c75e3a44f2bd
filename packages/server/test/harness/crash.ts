import { spawnChild } from './child.ts'

/** Ids whose commit a child acknowledged. */
export const acknowledged = (lines: string[]) =>
  lines.filter((line) => line.startsWith('ack ')).flatMap((line) => line.split(' ').slice(1).map(Number))

export interface CrashOutcome {
  readonly opens: boolean
  /** Acknowledged rows that are gone. */
  readonly lost: number[]
  /** What amcheck and the comparison of index and scan found. */
  readonly damage: string[]
  /** Why it does not open. */
  readonly stderr: string
}

const verifyTimeoutMs = 60_000

/** Opens the files in a process of its own and compares them with what was acknowledged. */
export async function verifyDatabase(path: string, acked: number[]): Promise<CrashOutcome> {
  const child = spawnChild('verify-database.ts', [path])
  const timer = setTimeout(() => child.process.kill('SIGKILL'), verifyTimeoutMs)
  const { stderr } = await child.ended
  clearTimeout(timer)
  const line = child.lines.at(-1)
  if (line === undefined) return { opens: false, lost: [], damage: [], stderr: stderr.slice(-2000) }
  const found: { ids: number[]; damage: string[] } = JSON.parse(line)
  const present = new Set(found.ids)
  return { opens: true, lost: acked.filter((id) => !present.has(id)), damage: found.damage, stderr: '' }
}
