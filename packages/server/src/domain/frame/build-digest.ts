import type { Anchor, DigestBody, Frame, Outcome } from '../memory.ts'
import { formatAnchorRef, formatFrameRef } from '../refs.ts'
import { titleOf } from '../text.ts'

export interface DigestFacts {
  frame: Frame
  outcome: Outcome
  /** The closing agent's own words; empty when it said nothing. */
  summary: string
  deadEnds: string[]
  nextSteps: string[]
  anchors: Anchor[]
  /** Frames below this one, for the list of what it was made of. */
  below: { refNo: number; name: string; outcome: Outcome | null }[]
  events: { counts: Record<string, number>; files: string[]; errors: { text: string; count: number }[] }
  durationMs: number
}

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`

export const formatDuration = (durationMs: number): string => {
  const minutes = Math.round(durationMs / 60_000)
  if (minutes < 1) return 'under a minute'
  if (minutes < 60) return plural(minutes, 'minute')
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${plural(hours, 'hour')}${minutes % 60 ? ` ${minutes % 60} min` : ''}`
  return plural(Math.round(hours / 24), 'day')
}

const list = (title: string, items: readonly string[]) =>
  items.length ? [`${title}:`, ...items.map((item) => `- ${item.replace(/\n+/g, '\n  ')}`)] : []

/** The body is counted, never written by a model; only `summary`, dead ends and next steps are the agent's words. */
export const buildDigestBody = (facts: DigestFacts): DigestBody => ({
  summary: facts.summary,
  decisions: facts.anchors
    .filter((anchor) => anchor.status === 'active')
    .map((anchor) => `${formatAnchorRef(anchor.refNo)} (${anchor.type}) ${titleOf(anchor.content, 200)}`),
  deadEnds: facts.deadEnds,
  nextSteps: facts.nextSteps,
  files: [...new Set([...facts.events.files, ...facts.frame.files])].slice(0, 100),
  errors: facts.events.errors,
  counts: facts.events.counts,
})

/** The digest as it is read and searched. */
export const renderDigest = (facts: DigestFacts, body: DigestBody): string => {
  const { frame } = facts
  const counts = Object.entries(body.counts).map(
    ([kind, count]) => `${count} ${kind.replace('_', ' ')}${count === 1 ? '' : 's'}`,
  )
  return [
    `${frame.name}: ${facts.outcome}, ${formatDuration(facts.durationMs)}${counts.length ? `, ${counts.join(', ')}` : ''}`,
    frame.goal && frame.goal !== frame.name ? `Goal: ${frame.goal}` : '',
    body.summary,
    ...list('Decisions', body.decisions),
    ...list('Dead ends', body.deadEnds),
    ...list('Next steps', body.nextSteps),
    ...list(
      'Errors',
      body.errors.map((error) => (error.count > 1 ? `${error.text} (${error.count} times)` : error.text)),
    ),
    ...list(
      'Made of',
      facts.below.map((child) => `${formatFrameRef(child.refNo)} ${child.name} (${child.outcome ?? 'open'})`),
    ),
    body.files.length
      ? `Files: ${body.files.slice(0, 30).join(', ')}${body.files.length > 30 ? ` and ${body.files.length - 30} more` : ''}`
      : '',
  ]
    .filter(Boolean)
    .join('\n')
}
