import type { Mark } from './redact-secrets.ts'

const header = /-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----/g
const footer = /-----END (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----/g
const keyCharsMax = 32_768
const bodyCharsMin = 40

/**
 * PEM and PGP private keys (RFC 7468, RFC 4716 style armour), in one line or many, quoted, indented, or
 * inside a JSON string with `\n` for the line ends; also one whose end was cut off.
 */
export function redactPrivateKeys(text: string, mark: Mark): string {
  if (!text.includes('PRIVATE KEY')) return text
  const begins = [...text.matchAll(header)]
  const ends = [...text.matchAll(footer)].map((match) => match.index + match[0].length)
  const pieces: string[] = []
  let written = 0
  let nextEnd = 0
  begins.forEach((begin, position) => {
    if (begin.index < written) return
    const bodyAt = begin.index + begin[0].length
    const limit = Math.min(begins[position + 1]?.index ?? text.length, bodyAt + keyCharsMax)
    while (nextEnd < ends.length && (ends[nextEnd] ?? 0) < bodyAt) nextEnd += 1
    const closed = ends[nextEnd]
    const end = closed !== undefined && closed <= limit ? closed : endOfCutBody(text, bodyAt, limit)
    if (countKeyCharacters(text.slice(bodyAt, end)) < bodyCharsMin) return
    pieces.push(text.slice(written, begin.index), mark('private_key'))
    written = end
  })
  return pieces.join('') + text.slice(written)
}

/** Without an end line the key goes on for as long as there are lines of base64. */
function endOfCutBody(text: string, bodyAt: number, limit: number): number {
  const piece =
    /[A-Za-z0-9+/=]{16,}|\\{1,16}[nrt]|[\s>"'+,\\-]|(?:Proc-Type|DEK-Info|Version|Comment): [^\r\n\\]{0,200}/y
  let end = bodyAt
  piece.lastIndex = bodyAt
  for (let match = piece.exec(text); match !== null && piece.lastIndex <= limit; match = piece.exec(text)) {
    if (/[A-Za-z0-9]$/.test(match[0]) || match[0].endsWith('=')) end = piece.lastIndex
  }
  return Math.max(end, endOfLastLine(text, end, limit))
}

/** The last line of a cut key may be short; it still belongs to the key when nothing else stands on it. */
function endOfLastLine(text: string, from: number, limit: number): number {
  const rest = /(?:\s|\\{1,16}[nr]|[>"'+]){0,16}[A-Za-z0-9+/]{1,64}={0,2}(?=\s*$)/y
  rest.lastIndex = from
  return from < limit && rest.test(text.slice(0, limit)) ? rest.lastIndex : from
}

function countKeyCharacters(body: string): number {
  return body.match(/[A-Za-z0-9+/]{16,}/g)?.reduce((sum, run) => sum + run.length, 0) ?? 0
}
