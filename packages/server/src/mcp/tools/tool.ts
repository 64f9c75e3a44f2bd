/** What a tool is: data and a handler, in one file per tool. */
import type { ToolAnnotations } from '@modelcontextprotocol/server'
import type { z } from 'zod'
import type { Context, Scope } from '../../domain/context.ts'
import type { Memory } from '../../domain/ports.ts'

export interface ToolAnswer {
  /** Markdown, as the model reads it. */
  text: string
  structured: Record<string, unknown>
}

export interface ToolDefinition {
  name: string
  title: string
  /** First words first: clients cut it, and show it before anything else. */
  description: string
  scope: Extract<Scope, 'memory:read' | 'memory:write'>
  /** `hidden` tools work when they are called but are not listed by default. */
  visibility: 'listed' | 'hidden'
  /** Loaded at once by clients that defer tools; for the few that must be known from the start. */
  alwaysLoad?: boolean
  annotations: Required<Omit<ToolAnnotations, 'title'>>
  input: z.ZodObject
  output: z.ZodObject
  /** `args` are what `input` parsed. */
  handle(ctx: Context, memory: Memory, args: never): Promise<ToolAnswer>
}

/** Ties the handler's arguments to the input schema; does nothing at run time. */
export const defineTool = <Input extends z.ZodObject>(
  tool: Omit<ToolDefinition, 'input' | 'handle'> & {
    input: Input
    handle(ctx: Context, memory: Memory, args: z.infer<Input>): Promise<ToolAnswer>
  },
): ToolDefinition => tool

export const readOnly = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
} as const
export const additive = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: false,
} as const
export const destructive = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: false,
} as const
