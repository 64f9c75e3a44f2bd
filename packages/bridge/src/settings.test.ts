import { describe, expect, it } from 'vitest'
import { parseInvocation } from './settings.ts'

const settingsOf = (args: string[], env: NodeJS.ProcessEnv = {}) => {
  const invocation = parseInvocation(args, env)
  if (invocation.kind !== 'serve') throw new Error(JSON.stringify(invocation))
  return invocation.settings
}
const problemOf = (args: string[], env: NodeJS.ProcessEnv = {}) => {
  const invocation = parseInvocation(args, env)
  return invocation.kind === 'problem' ? invocation.message : undefined
}
const url = 'https://memory.example.com/mcp'

describe('settings', () => {
  it.each(['STACKMEMORY', 'RUNWAY'])('takes %s_ENDPOINT and its key [bridge.settings]', (name) => {
    const env = { [`${name}_ENDPOINT`]: ` ${url} `, [`${name}_API_KEY`]: 'smk_live_abc' }
    expect(settingsOf([], env)).toEqual({
      endpoint: new URL(url),
      apiKey: 'smk_live_abc',
      keyVariable: `${name}_API_KEY`,
    })
  })

  it('takes the address of a server for its endpoint, but only in a variable [bridge.settings]', () => {
    expect(settingsOf([], { RUNWAY_ENDPOINT: 'https://memory.example.com' }).endpoint?.href).toBe(url)
    expect(settingsOf(['https://memory.example.com']).endpoint?.pathname).toBe('/')
  })

  it('prefers the address in the arguments, and needs none [bridge.settings]', () => {
    expect(settingsOf([url], { STACKMEMORY_ENDPOINT: 'https://other.example' }).endpoint?.href).toBe(url)
    expect(settingsOf([], { STACKMEMORY_ENDPOINT: '', RUNWAY_ENDPOINT: '${RUNWAY_ENDPOINT}' }).endpoint).toBe(
      undefined,
    )
  })

  it('sends a key to the endpoint of its own name first [bridge.settings]', () => {
    const keys = { STACKMEMORY_API_KEY: 'one', RUNWAY_API_KEY: 'two' }
    expect(settingsOf([], { ...keys, RUNWAY_ENDPOINT: url })).toMatchObject({
      apiKey: 'two',
      keyVariable: 'RUNWAY_API_KEY',
    })
    expect(settingsOf([], { ...keys, STACKMEMORY_ENDPOINT: url }).apiKey).toBe('one')
    expect(settingsOf([], { RUNWAY_ENDPOINT: url, STACKMEMORY_API_KEY: 'one' }).apiKey).toBe('one')
  })

  it('refuses two that disagree, and takes two that agree [bridge.settings]', () => {
    const keys = { STACKMEMORY_API_KEY: 'one', RUNWAY_API_KEY: 'two' }
    expect(problemOf([], keys)).toBe(
      'STACKMEMORY_API_KEY and RUNWAY_API_KEY are both set, to different values. Remove one of them.',
    )
    expect(problemOf([], { STACKMEMORY_ENDPOINT: url, RUNWAY_ENDPOINT: `${url}2` })).toContain('different')
    expect(settingsOf([], { STACKMEMORY_API_KEY: 'one', RUNWAY_API_KEY: 'one' }).apiKey).toBe('one')
  })

  it.each([
    'http://localhost:3000/mcp',
    'http://127.0.0.1/mcp',
    'http://127.8.9.1:1/',
    'http://[::1]:3000/mcp',
    url,
  ])('takes %s [bridge.secure]', (address) => {
    expect(settingsOf([address]).endpoint?.href).toBe(new URL(address).href)
  })

  it.each([
    ['http://memory.example.com/mcp', 'https'],
    ['http://localhost.example.com/mcp', 'https'],
    ['http://127.0.0.1.example.com/mcp', 'https'],
    ['http://10.0.0.1/mcp', 'https'],
    ['http://app.localhost/mcp', 'https'],
    ['http://[::2]/mcp', 'https'],
    ['file:///etc/passwd', 'https'],
    ['memory.example.com', 'not a URL'],
    ['https://user:secret@memory.example.com/mcp', 'name or password'],
  ])('refuses %s [bridge.secure]', (address, words) => {
    expect(problemOf([address])).toContain(words)
    expect(problemOf([], { STACKMEMORY_ENDPOINT: address })).not.toContain('secret')
  })

  it.each([
    [['smk_live_0123456789abcdef']],
    [[url, 'smk_test_0123456789abcdef']],
    [['--api-key', 'abc']],
    [['--key=abc']],
    [[`${url}?key=smk_live_0123`]],
  ])('refuses a key among the arguments, without repeating it: %j [bridge.secure]', (args) => {
    expect(problemOf(args)).toContain('STACKMEMORY_API_KEY')
    expect(problemOf(args)).not.toMatch(/smk_|abc/)
  })

  it('refuses a key that no header can carry, without repeating it [bridge.secure]', () => {
    expect(problemOf([], { RUNWAY_API_KEY: 'one\ntwo' })).toBe(
      'RUNWAY_API_KEY holds characters that no key has. Copy the key again.',
    )
  })

  it('knows its few words', () => {
    expect(parseInvocation(['--version'], {})).toEqual({ kind: 'version' })
    expect(parseInvocation(['connect', 'cursor', '--dry-run'], {})).toEqual({
      kind: 'connect',
      args: ['cursor', '--dry-run'],
    })
    expect(parseInvocation(['hook', 'codex'], {})).toEqual({ kind: 'hook', client: 'codex' })
    expect(problemOf(['--verbose'])).toContain('--help')
    expect(problemOf([url, url])).toContain('one address')
  })
})
