import { describe, expect, it } from 'vitest'
import { displayWidth, fitText, safeLine, safeText, wrapText } from './terminal-text.ts'

describe('stored text on a terminal', () => {
  it('loses what a terminal obeys, and keeps the rest [cli.escapes]', () => {
    expect(safeText('a\u001B[2Jb\u009B31mc\u0007\r\nd\u202Ee\u0000f')).toBe('ab31mc\ndef')
    expect(safeText('\u001B]8;;http://evil.example\u0007link\u001B]8;;\u0007')).toBe('link')
    expect(safeText('cut off \u001B')).toBe('cut off ')
    expect(safeText('naïve 日本 👩‍💻 é')).toBe('naïve 日本 👩‍💻 é')
    expect(safeLine('  one\n\n  two\tthree ')).toBe('one two  three')
  })

  it('is measured in columns [cli.width]', () => {
    expect(displayWidth('plain')).toBe(5)
    expect(displayWidth('日本語')).toBe(6)
    expect(displayWidth('👩‍💻!')).toBe(3)
    expect(displayWidth('e\u0301a')).toBe(2)
  })

  it('is cut at a character, with a mark [cli.width]', () => {
    expect(fitText('short', 5)).toBe('short')
    expect(fitText('longer', 5)).toBe('long…')
    expect(fitText('日本語日本語', 6)).toBe('日本…')
    expect(displayWidth(fitText('👩‍💻👩‍💻👩‍💻', 4))).toBeLessThanOrEqual(4)
  })

  it('is broken at spaces, indented as it was, and loses nothing [cli.width]', () => {
    expect(wrapText('one two three four', 10)).toEqual(['one two', 'three four'])
    expect(wrapText('- one two three\n    deep text here', 12)).toEqual([
      '- one two',
      '  three',
      '    deep',
      '    text',
      '    here',
    ])
    expect(wrapText('x'.repeat(25), 10)).toEqual(['x'.repeat(10), 'x'.repeat(10), 'x'.repeat(5)])
    expect(wrapText('a\n\nb', Number.POSITIVE_INFINITY)).toEqual(['a', '', 'b'])
    const text = 'Sätze mit 日本語 und '.repeat(20)
    for (const width of [10, 17, 40]) {
      const lines = wrapText(text, width)
      expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(width)
      expect(lines.join(' ').replace(/\s+/g, '')).toBe(text.replace(/\s+/g, ''))
    }
  })
})
