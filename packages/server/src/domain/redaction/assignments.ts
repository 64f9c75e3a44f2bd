import type { Mark } from './redact-secrets.ts'
import { secretNameOf, type SecretName } from './secret-name.ts'
import { isSecretValue, type ValuePlace } from './secret-value.ts'

/**
 * Secrets that are told by the name in front of them: `.env` lines, JSON (also escaped inside a string),
 * YAML, properties with dotted keys, source code, shell options, URL queries and XML.
 *
 * One expression finds a name's keyword and the separator after it; the rest of the name is read backwards
 * and the value forwards. A value that is no secret is not skipped, because another assignment may be inside
 * it; the end of a bare run is remembered so that nothing is scanned twice.
 */
const keyword =
  'passw(?:or)?d|passphrase|passcode|pass|pwd|secret|token|credential|mnemonic|seed[-_]?phrase|' +
  '(?:api|app|application|private|access|account|auth|signing|encryption|encrypt|master|shared|service|storage|license|deploy)[-_. ]?key|' +
  'connection[-_]?string|authorization|_auth'
const separator = String.raw`[ \t]{0,8}(?:=>|:=|:[ \t]{0,4}(?:string|str|String|&str|Text|any)[ \t]{0,4}=|={1,3}|:)[ \t]{0,20}|>|[ \t]{1,4}(?:is|was)[ \t:]{1,4}|[ \t]{1,4}(?=[^\s-])`
const assignment = new RegExp(
  String.raw`(?:${keyword})[\w.-]{0,40}(?:\\*["'\x60])?\]?(${separator})|[?&](sig|signature|x-(?:amz|goog)-signature)=`,
  'gi',
)

export function redactAssignments(text: string, mark: Mark): string {
  const finder = new RegExp(assignment)
  const pieces: string[] = []
  let written = 0
  let bareEnd = 0
  for (let match = finder.exec(text); match !== null; match = finder.exec(text)) {
    const name = nameAt(text, match)
    const secret = match[2] === undefined ? secretNameOf(name) : signature
    if (secret === undefined) continue
    const value = valueAt(text, finder.lastIndex, match[1] ?? '=', name, bareEnd)
    if (value === undefined) continue
    if (value.place !== 'quoted') bareEnd = value.end
    if (
      value.start < written ||
      !isSecretValue(
        text.slice(value.start, Math.min(value.end, value.start + judgedCharsMax)),
        secret,
        value.place,
      )
    )
      continue
    pieces.push(text.slice(written, value.start), mark(secret.kind))
    written = value.end
    finder.lastIndex = value.end
  }
  return pieces.join('') + text.slice(written)
}

/** As much of a value as its judgement needs. */
const judgedCharsMax = 256

const signature: SecretName = { kind: 'signature', strong: false }

interface FoundValue {
  readonly start: number
  readonly end: number
  readonly place: ValuePlace
}

/** The whole name around the keyword: at most sixty characters before it belong to it. */
function nameAt(text: string, match: RegExpExecArray): string {
  const before = text.slice(Math.max(0, match.index - 60), match.index)
  const prefix = /[\w.$-]*$/.exec(before)?.[0] ?? ''
  const tail = match[1] === undefined ? match[0] : match[0].slice(0, match[0].length - match[1].length)
  return prefix + tail.replaceAll(/[\\"'`\]]/g, '')
}

function valueAt(
  text: string,
  from: number,
  separated: string,
  name: string,
  bareEnd: number,
): FoundValue | undefined {
  // In prose a word follows a name without being its value (`--password options are …`, `the token is sent`),
  // so there it has to look like a secret.
  const isProse = /^[ \t]*(?:is|was)?[ \t:]*$/.test(separated) && !separated.startsWith(':')
  if (separated.trim() === '' && !takesNextWord(text, from, name)) return undefined
  const quoted = quotedAt(text, from)
  if (quoted !== undefined) return separated === '>' ? undefined : quoted
  const bare = /[^\s"'`,;&<>(){}[\]|\\]+/y
  const config = /[^\s"'`<>\\]+/y
  const place = !isProse && isConfigLine(text, from, name, separated) ? 'config' : 'bare'
  const run = separated.trim() === '' || place === 'config' ? config : bare
  run.lastIndex = from
  if (from < bareEnd) return { start: from, end: bareEnd, place }
  if (!run.test(text)) return undefined
  const end = run.lastIndex
  if (isProse && !/\d/.test(text.slice(from, Math.min(end, from + judgedCharsMax)))) return undefined
  if (separated === '>') return text[end] === '<' ? { start: from, end, place: 'quoted' } : undefined
  if (place === 'bare' && !isProse && /[([{]/.test(text[end] ?? '')) return undefined
  if (
    place === 'bare' &&
    !isProse &&
    /\s/.test(separated) &&
    !/^[ \t]*(?:[#\r\n,}]|\\+n|$)/.test(text.slice(end, end + 8))
  )
    return undefined
  return { start: from, end, place }
}

/** Where a blank is enough: a command line option, a `.netrc` line, `PASSWORD '…'` in SQL. */
function takesNextWord(text: string, from: number, name: string): boolean {
  if (/^(?:n?--|-)[a-z]/i.test(name)) return true
  const before = text.slice(Math.max(0, from - 100), from)
  return (
    /\blogin\s+\S{1,60}\s+password\s+$/.test(before) || (/\bPASSWORD $/.test(before) && text[from] === "'")
  )
}

/** A quoted value, where the quotes themselves may be escaped because the text is a string inside JSON. */
function quotedAt(text: string, from: number): FoundValue | undefined {
  const opening = /(\\*)(["'`])/y
  opening.lastIndex = from
  const match = opening.exec(text)
  if (match === null) return undefined
  const start = opening.lastIndex
  const window = text.slice(start, start + 8192)
  const close = match[1] === '' ? endOfPlainString(window, match[2] ?? '"') : window.indexOf(match[0])
  const end = close < 0 || /[\r\n]/.test(window.slice(0, close)) ? endOfLine(window) : close
  return { start, end: start + end, place: 'quoted' }
}

function endOfPlainString(window: string, quote: string): number {
  for (let at = window.indexOf(quote); at >= 0; at = window.indexOf(quote, at + 1)) {
    if (window[at - 1] !== '\\' || window[at - 2] === '\\') return at
  }
  return -1
}

function endOfLine(window: string): number {
  const end = window.search(/[\s"'`]/)
  return end < 0 ? window.length : end
}

/** `NAME=value` or `some.name=value` alone on its line, a command line option, or a part of a URL's query. */
function isConfigLine(text: string, from: number, name: string, separated: string): boolean {
  if (name.startsWith('-')) return true
  const before = text.slice(Math.max(0, from - 160), from)
  const lead = before.slice(0, before.length - separated.length - name.length)
  if (lead.endsWith('?') || lead.endsWith('&')) return true
  if (!separated.startsWith('=') || /\s/.test(separated) || !configName.test(name)) return false
  return /(?:^|[\r\n]|\\n|["'`])[ \t>+-]*(?:export|ENV|ARG|set|env|-e|--env)?[ \t]*$/.test(lead)
}

const configName = /^(?:[A-Z0-9_]+|(?!this\.|self\.)[a-z0-9]+(?:[.-][a-z0-9_]+)+)$/
