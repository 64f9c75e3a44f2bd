import { describe, expect, it } from 'vitest'
import { lexemeCharsMax, lexemesMax, tokenise, toTsquery, toTsvector } from './tokenise.ts'

describe('tokenise', () => {
  it('keeps identifiers whole and splits them [retrieval.tokenise]', () => {
    expect(tokenise('getUserById')).toEqual(['=getuserbyid', 'getuserbyid', 'get', 'user', 'id'])
    expect(tokenise('get_user_by_id')).toEqual(['=get_user_by_id', 'get', 'user', 'id'])
    expect(tokenise('get-context')).toEqual(['=get-context', 'get', 'context'])
    expect(tokenise('HTTPServer')).toEqual(['=httpserver', 'httpserver', 'http', 'server'])
    expect(tokenise('std::vector')).toEqual(['=std::vector', 'std', 'vector'])
    expect(tokenise('self.cache.clear()')).toEqual(['=self.cache.clear', 'self', 'cach', 'clear'])
  })

  it('finds a path by itself, by its name and by its parts [retrieval.tokenise]', () => {
    expect(tokenise('./src/auth.rs:42')).toEqual(['=src/auth.rs', '=auth.rs', 'src', 'auth', 'rs', '42'])
    expect(tokenise(String.raw`C:\Users\ana\auth.rs`)).toEqual(
      expect.arrayContaining(['=users/ana/auth.rs', '=auth.rs', 'auth']),
    )
  })

  it('reads an escape in quoted output as the end of a word', () => {
    expect(tokenise(String.raw`"failed\nretrying\tbackoff"`)).toEqual(['fail', 'retri', 'backoff'])
  })

  it('stems, drops function words and reads both apostrophes', () => {
    expect(tokenise("The tests weren't running on Caroline’s machine")).toEqual([
      'test',
      'run',
      'carolin',
      'machin',
    ])
  })

  it('reads numbers, versions, amounts, dates and hashes', () => {
    expect(tokenise('1,000 v1.2.3 250ms 15th')).toEqual(['1000', '1.2.3', '250', '250ms', '15'])
    expect(tokenise('2024-03-15')).toEqual(['2024-03-15', '2024', '03', '15'])
    expect(tokenise('9f1c2b7a8d00ffee')).toEqual(['9f1c2b7a8d00ffee', '9f1c2b7'])
  })

  it('works for other scripts [retrieval.tokenise]', () => {
    expect(tokenise('数据库连接')).toEqual(['数据', '据库', '库连', '连接'])
    expect(tokenise('用PostgreSQL存')).toEqual(expect.arrayContaining(['用', '存']))
    expect(tokenise('José café МОСКВА')).toEqual(['jose', 'cafe', 'москва'])
    expect(tokenise('ｆｕｌｌｗｉｄｔｈ')).toEqual(tokenise('fullwidth'))
  })

  it('gives names of object methods no special meaning', () => {
    expect(tokenise('constructor __proto__')).toEqual(['constructor', '=__proto__', 'proto'])
  })

  it('bounds the length and the number of lexemes', () => {
    const long = tokenise(`${'x'.repeat(5000)} ${'😀'.repeat(100)} ${'漢'.repeat(10)}`)
    expect(long.every((lexeme) => lexeme.length <= lexemeCharsMax)).toBe(true)
    expect(tokenise('word '.repeat(lexemesMax + 10))).toHaveLength(lexemesMax)
    expect(tokenise('one two three four', 2)).toHaveLength(2)
  })

  it('reads a megabyte in well under a second per megabyte, also without spaces', () => {
    const startedAt = performance.now()
    tokenise('The quick brown fox authenticates getUserById in src/auth/session.ts. '.repeat(15_000), 1e7)
    for (const unit of ['a', 'a/', 'aB', '\\', 'a.', '中', "'", '_']) tokenise(unit.repeat(1e6 / unit.length))
    expect(performance.now() - startedAt).toBeLessThan(8_000)
  })
})

describe('toTsvector', () => {
  it('numbers positions and escapes quotes and backslashes [retrieval.tokenise]', () => {
    expect(toTsvector(["o'b", String.raw`c\d`, "o'b"])).toBe(String.raw`'o''b':1,3 'c\\d':2`)
  })

  it('leaves out zero bytes and half characters, also when nothing else remains', () => {
    expect(toTsvector(['a\0b', '\0', '\ud800', 'c'])).toBe(`'ab':1 'c':4`)
  })

  it('stays within the positions that PostgreSQL keeps', () => {
    expect(toTsvector(Array.from({ length: 400 }, () => 'x')).split(',')).toHaveLength(255)
    expect(toTsvector(Array.from({ length: lexemesMax + 1 }, (_, i) => `w${i}`))).not.toContain('16384')
  })
})

describe('toTsquery', () => {
  it('asks for any of the lexemes, each once, safely quoted', () => {
    expect(toTsquery(['a', "b'c", 'a', '=x|y', ''])).toBe(`'a' | 'b''c' | '=x|y'`)
    expect(toTsquery([])).toBe('')
  })
})
