import type { ToolCall } from './tool-call.ts'
import { shorten } from './tool-call.ts'

/**
 * What a tool's answer is worth to memory. What can be had again from the repository (file contents) or only
 * repeats the call (confirmations) is left out; what was learned (output, failures, refusals) stays.
 */
export type ToolOutcome =
  | { readonly skip: string; readonly failed: boolean }
  | {
      readonly skip?: undefined
      readonly kind: 'tool_result'
      readonly content: string
      readonly failed: false
    }
  | {
      readonly skip?: undefined
      readonly kind: 'error'
      readonly content: string
      readonly failed: true
      readonly message: string
    }
  | {
      readonly skip?: undefined
      readonly kind: 'observation'
      readonly content: string
      readonly failed: false
    }

const outputBytesMax = 4_096
const historyBytesMax = 1_024
const reportBytesMax = 16_384
const messageCharsMax = 300
const commandCharsMax = 16_384

/**
 * `text` is the cleaned answer, `isError` what the transcript says about it. With `hasRefusals: false` an answer is
 * never read as the person's refusal: where the tool alone decides what it says, it must not speak for the person.
 */
export function describeToolResult(
  call: ToolCall | undefined,
  text: string,
  isError: boolean,
  { hasRefusals = true }: { hasRefusals?: boolean } = {},
): ToolOutcome {
  const output = text.trim()
  const refusal = isError && hasRefusals ? refusalOf(call, output) : undefined
  if (refusal !== undefined) return { kind: 'observation', content: refusal, failed: false }
  if (output.startsWith('<tool_use_error>')) return { skip: 'tool used wrongly', failed: false }
  const said = output.replace(/^(?:Error: )?Exit code \d+\s*/, '')
  if (said === '' || isNothingFound(said)) return { skip: 'empty result', failed: isError }
  if (isError && (listsFiles(commandOf(call)) || isWrongDirectory(said)))
    return { skip: 'wrong path', failed: true }
  if (isError || (call?.command !== undefined && reportsFailure(said))) {
    return {
      kind: 'error',
      content: elideMiddle(output, outputBytesMax),
      failed: true,
      message: failureLine(said),
    }
  }
  const boring = whyBoring(call)
  if (boring !== undefined) return { skip: boring, failed: false }
  return { kind: 'tool_result', content: elideMiddle(output, bytesMaxFor(call)), failed: false }
}

function refusalOf(call: ToolCall | undefined, output: string): string | undefined {
  if (
    !/^(?:The user doesn't want to (?:proceed with|take) this|Permission to use \w+ .{0,200}denied|\[Request interrupted)/.test(
      output,
    )
  )
    return undefined
  const reason = /the user said:\s*([\s\S]{1,2000})/i.exec(output)?.[1]?.trim()
  const what =
    call === undefined ? 'a tool call' : shorten(call.content.split('\n', 1)[0] ?? '', messageCharsMax)
  return reason === undefined
    ? `Refused by the user: ${what}`
    : `Refused by the user: ${what}\nReason: ${reason}`
}

const commandOf = (call: ToolCall | undefined) => call?.command?.slice(0, commandCharsMax) ?? ''

const isNothingFound = (output: string) =>
  /^(?:No (?:files|matches) found|\(no content\)|\(Bash completed with no output\))$/i.test(output)

/** A step into a directory that is not there teaches nobody anything. */
const isWrongDirectory = (output: string) =>
  /^[^\n]{0,80}\bcd\b[^\n]{0,300}no such file or directory[^\n]{0,300}$/i.test(output)

function whyBoring(call: ToolCall | undefined): string | undefined {
  if (call === undefined) return undefined
  if (call.changesFiles) return 'confirmation of an edit'
  if (call.tool === 'TodoWrite') return 'confirmation of a plan'
  if (call.tool === 'Read' || call.tool === 'NotebookRead') return 'file content'
  if (/^(?:Grep|Glob|LS)$/.test(call.tool) || listsFiles(commandOf(call))) return 'listing or search of files'
  return printsFile(commandOf(call)) ? 'file content' : undefined
}

/** `ls`, `find`, `grep` and the like as the only command: what they say can be had again. */
function listsFiles(command: string): boolean {
  return /^\s*(?:cd\s+\S+\s*&&\s*)?(?:ls|find|fd|tree|pwd|which|grep|rg|ag|git (?:status|ls-files|grep))(?:\s[^;&]*)?$/.test(
    command.replaceAll(/2>&1|2>\s*\/dev\/null/g, ''),
  )
}

/** `cat`, `head`, `sed -n` and the like as the only command. */
function printsFile(command: string): boolean {
  return /^\s*(?:cd\s+\S+\s*&&\s*)?(?:cat|head|tail|less|more|nl|bat|sed\s+-n)\s[^|;&<>]*(?:\|\s*(?:head|tail|nl|cat)\b[^|;&<>]*)*$/.test(
    command,
  )
}

function bytesMaxFor(call: ToolCall | undefined): number {
  if (call === undefined) return outputBytesMax
  if (/^(?:Task|Agent)$/.test(call.tool)) return reportBytesMax
  return /(?:^|&&)\s*git\b[^|;&]*\b(?:log|show|diff|branch|blame)\b/.test(commandOf(call))
    ? historyBytesMax
    : outputBytesMax
}

const failureSummaries = [
  /^=+ .*\b\d+ (?:failed|errors?)\b.* in [\d.:]+s?/m, // pytest
  /^FAILED \((?:failures|errors)=/m, // unittest
  /^[ \t]*Tests?:?[ \t]+(?:.*\b)?[1-9]\d* failed\b/m, // jest, vitest
  /^test result: FAILED/m, // cargo
  /^(?:--- FAIL|FAIL\t)/m, // go
  /^[ \t]*[1-9]\d* failing$/m, // mocha
  /\b\d+ examples?, [1-9]\d* failures?\b/, // rspec
  /\berror TS\d{4}:/, // tsc
  /^npm (?:ERR!|error) code /m,
]

/**
 * A pipe hides the exit code (`… | tail`), so the end of the output is read for what test runners and Python
 * write there. A traceback counts only when the output ends with its exception: warnings print them as well.
 */
function reportsFailure(output: string): boolean {
  const end = output.slice(-4_000)
  if (failureSummaries.some((summary) => summary.test(end))) return true
  return output.includes('Traceback (most recent call last):') && pythonException.test(lastLine(output))
}

const pythonException = /^[A-Za-z_][\w.]{0,100}(?:Error|Exception|Interrupt|Exit)\b(?::|$)/
const tellingLine =
  /^(?:[A-Za-z_][\w.]{0,100}(?:Error|Exception)\b|FAILED|FAIL\b|error(?:\[|:| TS)|fatal:|npm (?:ERR!|error)|E {3}|=+ .*(?:failed|error)|.*(?:command not found|No such file or directory|No module named|Permission denied))/i

/** The line that tells most: the last that looks like an error, else the last one. */
function failureLine(output: string): string {
  const lines = output.slice(-8_000).split('\n')
  const telling =
    lines.findLast((line) => tellingLine.test(line)) ??
    lines.findLast((line) => tellingLine.test(line.trim()))
  return shorten((telling ?? lastLine(output)).trim(), messageCharsMax)
}

const lastLine = (output: string) => output.trimEnd().split('\n').at(-1)?.trim() ?? ''

/** Keeps the beginning and, because results stand at the end, twice as much of the end. */
function elideMiddle(text: string, bytesMax: number): string {
  const bytes = Buffer.byteLength(text)
  if (bytes <= bytesMax) return text
  const scale = text.length / bytes
  const head = text.slice(0, Math.floor((bytesMax - 60) * scale * (1 / 3)))
  const tail = text.slice(text.length - Math.floor((bytesMax - 60) * scale * (2 / 3)))
  const cleanHead = head.includes('\n') ? head.slice(0, head.lastIndexOf('\n')) : head
  const cleanTail = tail.includes('\n') ? tail.slice(tail.indexOf('\n') + 1) : tail
  const left = bytes - Buffer.byteLength(cleanHead) - Buffer.byteLength(cleanTail)
  return `${cleanHead}\n[… ${left} bytes left out …]\n${cleanTail}`.replaceAll(/\p{Surrogate}/gu, '')
}
