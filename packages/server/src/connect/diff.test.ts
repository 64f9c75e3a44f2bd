import { describe, expect, it } from 'vitest'
import { diffLines } from './diff.ts'
import { escapeControls } from '../cli/io.ts'
import { maskDiff, maskKey, maskSecrets } from './mask.ts'

describe('the diff of a dry run', () => {
  it('has only lines that change, with their numbers', () => {
    const before = 'a\nb\nc\nd\n'
    expect(diffLines('f', before, before)).toBe('')
    expect(diffLines('f', before, 'a\nX\nb\nc\nY\nd\n')).toBe(
      '--- f\n+++ f\n@@ -1,0 +2,1 @@\n+X\n@@ -3,0 +5,1 @@\n+Y',
    )
    expect(diffLines('f', 'a\nb\nc', 'a\nB\nc')).toBe('--- f\n+++ f\n@@ -2,1 +2,1 @@\n-b\n+B')
    expect(diffLines('f', '', 'a\n')).toBe('--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a')
    expect(diffLines('f', 'a\n', '')).toBe('--- f\n+++ f\n@@ -1,1 +0,0 @@\n-a')
  })
})

describe('an entry on the screen', () => {
  it('shows references and no secrets [connect.key]', () => {
    expect(
      maskSecrets({
        headers: { Authorization: 'Bearer abc', Other: 'Bearer ${A}' },
        env: { API_KEY: 'abc', SECRET: '${env:S}', HOME: '/h' },
        bearer_token_env_var: 'NAME',
        args: ['--x', 'smk_live_abc'],
      }),
    ).toEqual({
      headers: { Authorization: '***', Other: 'Bearer ${A}' },
      env: { API_KEY: '***', SECRET: '${env:S}', HOME: '/h' },
      bearer_token_env_var: 'NAME',
      args: ['--x', '***'],
    })
  })
})

describe('a diff on the screen', () => {
  it('shows nothing of other people in lines that change [connect.key]', () => {
    const theirs = '"x":{"env":{"PGX":"hunter2"},"url":"https://a.example/s3cr3t"} /* or hunter3 */'
    const diff = diffLines(
      'f',
      `{"mcpServers":{${theirs}}} // hunter4`,
      `{"mcpServers":{${theirs},"stackmemory":{"command":"npx","args":["-y"]}}} // hunter4`,
    )
    const shown = maskDiff(diff, [{ command: 'npx', args: ['-y'] }])
    expect(shown).not.toMatch(/hunter|s3cr3t/)
    expect(shown).toContain('"stackmemory":{"command":"npx","args":["-y"]}')
    expect(shown).toContain('"PGX":***')
    expect(maskDiff("-token = 'a\"b'", [])).toBe('-token = ***')
  })

  it('never shows a key of ours, in whatever line [connect.key]', () => {
    expect(maskKey('-"A": "smk_live_abc"\n+ // smk_test_def', undefined)).toBe('-"A": "***"\n+ // ***')
  })

  it('moves no cursor [connect.dry-run]', () => {
    expect(escapeControls('-\u001B[2J\ta\r\n+\u009B\u202E')).toBe('-\\u001b[2J\ta\\u000d\n+\\u009b\\u202e')
  })
})
