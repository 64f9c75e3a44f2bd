import { describe, expect, it } from 'vitest'
import { toBlocks, withoutComments } from './markdown-blocks.ts'

const texts = (text: string) => toBlocks(text).map((block) => block.text)

describe('cutting instructions into rules', () => {
  it('knows the headings and the line of each', () => {
    expect(toBlocks('# A\n\n## B #\nOne\n\n# C\n- Two\n')).toEqual([
      { text: 'One', headings: ['A', 'B'], line: 4 },
      { text: 'Two', headings: ['C'], line: 7 },
    ])
  })

  it('keeps what is below an item with it', () => {
    expect(texts('- One\n  more\n\n  again\n  - below\n- Two\n3. Three\n\nAfter')).toEqual([
      'One\nmore\n\nagain\n- below',
      'Two',
      'Three',
      'After',
    ])
  })

  it('keeps code whole and with what stands before it, whatever it holds', () => {
    expect(texts('Run:\n\n```sh\n# no heading\n\n- no item\n```\nAfter')).toEqual([
      'Run:\n```sh\n# no heading\n\n- no item\n```\nAfter',
    ])
    expect(texts('- Item\n\n  ```js\n  a\n\n  b\n  ```\n- Next')).toEqual([
      'Item\n```js\na\n\nb\n```',
      'Next',
    ])
    expect(texts('````md\n```\ninner\n```\n````')).toEqual(['````md\n```\ninner\n```\n````'])
    expect(texts('```\nnever closed\n- x')).toEqual(['```\nnever closed\n- x'])
  })

  it('puts what introduces a list in front of its items', () => {
    expect(texts('In tests:\n- one\n- two\n\nElse\n- three')).toEqual([
      'In tests: one',
      'In tests: two',
      'Else',
      'three',
    ])
  })

  it('loses no sentence that ends with a colon', () => {
    expect(texts('Remember this:\n\n# Next\n\nWords')).toEqual(['Remember this:', 'Words'])
    expect(texts('Only this:')).toEqual(['Only this:'])
    expect(texts('First:\n\nSecond:\n\nThird')).toEqual(['First:', 'Second:', 'Third'])
    expect(texts('List:\n- a\n\nCode:\n\n```\nx\n```')).toEqual(['List: a', 'Code:\n```\nx\n```'])
  })

  it('leaves comments out, but not those in code, and keeps the lines', () => {
    expect(withoutComments('a <!-- x --> b\n<!--\n- no\n-->\n```\n<!-- yes -->\n```')).toBe(
      'a  b\n\n\n\n```\n<!-- yes -->\n```',
    )
  })

  it('reads hostile lines in time', () => {
    const start = performance.now()
    const spaces = ' '.repeat(500_000)
    for (const line of [
      `# ${spaces}x`,
      `- ${spaces}x`,
      `${'- '.repeat(200_000)}x`,
      '#'.repeat(500_000),
      `> ${'`'.repeat(300_000)}`,
    ])
      toBlocks(withoutComments(line))
    expect(performance.now() - start).toBeLessThan(2_000)
  })
})
