import { limits } from '../../domain/limits.ts'
import type { ToolUsePart } from './transcript-line.ts'

/** A tool call as a person would note it down. */
export interface ToolCall {
  readonly tool: string
  readonly content: string
  /** Paths as the tool got them. */
  readonly files: string[]
  readonly changesFiles: boolean
  /** Equal for calls that try the same thing: a failure is resolved when one of them succeeds. */
  readonly signature: string
  /** The shell command, for the Bash tool. */
  readonly command: string | undefined
}

const snippetCharsMax = 600
const commandLinesMax = 6
const commandCharsMax = 1_500
const valueCharsMax = 200
const fileListCharsMax = 4_000

type Input = ToolUsePart['input']

export function describeToolCall({ name, input }: Pick<ToolUsePart, 'name' | 'input'>): ToolCall {
  const file = text(input['file_path']) || text(input['notebook_path'])
  const content = renderers[name]?.(input, file) ?? renderOther(name, input)
  const command = name === 'Bash' ? text(input['command']) : undefined
  const files = name === 'apply_patch' ? patchedFiles(patchOf(input)) : file === '' ? [] : [file]
  return {
    tool: name,
    content,
    files,
    changesFiles: files.length > 0 && /^(?:Edit|MultiEdit|Write|NotebookEdit|apply_patch)$/.test(name),
    signature:
      command === undefined ? `${name}: ${fileList(files) || content}` : `Bash: ${normalizeCommand(command)}`,
    command,
  }
}

const renderers: Readonly<Record<string, (input: Input, file: string) => string>> = {
  Bash: (input) => renderCommand(text(input['command']), text(input['description'])),
  Read: (input, file) => `Read ${file}${range(input)}`,
  Write: (input, file) => `Write ${file} (${lineCount(text(input['content']))} lines)`,
  Edit: (input, file) => `Edit ${file}${change(input)}`,
  MultiEdit: (input, file) => `Edit ${file}${list(input['edits']).map(change).join('')}`,
  apply_patch: (input) => renderPatch(patchOf(input)),
  NotebookEdit: (input, file) => `Edit ${file}\n${prefixed('+', text(input['new_source']))}`,
  Grep: (input) =>
    `Grep ${quote(text(input['pattern']))}${inPath(input)}${text(input['glob']) && ` (${text(input['glob'])})`}`,
  Glob: (input) => `Glob ${text(input['pattern'])}${inPath(input)}`,
  LS: (input) => `LS ${text(input['path'])}`,
  Task: (input) => renderTask(input),
  Agent: (input) => renderTask(input),
  WebFetch: (input) => `WebFetch ${text(input['url'])}`,
  WebSearch: (input) => `WebSearch ${quote(text(input['query']))}`,
  ExitPlanMode: (input) => `Plan proposed:\n${text(input['plan'])}`,
  TodoWrite: (input) => renderPlan(list(input['todos'])),
}

function renderCommand(command: string, description: string): string {
  const lines = command.trim().split('\n')
  if (lines.length <= 1) return `Bash: ${shorten(command.trim(), commandCharsMax)}`
  const head = shorten(lines.slice(0, commandLinesMax).join('\n'), commandCharsMax)
  const more = lines.length > commandLinesMax ? `\n… (${lines.length} lines)` : ''
  return `Bash${description && ` (${shorten(description, valueCharsMax)})`}: ${head}${more}`
}

function renderTask(input: Input): string {
  const kind = text(input['subagent_type'])
  return `Task${kind && ` ${kind}`}: ${text(input['description'])}\n${shorten(text(input['prompt']), commandCharsMax)}`.trim()
}

/** Codex edits files with patches in a format of its own. */
const patchOf = (input: Input) => text(input['command']) || text(input['patch']) || text(input['input'])

function patchedFiles(patch: string): string[] {
  const files = [...patch.matchAll(/^\*\*\* (?:(?:Add|Update|Delete) File|Move to): (.+)$/gm)]
  return [...new Set(files.map((match) => (match[1] ?? '').trim()))].slice(0, limits.filesPerItem)
}

const fileList = (files: readonly string[]) => shorten(files.join(', '), fileListCharsMax)

function renderPatch(patch: string): string {
  const changes = patch
    .split('\n')
    .filter((line) => !/^\*\*\* (?:Begin|End) Patch|^@@/.test(line))
    .map((line) => line.replace(/^\*\*\* (Add|Update|Delete) File: /, '$1 ').replace(/^\*\*\* /, ''))
  return `Edit ${fileList(patchedFiles(patch))}\n${shorten(changes.join('\n').trim(), commandCharsMax)}`.trim()
}

const planMarks: Readonly<Record<string, string>> = { completed: '[x]', in_progress: '[>]', pending: '[ ]' }

function renderPlan(todos: Input[]): string {
  const done = todos.filter((todo) => todo['status'] === 'completed').length
  const lines = todos.map((todo) => `${planMarks[text(todo['status'])] ?? '[ ]'} ${text(todo['content'])}`)
  return [`Plan, ${done} of ${todos.length} done:`, ...lines].join('\n')
}

/** A tool that we do not know: its name and its short inputs. */
function renderOther(name: string, input: Input): string {
  const values = Object.entries(input)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(
      ([key, value]) =>
        `${key}=${shorten(typeof value === 'string' ? value : JSON.stringify(value), valueCharsMax)}`,
    )
  const tool = /^mcp__(.+?)__(.+)$/.exec(name)
  return shorten(
    `${tool === null ? name : `${tool[1]} ${tool[2]}`} ${values.join(' ')}`.trim(),
    commandCharsMax,
  )
}

function change(input: Input): string {
  const before = text(input['old_string'])
  const after = text(input['new_string'])
  return `\n${prefixed('-', before)}${before && after && '\n'}${prefixed('+', after)}`.trimEnd()
}

function prefixed(sign: string, block: string): string {
  if (block === '') return ''
  return shorten(block, snippetCharsMax)
    .split('\n')
    .map((line) => `${sign} ${line}`)
    .join('\n')
}

/** The command without what does not change its meaning, so that a second try is recognised as one. */
function normalizeCommand(command: string): string {
  return withoutPager(command.slice(0, commandCharsMax))
    .replace(/^\s*(?:cd\s+\S+\s*(?:&&|;)\s*)+/, '')
    .replace(/^(?:timeout|time)\s+(?:-\S+\s+)*(?:\d+[smh]?\s+)?/, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

/** Without `2>&1 | tail -5` and the like. Linear: a pattern for it would try every way to share out the spaces. */
function withoutPager(command: string): string {
  const steps = command.split('|')
  while (steps.length > 1 && /^\s*(?:head|tail|cat)\b/.test(steps.at(-1) ?? '')) steps.pop()
  const rest = steps.join('|').trimEnd()
  return rest.endsWith('2>&1') ? rest.slice(0, -4) : rest
}

export function shorten(value: string, charsMax: number): string {
  if (value.length <= charsMax) return value
  return `${value
    .slice(0, charsMax - 1)
    .replace(/[\uD800-\uDBFF]$/, '')
    .trimEnd()}…`
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const list = (value: unknown): Input[] =>
  Array.isArray(value) ? value.filter((item): item is Input => typeof item === 'object' && item !== null) : []
const quote = (value: string) => JSON.stringify(shorten(value, valueCharsMax))
const inPath = (input: Input) => text(input['path']) && ` in ${text(input['path'])}`
const lineCount = (value: string) => (value === '' ? 0 : value.trimEnd().split('\n').length)

function range({ offset, limit }: Input): string {
  if (typeof offset !== 'number') return ''
  return typeof limit === 'number' ? `:${offset}-${offset + limit - 1}` : `:${offset}`
}
