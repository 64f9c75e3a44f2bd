import { describe, expect, it } from 'vitest'
import { createReportGate } from './report-gate.ts'

const gate = () =>
  createReportGate({ reportsPerCredentialMax: 2, reportsMax: 3, bytesPerCredentialMax: 100, bytesMax: 150 })

describe('the room for reports under way', () => {
  it('is limited in reports, for one credential and for all', () => {
    const room = gate()
    const first = room.enter('a', 1)
    expect(room.enter('a', 1)).toBeDefined()
    expect(room.enter('a', 1)).toBeUndefined()
    expect(room.enter('b', 1)).toBeDefined()
    expect(room.enter('c', 1)).toBeUndefined()
    first?.leave()
    first?.leave()
    expect(room.enter('c', 1)).toBeDefined()
    expect(room.enter('b', 1)).toBeUndefined()
  })

  it('is limited in bytes, for one credential and for all', () => {
    const room = gate()
    const first = room.enter('a', 90)
    expect(room.enter('a', 20)).toBeUndefined()
    expect(room.enter('b', 70)).toBeUndefined()
    first?.resize(10)
    const second = room.enter('a', 90)
    expect(second).toBeDefined()
    expect(room.enter('b', 60)).toBeUndefined()
    second?.leave()
    second?.resize(1_000)
    expect(room.enter('b', 60)).toBeDefined()
  })
})
