import { describe, expect, it } from 'vitest'
import { chunkOverlapWords, chunksPerItemMax, chunkText, chunkWordsMax } from './chunk.ts'

const words = (text: string) => text.split(/\s+/).filter(Boolean)
const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `w${from + i}`).join(' ')

describe('chunkText', () => {
  it('keeps a short text whole and gives nothing for one without words', () => {
    expect(chunkText('  one remark ')).toEqual([{ ord: 0, start: 2, end: 12, text: 'one remark' }])
    expect(chunkText(' \n ')).toEqual([])
  })

  it('has at most 180 words in a chunk, and 20 words of overlap', () => {
    const chunks = chunkText(numbered(500))
    expect(chunks.map(({ text }) => words(text).length)).toEqual([180, 180, 180])
    expect(words(chunks[1]?.text ?? '').slice(0, chunkOverlapWords)).toEqual(
      words(chunks[0]?.text ?? '').slice(-chunkOverlapWords),
    )
  })

  it('cuts at a blank line rather than a line, and at a line rather than a sentence', () => {
    const head = `${numbered(140)}\n\n${numbered(10, 140)}\n${numbered(10, 150)}. ${numbered(60, 160)}`
    expect(chunkText(head)[0]?.text.endsWith('w139')).toBe(true)
    const lines = head.replace('\n\n', ' ')
    expect(chunkText(lines)[0]?.text.endsWith('w149')).toBe(true)
    expect(chunkText(lines.replace('\n', ' '))[0]?.text.endsWith('w159.')).toBe(true)
  })

  it('reports offsets into the original text', () => {
    const text = `  ${numbered(300)}\r\n\t${numbered(300, 300)} 😀 end`
    for (const chunk of chunkText(text)) expect(text.slice(chunk.start, chunk.end)).toBe(chunk.text)
  })

  it('covers every word of a text within the limit', () => {
    const seen = new Set(chunkText(numbered(5000)).flatMap(({ text }) => words(text)))
    expect(seen.size).toBe(5000)
  })

  it('takes the beginning and the end of a giant log', () => {
    const chunks = chunkText(`first ${numbered(50_000)} last`)
    expect(chunks).toHaveLength(chunksPerItemMax)
    expect(chunks[0]?.text.startsWith('first')).toBe(true)
    expect(chunks.at(-1)?.text.endsWith('last')).toBe(true)
    expect(chunks.map(({ ord }) => ord)).toEqual(Array.from({ length: chunksPerItemMax }, (_, i) => i))
    expect(chunks.every((chunk, i) => i === 0 || chunk.start > (chunks[i - 1]?.start ?? 0))).toBe(true)
  })

  it('bounds text without spaces too', () => {
    for (const unit of ['a', '中', '😀', '=']) {
      const chunks = chunkText(unit.repeat(200_000))
      expect(chunks.length).toBeLessThanOrEqual(chunksPerItemMax)
      expect(Math.max(...chunks.map(({ text }) => text.length))).toBeLessThanOrEqual(chunkWordsMax * 48 * 2)
    }
  })
})
