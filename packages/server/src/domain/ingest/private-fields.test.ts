import { describe, expect, it } from 'vitest'
import { dropPrivate } from './private-fields.ts'

describe('private parts over several fields', () => {
  it('goes on in the next field until it is closed [hooks.private]', () => {
    expect(
      dropPrivate({ a: 'before <private>one', b: ['two', { c: 'three</private> after' }], d: 'open' }),
    ).toEqual({ a: 'before ', b: ['', { c: ' after' }], d: 'open' })
  })

  it('reaches to the end of the last field when it is never closed [hooks.private]', () => {
    expect(dropPrivate({ a: 'x <private>y', b: 'z', c: { d: 'w' } })).toEqual({
      a: 'x ',
      b: '',
      c: { d: '' },
    })
  })

  it('counts nested parts, and takes an end without a beginning for text [hooks.private]', () => {
    expect(dropPrivate(['a<private>b<private>c</private>d', 'e</private>f', 'g</private>h'])).toEqual([
      'a',
      'f',
      'g</private>h',
    ])
  })

  it('sees markers that are escaped or broken up by hidden characters [hooks.private]', () => {
    expect(dropPrivate(['a\\u003cprivate\\u003eb', 'c &lt;/private&gt;d', 'e<pri\u200bvate>f'])).toEqual([
      'a',
      'd',
      'e',
    ])
  })

  it('leaves numbers, null and unmarked text as they are', () => {
    const value = { n: 1, none: null, text: 'a private matter', list: [true] }
    expect(dropPrivate(value)).toEqual(value)
  })
})
