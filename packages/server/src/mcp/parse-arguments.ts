import type { z } from 'zod'
import { invalidInput } from '../domain/errors.ts'
import { inputOf } from './tool-list.ts'
import type { ToolDefinition } from './tools/tool.ts'

const issuesMax = 5
const namesMax = 40

/** Names that a caller made up are cut and quoted, so that they cannot pass for a sentence of ours. */
const quote = (name: string) => JSON.stringify(name.slice(0, namesMax))

const describeIssue = (issue: z.core.$ZodIssue, known: readonly string[]): string => {
  const path = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : String(part)))
    .join('.')
    .replaceAll('.[', '[')
  if (issue.code === 'unrecognized_keys' && path === '')
    return `there is no argument ${issue.keys.slice(0, issuesMax).map(quote).join(', ')}; it takes ${known.join(', ')}`
  if (issue.code === 'unrecognized_keys')
    return `${path} has no field ${issue.keys.slice(0, issuesMax).map(quote).join(', ')}`
  return `${path || 'the arguments'}: ${issue.message.replace(/^Invalid input: /, '')}`
}

/**
 * The arguments of a call, parsed.
 * @throws invalid_input that names every wrong argument (the first five) and what it should be.
 */
export const parseArguments = (
  name: string,
  tool: ToolDefinition,
  pinned: boolean,
  given: Record<string, unknown>,
): Record<string, unknown> & { project?: string } => {
  const input = inputOf(tool, pinned)
  const parsed = input.safeParse(given)
  if (parsed.success) return parsed.data
  const { issues } = parsed.error
  const known = Object.keys(input.shape)
  const more = issues.length > issuesMax ? `; and ${issues.length - issuesMax} more` : ''
  const problems = issues.slice(0, issuesMax).map((issue) => describeIssue(issue, known))
  throw invalidInput(
    `${name} was not run, and nothing was changed: ${problems.join('; ')}${more}. Correct this and call it again.`,
  )
}
