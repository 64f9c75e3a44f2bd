/** Random files in random layout: what is added is one insertion, and taking it out gives back every byte. */
import { parse, type ParseError } from 'jsonc-parser'
import { describe, expect, it } from 'vitest'
import { addThing, readThing, removeThing } from './json-file.ts'
import { takeOut } from './layout.ts'
import type { JsonObject } from './target.ts'

/** Mulberry32: the same numbers for the same seed, so that a failure can be repeated. */
const createRandom = (seed: number) => {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    chance: (share: number) => next() < share,
    pick: <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T,
  }
}

type Random = ReturnType<typeof createRandom>

const comments = ['// "mcpServers": {', '/* , } */', '// é 日本', '/**/']
const strings = ['"a"', '"\\"}{,"', '"//"', '"é\\u00e9"', '""', '"/*"']

/** Between two tokens: blanks, line ends and comments, in any mixture. */
const gap = (random: Random, eol: string): string => {
  let text = ''
  while (random.chance(0.4)) {
    const comment = random.chance(0.3) ? random.pick(comments) : ''
    text += random.pick(['', ' ', '\t', '  ', eol]) + comment + (comment.startsWith('//') ? eol : '')
  }
  return text
}

const members = (random: Random, eol: string, items: string[]) => {
  const around = () => gap(random, eol)
  const listed = items.map((item) => `${around()}${item}${around()}`).join(',')
  return `${listed}${items.length > 0 && random.chance(0.3) ? `,${around()}` : around()}`
}

const value = (random: Random, eol: string, depth: number): string => {
  if (depth === 0 || random.chance(0.4)) return random.pick(['1', '-2.5e3', 'null', 'true', ...strings])
  const count = random.pick([0, 1, 2])
  return random.chance(0.5)
    ? `[${members(
        random,
        eol,
        Array.from({ length: count }, () => value(random, eol, depth - 1)),
      )}]`
    : object(random, eol, depth, count)
}

const object = (random: Random, eol: string, depth: number, count: number, extra: string[] = []): string => {
  const items = Array.from(
    { length: count },
    (_, index) => `"k${index}"${gap(random, eol)}:${gap(random, eol)}${value(random, eol, depth - 1)}`,
  )
  return `{${members(random, eol, random.chance(0.5) ? [...extra, ...items] : [...items, ...extra])}}`
}

const file = (random: Random): string => {
  const eol = random.pick(['\n', '\r\n'])
  const container = random.chance(0.7)
    ? [`"servers"${gap(random, eol)}:${gap(random, eol)}${object(random, eol, 3, random.pick([0, 1, 2, 3]))}`]
    : []
  const body = object(random, eol, 3, random.pick([0, 1, 3]), container)
  return `${random.chance(0.1) ? '\uFEFF' : ''}${gap(random, eol)}${body}${gap(random, eol)}`
}

const read = (text: string) =>
  parse(text.replace('\uFEFF', ' '), [], { allowTrailingComma: true }) as JsonObject
const thing = { container: 'servers', name: 'ours', value: { command: 'x', args: ['-y', '"//{'] } }
const seeds = Array.from({ length: 2_000 }, (_, index) => index)

describe('a thing in a JSON file', () => {
  it('goes in as one piece and comes out to the byte, in any layout [connect.undo]', () => {
    for (const seed of seeds) {
      const before = file(createRandom(seed))
      const { text, insertion, isContainerOurs } = addThing(before, thing)
      expect(takeOut(text, insertion), `seed ${seed}`).toBe(before)
      expect(readThing(text, thing)?.value, `seed ${seed}`).toEqual(thing.value)
      expect(isContainerOurs, `seed ${seed}`).toBe(!('servers' in read(before)))
      const { servers, ...others } = read(text)
      expect({ ...others, ...(isContainerOurs ? {} : { servers: { ...(servers as JsonObject) } }) }).toEqual({
        ...read(before),
        ...(isContainerOurs
          ? {}
          : { servers: { ...(read(before)['servers'] as JsonObject), ours: thing.value } }),
      })
    }
  })

  it('comes out without what was noted about it, and takes no comment with it [connect.undo]', () => {
    for (const seed of seeds) {
      const before = file(createRandom(seed))
      const { text, isContainerOurs } = addThing(before, thing)
      const after = removeThing(text, thing, isContainerOurs)
      expect(read(after), `seed ${seed}: ${before}`).toEqual(read(before))
      const solid = (each: string) => each.replaceAll(/\s/g, '')
      expect(solid(after), `seed ${seed}`).toBe(solid(before))
    }
  })

  it('comes out from any place among others, also the last', () => {
    for (const text of [
      '{"servers":{"a":1,"ours":{"x":1}}}',
      '{"servers":{"a":1,"ours":{"x":1},}}',
      '{\n  "servers": {\n    "a": 1, // one\n    "ours": {"x":1}\n  }\n}',
      '{\n  "servers": {\n    "a": 1,\n    "ours": {"x":1}, // ours\n    "b": 2\n  }\n}',
    ]) {
      const after = removeThing(text, thing, false)
      const { servers } = read(text)
      const { ours, ...others } = servers as JsonObject
      expect(ours).toBeDefined()
      const errors: ParseError[] = []
      expect(parse(after, errors, { allowTrailingComma: text.includes(',}') })).toEqual({ servers: others })
      expect(errors, after).toEqual([])
      expect([...after.matchAll(/\/\/.*/g)].join('')).toBe([...text.matchAll(/\/\/.*/g)].join(''))
    }
  })

  it('leaves a comment on the line of its brace, and one before a property with it', () => {
    const before = '{ // all\n  "servers": { /* these */ // and\n    // first\n    "a": 1 // one\n  }\n}'
    const { text } = addThing(before, { ...thing, value: {} })
    expect(text).toBe(before.replace('// and\n', '// and\n    "ours": {},\n'))
    expect(addThing('{ // all\n}', { ...thing, value: {} }).text).toMatch(/^\{ \/\/ all\n {2}"servers"/)
  })

  it('is an item of a list, known by its id', () => {
    const input = { container: 'inputs', id: 'ours', value: { id: 'ours', type: 'x' } }
    for (const before of ['{}', '{"inputs":[]}', '{\n  "inputs": [\n    { "id": "other" }\n  ]\n}\n']) {
      const { text, insertion, isContainerOurs } = addThing(before, input)
      expect(takeOut(text, insertion)).toBe(before)
      expect(readThing(text, input)?.value).toEqual(input.value)
      expect(removeThing(text, input, isContainerOurs)).toBe(before)
    }
  })
})
