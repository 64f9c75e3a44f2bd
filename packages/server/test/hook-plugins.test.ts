import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'

const handler = z.strictObject({
  type: z.enum(['command', 'http']),
  command: z.string().optional(),
  url: z.string().optional(),
  timeout: z.int().max(30),
  async: z.boolean().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  allowedEnvVars: z.array(z.string()).optional(),
})
const hooksFile = z.object({
  hooks: z.record(z.string(), z.array(z.strictObject({ hooks: z.array(handler).length(1) })).length(1)),
})
const root = new URL('../../../', import.meta.url)
const read = async (path: string) => readFile(new URL(path, root), 'utf8')
const handlersOf = async (plugin: string) => {
  const { hooks } = hooksFile.parse(JSON.parse(await read(`plugins/${plugin}/hooks/hooks.json`)))
  return Object.entries(hooks).map(([event, [group]]) => ({ event, ...handler.parse(group?.hooks[0]) }))
}

/** Events whose answer the agent needs, or whose report is the last before the process may end. */
const waiting = ['SessionStart', 'UserPromptSubmit', 'PreCompact', 'Stop', 'SessionEnd']

describe('the plugins', () => {
  it.each([
    ['claude-code', 'claude-code'],
    ['codex', 'codex'],
  ])(
    'starts only the bridge, in the background where nobody waits: %s [hooks.plugin]',
    async (plugin, client) => {
      for (const { event, type, command, async: isAsync } of await handlersOf(plugin)) {
        expect([event, type, command]).toEqual([
          event,
          'command',
          `npx -y @stackmemoryai/mcp-server hook ${client}`,
        ])
        if (waiting.includes(event)) expect([event, isAsync]).toEqual([event, undefined])
      }
    },
  )

  it('posts to the endpoint, with a key from the environment only [hooks.plugin]', async () => {
    const handlers = await handlersOf('claude-code-http')
    for (const each of handlers) {
      // Claude Code takes only command and mcp_tool there.
      expect(each.event).not.toBe('SessionStart')
      expect(each.url).toBe('http://127.0.0.1:8080/hooks/v1/claude-code')
      expect(each.headers?.['Authorization']).toBe('Bearer $STACKMEMORY_API_KEY')
      expect(each.allowedEnvVars).toContain('STACKMEMORY_API_KEY')
    }
  })

  it('hooks every event that the document promises, and no other [hooks.plugin]', async () => {
    const document = await read('docs/hooks.md')
    const promised = new Set(
      [...document.matchAll(/^\| (`[A-Z].*?) \|/gm)].flatMap((row) =>
        [...(row[1] ?? '').matchAll(/`(\w+)`/g)].map((name) => name[1]),
      ),
    )
    for (const plugin of ['claude-code', 'claude-code-http', 'codex'])
      for (const { event } of await handlersOf(plugin)) expect(promised).toContain(event)
    const claude = (await handlersOf('claude-code')).map(({ event }) => event)
    expect(
      [...promised].filter((event) => event !== 'PostToolBatch' && !claude.includes(event ?? '')),
    ).toEqual([])
    for (const path of ['plugins/claude-code', 'plugins/claude-code-http', 'plugins/codex'])
      expect(document).toContain(path)
  })
})
