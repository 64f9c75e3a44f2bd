import { describe, expect, it } from 'vitest'
import { countTokens } from '../domain/retrieval/tokens.ts'
import { instructions } from './instructions.ts'
import { listTools } from './tool-list.ts'
import { aliases } from './tools/aliases.ts'
import { tools } from './tools/index.ts'

const everything = { toolSet: 'default', pinned: false, allows: () => true } as const

describe('what a client pays before it calls anything', () => {
  it.each([true, false])(
    'lists the tools within 3,000 tokens (project pinned: %s) [mcp.tools-budget]',
    (pinned) => {
      const tokens = countTokens(JSON.stringify({ tools: listTools({ ...everything, pinned }) }))
      expect(tokens).toBeLessThanOrEqual(3_000)
    },
  )

  it('keeps instructions and every description under 2 KB, where clients cut them [mcp.tools-budget]', () => {
    const texts = [instructions, ...tools.map((tool) => tool.description)]
    expect(texts.filter((text) => Buffer.byteLength(text) > 2_048)).toEqual([])
  })
})

describe('the listed tools', () => {
  it('are the ten of the design, in a fixed order [mcp.tools-stable]', () => {
    expect(listTools(everything).map((tool) => tool.name)).toEqual([
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
    ])
  })

  it('carry a title, all four annotations and an output schema [mcp.tools-stable]', () => {
    for (const tool of listTools(everything)) {
      expect(tool.title).not.toBe('')
      expect(Object.keys(tool.annotations).toSorted()).toEqual([
        'destructiveHint',
        'idempotentHint',
        'openWorldHint',
        'readOnlyHint',
      ])
      expect(tool.outputSchema.type).toBe('object')
    }
  })

  it('are loaded at once only where they must be known from the start [mcp.tools-stable]', () => {
    const loaded = listTools(everything).filter((tool) => '_meta' in tool)
    expect(loaded.map((tool) => tool.name)).toEqual(['get_context', 'search_memory', 'add_decision'])
  })

  it('lose the project argument when the project is pinned [mcp.tools-stable]', () => {
    for (const pinned of [true, false])
      for (const tool of listTools({ ...everything, pinned }))
        expect(JSON.stringify(tool.inputSchema).includes('"project":{'), tool.name).toBe(!pinned)
  })

  it('are only the readable ones for a caller who may only read [mcp.tools-stable]', () => {
    const readable = listTools({ ...everything, allows: (scope) => scope === 'memory:read' })
    expect(readable.map((tool) => tool.name)).toEqual([
      'get_context',
      'search_memory',
      'get_memory',
      'get_active_tasks',
    ])
  })

  it('include other names and hook tools only on demand [mcp.aliases]', () => {
    const names = listTools({ ...everything, toolSet: 'upstream' }).map((tool) => tool.name)
    expect(names).toContain('record_events')
    for (const alias of aliases) expect(names).toContain(alias.name)
    expect(new Set(names).size).toBe(names.length)
  })
})
