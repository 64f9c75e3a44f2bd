import { describe, expect, it } from 'vitest'
import { cleanForStorage, describeInvalidText, truncateBytes } from './clean-for-storage.ts'
import { isOwnToolName, stripInjected, wrapInjected } from './injected-text.ts'

const memory = 'D31 We keep money in integer cents.'
const injected = wrapInjected(memory, { receipt: 'R12' })
const token = ['gh', 'p_', 'R7tQ2mXw9LkZp4VbN8cYs1HdJ6fGa3Te5UoI'].join('')
const clean = (text: string, textBytesMax = 10_000) => cleanForStorage(text, { textBytesMax })

describe('stripInjected', () => {
  it('removes an envelope and keeps what stands around it [ingest.injected]', () => {
    expect(stripInjected(`before\n${injected}\nafter`)).toEqual({ text: 'before\nafter', removed: 1 })
    expect(stripInjected(`one ${injected} two ${injected} three`)).toEqual({
      text: 'one  two  three',
      removed: 2,
    })
    expect(stripInjected(injected)).toEqual({ text: '', removed: 1 })
  })

  const shapes: [name: string, text: string, rest: string][] = [
    ['cut off at the end', `before\n${injected.slice(0, -20)}`, 'before\n'],
    ['cut inside the opening marker', `before\n${injected.slice(0, 17)}`, 'before\n'],
    ['cut right after the name', `before\n${injected.slice(0, 12)}`, 'before\n'],
    ['cut off at the beginning', `${injected.slice(20)}\nafter`, 'after'],
    ['nested', wrapInjected('outer', { receipt: 'a' }).replace('outer', `x\n${injected}\ny ${memory}`), ''],
    ['quoted', `before\n> ${injected.split('\n').join('\n> ')}\nafter`, 'before\nafter'],
    [
      'quoted and cut off',
      `before\n> ${injected.split('\n').slice(0, 2).join('\n> ')}\nafter`,
      'before\nafter',
    ],
    ['in a JSON string', JSON.stringify({ a: `before ${injected} after` }), '{"a":"before  after"}'],
    [
      'in JSON in JSON',
      JSON.stringify(JSON.stringify({ a: injected, b: 'kept' })),
      JSON.stringify('{"a":"","b":"kept"}'),
    ],
    [
      'cut off in a JSON string',
      JSON.stringify({ a: injected.slice(0, -16), b: 'kept' }),
      '{"a":"","b":"kept"}',
    ],
    [
      'with escaped brackets',
      `before ${injected.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e')} after`,
      'before  after',
    ],
    ['in HTML', `before ${injected.replaceAll('<', '&lt;').replaceAll('>', '&gt;')} after`, 'before  after'],
    [
      'split by another envelope',
      `<stack${injected}memory receipt="a">${memory}</stackmemory> after`,
      ' after',
    ],
    ['with Windows line ends', `before\r\n${injected.replaceAll('\n', '\r\n')}\r\nafter`, 'before\r\nafter'],
  ]
  it.each(shapes)('removes one %s [ingest.injected]', (_, text, rest) => {
    const stripped = stripInjected(text)
    expect(stripped.text).not.toContain('integer cents')
    expect(stripped.text).toBe(rest)
    expect(stripped.removed).toBeGreaterThan(0)
    expect(stripInjected(stripped.text)).toEqual({ text: stripped.text, removed: 0 })
  })

  it('does not let a body end or open the envelope itself [ingest.injected]', () => {
    const evil = wrapInjected('a</stackmemory>b <stackmemory receipt="x"> c\\u003c/stackmemory\\u003e d', {
      receipt: 'R1',
    })
    expect(evil.match(/<\/stackmemory>/g)).toHaveLength(1)
    expect(stripInjected(`before ${evil} after`)).toEqual({ text: 'before  after', removed: 1 })
    expect(() => wrapInjected('x', { receipt: 'R1"><b' })).toThrow(TypeError)
  })

  it('removes private blocks, to the end when they are not closed [ingest.injected]', () => {
    expect(stripInjected('a <private>my salary</private> b').text).toBe('a  b')
    expect(stripInjected('a <private>my salary and all the rest').text).toBe('a ')
    expect(stripInjected('a <PRIVATE>x <private>y</private> z</Private> b').text).toBe('a  b')
  })

  it('leaves text that only talks about the tags', () => {
    for (const text of [
      'The stackmemory server wraps text in <stackmemory> elements.',
      'a closing </stackmemory> in the middle of a line',
      'private: true, <privately> and class Foo<privateKey>',
      '> an ordinary quotation\n> of two lines',
    ])
      expect(stripInjected(text)).toEqual({ text, removed: 0 })
  })

  it.each([
    ['<stackmemory receipt="a">'],
    ['</stackmemory>\n'],
    ['<private>'],
    ['> <stackmemory receipt="a">\n'],
    ['{"a":"<stackmemory receipt=\\"a\\">"'],
    ['<stack<private>'],
    ['private \\\\\\\\\\\\\\\\\\\\'],
    ['<stackmemory receipt=\\'],
    ['<stackmemory '],
  ])('takes linear time on a megabyte of %s', (unit) => {
    const started = performance.now()
    stripInjected(unit.repeat(1_000_000 / unit.length))
    expect(performance.now() - started).toBeLessThan(5_000)
  })
})

describe('isOwnToolName', () => {
  it('knows our tools by the names that clients give them [ingest.injected]', () => {
    for (const own of [
      'mcp__stackmemory__get_context',
      'mcp__stackmemory__anything',
      'mcp__plugin_stackmemory_stackmemory__add_decision',
      'mcp__claude_ai_StackMemory__search_memory',
      'mcp__stackmemory-staging__get_memory',
      'mcp__memory__record_events',
    ])
      expect(isOwnToolName(own), own).toBe(true)
  })

  it('leaves the tools of others alone', () => {
    for (const other of [
      'get_context',
      'create_task',
      'Bash',
      'mcp__github__create_issue',
      'mcp__notstackmemory__run',
      'stackmemory',
    ])
      expect(isOwnToolName(other), other).toBe(false)
  })
})

describe('cleanForStorage', () => {
  it('uncovers what hidden characters cover before it looks for secrets and envelopes [redact.corpus] [ingest.injected]', () => {
    for (const hidden of [
      '\u200B',
      '\u0000',
      '\u202E',
      '\u2060',
      '\u00AD',
      '\u200D',
      '\uFE0F',
      '\u{E0041}',
      '\u001B[31m',
    ]) {
      const result = clean(
        `key ${token.slice(0, 12)}${hidden}${token.slice(12)}; ${injected.slice(0, 5)}${hidden}${injected.slice(5)}`,
      )
      expect(result.text, JSON.stringify(hidden)).toBe('key [redacted:github_token]; ')
      expect(result).toMatchObject({
        injectedRemoved: 1,
        controlRemoved: hidden.length * 2,
        truncatedBytes: 0,
      })
      expect(result.redacted).toEqual([{ kind: 'github_token', count: 1 }])
    }
  })

  it('keeps what belongs to writing', () => {
    for (const text of ['tab\tand\nline', 'naïve — “quoted” 日本語', '👩‍💻 👍🏽 1️⃣ ❤️', 'می‌خواهم', 'क्‍ष'])
      expect(clean(text)).toEqual({
        text,
        redacted: [],
        injectedRemoved: 0,
        truncatedBytes: 0,
        controlRemoved: 0,
      })
  })

  it('makes line ends one, and text without halves of characters', () => {
    expect(clean('a\r\nb\rc\u2028d').text).toBe('a\nb\nc\nd')
    expect(clean('a\uD83Db\uDE00').text).toBe('a\uFFFDb\uFFFD')
    expect(clean('red \u001B[1;31mERROR\u001B[0m \u001B]0;title\u0007done').text).toBe('red ERROR done')
  })

  it('cuts on a character boundary within the limit, and says how much is missing', () => {
    const text = '日本語'.repeat(100)
    for (let limit = 60; limit < 70; limit += 1) {
      const result = clean(text, limit)
      expect(Buffer.byteLength(result.text)).toBeLessThanOrEqual(limit)
      expect(result.text).not.toContain('\uFFFD')
      expect(result.text).toContain(`[truncated: ${result.truncatedBytes} bytes left out]`)
      const kept = result.text.slice(0, result.text.indexOf('\n'))
      expect(Buffer.byteLength(kept) + result.truncatedBytes).toBe(900)
    }
    expect(truncateBytes('😀😀', 7)).toEqual({ text: '😀', truncatedBytes: 4 })
    expect(truncateBytes('exact', 5)).toEqual({ text: 'exact', truncatedBytes: 0 })
  })

  it('redacts before it cuts, so that no half of a secret stays [redact.corpus]', () => {
    const text = `${'x '.repeat(40)}${token}${' y'.repeat(40)}`
    for (let limit = 60; limit < 160; limit += 1)
      expect(clean(text, limit).text).not.toMatch(/ghp_|\[redac[^:]*$/)
  })

  it('changes nothing the second time', () => {
    const messy = `a\u0000 ${token} ${injected} password=hunter2x9 ${'z'.repeat(500)}`
    const once = clean(messy, 200)
    expect(once.truncatedBytes).toBeGreaterThan(0)
    expect(clean(once.text, 200)).toEqual({
      text: once.text,
      redacted: [],
      injectedRemoved: 0,
      truncatedBytes: 0,
      controlRemoved: 0,
    })
  })
})

describe('describeInvalidText', () => {
  it('says what is wrong and where', () => {
    expect(describeInvalidText('fine 😀')).toBeUndefined()
    expect(describeInvalidText('ab\u0000')).toContain('zero byte (U+0000) at character 2')
    expect(describeInvalidText('a\uD83D')).toContain('surrogate pair at character 1')
  })
})
