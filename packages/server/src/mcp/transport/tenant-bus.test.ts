import { describe, expect, it } from 'vitest'
import { createTenantBus } from './tenant-bus.ts'

const everything = (tenantId: string) => ({ tenantId, includes: () => true })
const changed = { kind: 'tools_list_changed' } as const

describe('createTenantBus', () => {
  it('keeps an event in its tenant even from a subscription that would hear every project [mcp.bus-tenant]', () => {
    const bus = createTenantBus()
    const heard: string[] = []
    for (const tenant of ['a', 'b']) bus.open(everything(tenant))?.attach(() => void heard.push(tenant))
    bus.publishFor({ id: 'p', organizationId: 'a' }, changed)
    bus.publishFor({ id: 'p', organizationId: 'nobody' }, changed)
    expect(heard).toEqual(['a'])
  })

  it('asks the scope for each event, so that a lost membership ends the events', () => {
    const bus = createTenantBus()
    const members = new Set(['p'])
    let events = 0
    bus.open({ tenantId: 'a', includes: (id) => members.has(id) })?.attach(() => void events++)
    bus.publishFor({ id: 'p', organizationId: 'a' }, changed)
    members.delete('p')
    bus.publishFor({ id: 'p', organizationId: 'a' }, changed)
    expect(events).toBe(1)
  })

  it('limits a tenant and the instance, and takes places back once', () => {
    const bus = createTenantBus({ limits: { subscriptionsPerTenantMax: 2, subscriptionsMax: 3 } })
    const first = bus.open(everything('a'))
    expect(bus.open(everything('a'))).toBeDefined()
    expect(bus.open(everything('a'))).toBeUndefined()
    expect(bus.open(everything('b'))).toBeDefined()
    expect(bus.open(everything('c'))).toBeUndefined()
    first?.close()
    first?.close()
    expect(bus.count('a')).toBe(1)
    expect(bus.open(everything('c'))).toBeDefined()
    expect(bus.open(everything('c'))).toBeUndefined()
  })

  it('delivers to the others when one listener fails', () => {
    const failures: unknown[] = []
    const bus = createTenantBus({ onError: (error) => failures.push(error) })
    let events = 0
    bus.open(everything('a'))?.attach(() => {
      throw new Error('broken listener')
    })
    bus.open(everything('a'))?.attach(() => void events++)
    bus.publishFor({ id: 'p', organizationId: 'a' }, changed)
    expect([events, failures.length]).toEqual([1, 1])
  })
})
