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
const heading = /^ {0,3}(#{1,6})[ \t](.*)$/
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

/** The text outside of fenced code; a fence that is never closed goes to the end (CommonMark 0.31, 4.5). */
export const withoutFences = (text: string): string => {
  let open: string | undefined
  const kept: string[] = []
  for (const line of text.split('\n')) {
    const mark = fence.exec(line)?.[1]
    if (open === undefined && mark) open = mark
    else if (open === undefined) kept.push(line)
    else if (mark?.startsWith(open) && line.trim() === mark) open = undefined
  }
  return kept.join('\n')
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
  let lead: { text: string; line: number; isUsed: boolean } | undefined
  let openFence: string | undefined
  let isAfterBlank = false

  const under = () => headings.map((each) => each.text)
  /** What introduced nothing says something by itself. */
  const endLead = () => {
    if (lead && !lead.isUsed) blocks.push({ text: lead.text, headings: under(), line: lead.line })
    lead = undefined
  }
  const flush = () => {
    if (!draft) return
    const body = dedent(draft.lines).trim()
    const isLead = draft.kind === 'paragraph' && /:\**$/.test(body) && !body.includes('\n')
    if (isLead) {
      endLead()
      lead = { text: body, line: draft.line, isUsed: false }
    } else if (body !== '' && !rule.test(body)) {
      const isListed = lead !== undefined && draft.kind !== 'paragraph'
      if (lead && isListed) lead.isUsed = true
      else endLead()
      const withLead = lead && isListed ? `${lead.text} ${body}` : body
      blocks.push({ text: withLead, headings: under(), line: draft.line })
    }
    draft = undefined
  }
  /** The block that a fence right below belongs to, also when it was ended by an empty line. */
  const reopen = (line: number) => {
    if (draft) return
    const last = blocks.at(-1)
    const isSameSection = last?.headings.join('\0') === under().join('\0')
    if (!lead && last && isSameSection) {
      blocks.pop()
      draft = { lines: last.text.split('\n'), line: last.line, kind: 'paragraph' }
    } else {
      draft = { lines: lead && !lead.isUsed ? [lead.text] : [], line: lead?.line ?? line, kind: 'paragraph' }
      lead = undefined
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
      endLead()
      const level = title[1]?.length ?? 1
      while ((headings.at(-1)?.level ?? 0) >= level) headings.pop()
      headings.push({ level, text: plain(withoutClosing(title[2] ?? '')) })
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
      draft = { lines: [raw], line: number, kind: 'paragraph' }
    }
    isAfterBlank = false
  }
  flush()
  endLead()
  return blocks
}

/** Continuation lines lose the indent that they share; the first line has lost its marker. */
const dedent = (lines: readonly string[]): string => {
  const [first = '', ...rest] = lines
  const indents = rest.filter((line) => line.trim() !== '').map((line) => /^\s*/.exec(line)?.[0].length ?? 0)
  const shared = indents.length > 0 ? Math.min(...indents) : 0
  return [first, ...rest.map((line) => line.slice(Math.min(shared, line.length)))].join('\n')
}

/** `## Title ##`: the marks at the end are none of it. */
const withoutClosing = (text: string): string => {
  const words = text.trim()
  let end = words.length
  while (end > 0 && words[end - 1] === '#') end -= 1
  return end === words.length || end === 0 || words[end - 1] !== ' ' ? words : words.slice(0, end)
}

const plain = (text: string) => text.replaceAll(/[*_`]+/g, '').trim()
