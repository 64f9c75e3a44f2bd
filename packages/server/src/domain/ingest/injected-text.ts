/**
 * The envelope around every text that this server puts into a model's context, and its removal from what
 * comes back. Without it a memory is recalled, quoted in a transcript, ingested as new, recalled twice: in
 * one audited store hundreds of copies of one sentence had come about that way.
 *
 * An envelope comes back in many shapes: whole, cut off, nested, quoted with `> `, inside a JSON string with
 * escaped quotes and `\u003c` for `<`. All are recognised by their markers; a marker without its partner ends
 * where the string, the quotation or the text around it ends.
 */
const tag = 'stackmemory'

/** Receipt ids may hold letters, digits, `_` and `-`: nothing that could close the attribute. */
const receiptPattern = /^[\w-]{1,80}$/

/** Of several backslashes only the last is matched here; `markersIn` goes back over the others. */
const lessThan = String.raw`(?:<|\\u003[cC]|&lt;)`
const greaterThan = String.raw`(?:>|\\{1,16}u003[eE]|&gt;)`
const opening = String.raw`${lessThan}${tag}\s{1,8}receipt=(\\*)(?:"|'|&quot;|\\{1,16}u0022)`
const closing = String.raw`${lessThan}\/${tag}\s{0,8}${greaterThan}`
/** Sources of patterns, to be read without regard to case. */
export const privateOpening = String.raw`${lessThan}private(?:\s[^<>]{0,200})?${greaterThan}`
export const privateClosing = String.raw`${lessThan}\/private\s{0,8}${greaterThan}`

/** Puts text for a model into the envelope. `receipt` names the record of how the text was compiled. */
export function wrapInjected(body: string, { receipt }: { receipt: string }): string {
  if (!receiptPattern.test(receipt)) throw new TypeError('A receipt id holds letters, digits, _ and - only.')
  return `<${tag} receipt="${receipt}">\n${neutraliseMarkers(body)}\n</${tag}>`
}

/** Markers inside the body would end the envelope early, or leave one open: they lose their brackets. */
function neutraliseMarkers(body: string): string {
  return body.replaceAll(new RegExp(`${lessThan}(\\/?)${tag}`, 'gi'), `[$1${tag}`)
}

/** Passes over text that was hidden by nesting one marker inside another; each is linear. */
const passesMax = 8

/**
 * Removes what this server had injected, and `<private>…</private>` blocks, which a person marked as not to
 * be remembered (without an end they reach to the end of the text). `removed` counts the blocks.
 */
export function stripInjected(text: string): { text: string; removed: number } {
  if (!/stackmemory|private/i.test(text)) return { text, removed: 0 }
  let clean = text
  let removed = 0
  for (let pass = 0; pass < passesMax; pass += 1) {
    const envelopes = removeBlocks(clean, envelopeMarkers)
    const privates = removeBlocks(envelopes.text, privateMarkers)
    if (envelopes.removed + privates.removed === 0) return { text: clean, removed }
    clean = privates.text
    removed += envelopes.removed + privates.removed
  }
  // Still unfolding after eight passes is no accident: nothing after the first marker is trusted.
  const rest = new RegExp(`${opening}|${privateOpening}`, 'i').exec(clean)
  return rest === null ? { text: clean, removed } : { text: clean.slice(0, rest.index), removed: removed + 1 }
}

/**
 * True for the tools of this server as MCP clients name them, so that their calls and results in a transcript
 * are not taken for new knowledge: `mcp__stackmemory__…`, `mcp__plugin_x_stackmemory__…`, and our tool names
 * under whatever name the user gave the server. A bare `create_task` may be anybody's.
 */
export function isOwnToolName(name: string): boolean {
  if (/^mcp__(?:[\w-]{0,100}[_-])?stackmemory(?:[_-][\w-]{0,100}?)?__\w/i.test(name)) return true
  const tool = /^mcp__[\w-]{1,200}__(\w+)$/.exec(name)?.[1]
  return tool !== undefined && canonicalTools.has(tool)
}

const canonicalTools = new Set([
  'get_context',
  'search_memory',
  'get_memory',
  'start_frame',
  'close_frame',
  'add_decision',
  'update_memory',
  'create_task',
  'update_task_status',
  'get_active_tasks',
  'record_events',
])

interface Marker {
  readonly opens: boolean
  readonly at: number
  readonly end: number
  /** Backslashes before the marker's quote: the depth of the JSON string that it stands in. */
  readonly escapes: number
}

const envelopeMarkers = { pattern: new RegExp(`(${opening})|${closing}`, 'gi'), lenient: true }
const privateMarkers = { pattern: new RegExp(`(${privateOpening})|${privateClosing}`, 'gi'), lenient: false }

function removeBlocks(text: string, markers: typeof envelopeMarkers): { text: string; removed: number } {
  const blocks = blocksOf(text, markersIn(text, markers.pattern), markers.lenient)
  if (markers.lenient) addCutMarkers(text, blocks)
  if (blocks.length === 0) return { text, removed: 0 }
  const pieces: string[] = []
  let written = 0
  for (const block of blocks) {
    if (block.end <= written) continue
    pieces.push(text.slice(written, Math.max(written, block.at)))
    written = block.end
  }
  pieces.push(text.slice(written))
  return { text: pieces.join(''), removed: blocks.length }
}

function markersIn(text: string, pattern: RegExp): Marker[] {
  return [...text.matchAll(pattern)].map((match) => {
    let at = match.index
    while (match[0].startsWith('\\') && text[at - 1] === '\\') at -= 1
    return {
      opens: match[1] !== undefined,
      at,
      end: match.index + match[0].length,
      escapes: match[2]?.length ?? 0,
    }
  })
}

interface Block {
  readonly at: number
  readonly end: number
}

/** Pairs the markers like brackets; the outermost pairs and the unpaired openings become blocks. */
function blocksOf(text: string, markers: readonly Marker[], lenient: boolean): Block[] {
  const partner = pair(markers)
  const blocks: Block[] = []
  let reached = 0
  markers.forEach((marker, index) => {
    if (marker.at < reached) return
    const close = partner.get(index)
    let block: Block
    if (!marker.opens) {
      if (!lenient || !standsAlone(text, marker)) return
      block = { at: reached, end: marker.end }
    } else if (close === undefined) {
      block = { at: marker.at, end: lenient ? endOfCut(text, marker) : text.length }
    } else {
      block = { at: marker.at, end: close.end }
    }
    const wide = widen(text, block, reached)
    blocks.push(wide)
    reached = wide.end
  })
  return blocks
}

function pair(markers: readonly Marker[]): Map<number, Marker> {
  const partner = new Map<number, Marker>()
  const open: number[] = []
  markers.forEach((marker, index) => {
    if (marker.opens) open.push(index)
    else {
      const opener = open.pop()
      if (opener !== undefined) partner.set(opener, marker)
    }
  })
  return partner
}

/** An end marker whose beginning was cut off counts only as we write it, on a line of its own. */
function standsAlone(text: string, { at, end }: Marker): boolean {
  return (
    /(?:^|\n|\\n)[ \t>]{0,40}$/.test(text.slice(Math.max(0, at - 42), at)) &&
    /^[ \t]{0,40}(?:$|\r?\n|\\+[nr]|\\*")/.test(text.slice(end, end + 44))
  )
}

/** Where a block without an end ends: with the JSON string or the quotation it stands in, else with the text. */
function endOfCut(text: string, { at, end, escapes }: Marker): number {
  if (escapes > 0) return endOfJsonString(text, end, escapes)
  const lineStart = text.lastIndexOf('\n', at) + 1
  if (at - lineStart > 40 || !/^[ \t]*>[ \t>]*$/.test(text.slice(lineStart, at))) return text.length
  const outside = /\n(?![ \t]*>)/g
  outside.lastIndex = end
  return outside.exec(text)?.index ?? text.length
}

function endOfJsonString(text: string, from: number, escapes: number): number {
  for (let quote = text.indexOf('"', from); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (backslashes < escapes && text[quote - 1 - backslashes] === '\\') backslashes += 1
    if (backslashes < escapes) return quote - backslashes
  }
  return text.length
}

/** Takes the quotation marks before the block and one line end after it along. */
function widen(text: string, { at, end }: Block, from: number): Block {
  const lead = /(?<=^|\n)[ \t>]{1,40}$/.exec(text.slice(Math.max(from, at - 41), at))?.[0].length ?? 0
  const onOwnLine = at - lead === 0 || text[at - lead - 1] === '\n'
  const tail = onOwnLine ? (/^[ \t]{0,40}\r?\n/.exec(text.slice(end, end + 43))?.[0].length ?? 0) : 0
  return { at: onOwnLine ? at - lead : at, end: end + tail }
}

/** A text that was cut inside an opening marker ends with a piece of it. */
function addCutMarkers(text: string, blocks: Block[]): void {
  const cut = new RegExp(`${lessThan}${tag}(?:\\s{1,8}[a-z]{0,7}=?\\\\*)?$`, 'i').exec(text.slice(-60))
  if (cut === null) return
  const at = Math.max(0, text.length - 60) + cut.index
  if ((blocks.at(-1)?.end ?? 0) <= at) blocks.push({ at, end: text.length })
}
