import { describe, expect, it } from 'vitest'
import { sessionRoot } from './session-root.ts'

describe('the directory in which a session began', () => {
  it.each([
    ['/home/ana/shop/api', '-home-ana-shop', '/home/ana/shop'],
    ['/home/ana/shop/', '-home-ana-shop', '/home/ana/shop'],
    ['/home/ana/my.shop', '-home-ana-my-shop', '/home/ana/my.shop'],
    ['C:\\Users\\ana\\shop\\api', 'C--Users-ana-shop', 'C:/Users/ana/shop'],
    ['/x', '-', '/'],
    ['/home/ana/shopping', '-home-ana-shop', '/home/ana/shopping'],
    ['/home/ana/shop', 'elsewhere', '/home/ana/shop'],
    ['/home/ana/shop', '', '/home/ana/shop'],
  ])('of %s in folder %j is %s', (cwd, folder, root) => {
    expect(sessionRoot(cwd, `/t/${folder}/s.jsonl`)).toBe(root)
  })

  it('takes a directory of any depth', () => {
    const deep = '/a'.repeat(200_000)
    const startedAt = performance.now()
    expect(sessionRoot(deep, '/t/-home/s.jsonl')).toBe(deep)
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  }, 600_000)
})
