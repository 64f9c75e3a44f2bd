/** What a tool answered, as the text that stands in a transcript; hooks get the structures behind it. */
export interface ToolAnswer {
  readonly text: string
  readonly isError: boolean
}

type Fields = Record<string, unknown>

export const readToolResponse = (response: unknown): ToolAnswer => {
  if (typeof response === 'string') return fromText(response)
  if (Array.isArray(response)) return { text: textOfParts(response), isError: false }
  if (typeof response !== 'object' || response === null) return { text: '', isError: false }
  const fields = response as Fields
  const exitCode = exitCodeOf(fields)
  const isError = fields['is_error'] === true || fields['isError'] === true || (exitCode ?? 0) !== 0
  const text = textOf(fields)
  return { text: exitCode ? `Exit code ${exitCode}\n${text}` : text, isError }
}

const fromText = (text: string): ToolAnswer => {
  const trimmed = text.trimStart()
  if (/^\{[\s\S]*\}\s*$/.test(trimmed)) {
    const parsed = parseObject(trimmed)
    if (parsed && ('output' in parsed || 'stdout' in parsed)) return readToolResponse(parsed)
  }
  const exit = /^(?:Error: )?(?:Exit code:?|Process exited with code) (\d+)/m.exec(trimmed.slice(0, 300))
  return { text, isError: exit !== null && exit[1] !== '0' }
}

const parseObject = (text: string): Fields | undefined => {
  try {
    return JSON.parse(text) as Fields
  } catch {
    return undefined
  }
}

const exitCodeOf = (fields: Fields): number | undefined => {
  const metadata = fields['metadata']
  const inner =
    typeof metadata === 'object' && metadata !== null ? (metadata as Fields)['exit_code'] : undefined
  return [fields['exit_code'], fields['exitCode'], inner].find((each) => typeof each === 'number')
}

/** The fields under which the tools of Claude Code, Codex and MCP keep their text, else the whole as JSON. */
const textOf = (fields: Fields): string => {
  if (fields['isImage'] === true) return ''
  if (typeof fields['stdout'] === 'string' || typeof fields['stderr'] === 'string')
    return [fields['stdout'], fields['stderr']]
      .filter((each) => typeof each === 'string' && each !== '')
      .join('\n')
  for (const name of ['content', 'output', 'result', 'text', 'message', 'error']) {
    const value = fields[name]
    if (typeof value === 'string') return value
    if (Array.isArray(value)) return textOfParts(value)
  }
  return JSON.stringify(fields)
}

const textOfParts = (parts: readonly unknown[]): string =>
  parts
    .map((part) => {
      if (typeof part === 'string') return part
      if (typeof part !== 'object' || part === null) return ''
      const { text } = part as Fields
      return typeof text === 'string' ? text : ''
    })
    .filter((each) => each !== '')
    .join('\n')
