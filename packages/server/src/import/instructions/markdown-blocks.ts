/**
 * Cuts instructions written in Markdown into rules: a paragraph, a list item with all that is below it, a table.
 * A fenced block of code stays whole and belongs to what stands before it. What introduces a list ("In tests:")
 * goes in front of each of its items, because each must be understood alone.
 */
export interface Block {
  text: string
  /** Headings that it stands under, outermost first. */
  headings: string[]
  /** Number of its first line, from 1. */
  line: number
}

const fence = /^ {0,3}(`{3,}|~{3,})/
const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/
const item = /^( {0,3})(?:[-*+]|\d{1,9}[.)])\s+(\S.*)$/
const rule = /^ {0,3}(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$/

/** Comments are not shown to a model, so they are no rules; their lines stay, so that numbers stay right. */
export const withoutComments = (text: string): string => {
  let open: string | undefined
  let inComment = false
  return text
    .split('\n')
    .map((line) => {
      const mark = fence.exec(line)?.[1]
      if (!inComment && mark && (open === undefined || (mark.startsWith(open) && line.trim() === mark))) {
        open = open === undefined ? mark : undefined
        return line
      }
      if (open !== undefined) return line
      let rest = line
      let kept = ''
      for (;;) {
        const at = rest.indexOf(inComment ? '-->' : '<!--')
        if (at < 0) return inComment ? kept : kept + rest
        if (!inComment) kept += rest.slice(0, at)
        rest = rest.slice(at + (inComment ? 3 : 4))
        inComment = !inComment
      }
    })
    .join('\n')
}

interface Draft {
  lines: string[]
  line: number
  kind: 'paragraph' | 'item' | 'code'
}

export const toBlocks = (text: string): Block[] => {
  const blocks: Block[] = []
  const headings: { level: number; text: string }[] = []
  let draft: Draft | undefined
  let lead = ''
  let openFence: string | undefined
  let isAfterBlank = false

  const flush = () => {
    if (!draft) return
    const body = dedent(draft.lines).trim()
    const isLead = draft.kind === 'paragraph' && /:\**$/.test(body) && !body.includes('\n')
    if (isLead) lead = body
    else if (body !== '' && !rule.test(body)) {
      const withLead = lead !== '' && draft.kind !== 'paragraph' ? `${lead} ${body}` : body
      blocks.push({ text: withLead, headings: headings.map((each) => each.text), line: draft.line })
      if (draft.kind === 'paragraph') lead = ''
    }
    draft = undefined
  }
  /** The block that a fence right below belongs to, also when it was ended by an empty line. */
  const reopen = (line: number) => {
    if (draft) return
    const last = blocks.at(-1)
    const isSameSection = last && last.headings.join('\0') === headings.map((each) => each.text).join('\0')
    if (lead === '' && isSameSection && line - last.line < 400) {
      blocks.pop()
      draft = { lines: last.text.split('\n'), line: last.line, kind: 'paragraph' }
    } else {
      draft = { lines: lead ? [lead] : [], line, kind: 'paragraph' }
      lead = ''
    }
  }

  for (const [index, raw] of text.split('\n').entries()) {
    const number = index + 1
    const mark = fence.exec(raw.trimStart() === raw ? raw : raw.replace(/^\s+/, ''))?.[1]
    if (openFence !== undefined) {
      draft?.lines.push(raw)
      if (mark?.startsWith(openFence) && raw.trim() === mark) openFence = undefined
      continue
    }
    if (mark) {
      openFence = mark
      reopen(number)
      draft?.lines.push(raw)
      isAfterBlank = false
      continue
    }
    const title = heading.exec(raw)
    if (title) {
      flush()
      lead = ''
      const level = title[1]?.length ?? 1
      while ((headings.at(-1)?.level ?? 0) >= level) headings.pop()
      headings.push({ level, text: plain(title[2] ?? '') })
      continue
    }
    if (raw.trim() === '') {
      if (draft?.kind === 'paragraph') flush()
      isAfterBlank = true
      continue
    }
    const isTop = !/^\s{2,}/.test(raw) || draft === undefined
    const entry = isTop ? item.exec(raw) : null
    if (entry) {
      flush()
      draft = { lines: [entry[2] ?? ''], line: number, kind: 'item' }
    } else if (draft && !(isAfterBlank && draft.kind === 'item' && !/^\s{2,}/.test(raw))) {
      if (isAfterBlank) draft.lines.push('')
      draft.lines.push(raw)
    } else {
      flush()
      lead = ''
      draft = { lines: [raw], line: number, kind: 'paragraph' }
    }
    isAfterBlank = false
  }
  flush()
  return lead
    ? [...blocks, { text: lead, headings: headings.map((each) => each.text), line: 0 }].filter(
        (each) => each.line > 0,
      )
    : blocks
}

/** Continuation lines lose the indent that they share; the first line has lost its marker. */
const dedent = (lines: readonly string[]): string => {
  const [first = '', ...rest] = lines
  const indents = rest.filter((line) => line.trim() !== '').map((line) => /^\s*/.exec(line)?.[0].length ?? 0)
  const shared = indents.length > 0 ? Math.min(...indents) : 0
  return [first, ...rest.map((line) => line.slice(Math.min(shared, line.length)))].join('\n')
}

const plain = (text: string) => text.replaceAll(/[*_`]+/g, '').trim()
