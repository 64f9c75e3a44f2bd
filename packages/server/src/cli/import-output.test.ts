import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { newSourceReport } from '../import/source.ts'
import { renderReport, type ImportReport } from './import-claude-code.ts'
import { newMemoryReport, renderMemoryReport } from './import-report.ts'
import { renderUndone } from './import-runs.ts'
import { dataError, type Io } from './io.ts'
import { reportFailure } from './report-failure.ts'

const hostile = '\u001B[2Jgone\u001B]0;title\u0007\u009B31m\u202Ex'
const isClean = (text: string) => !/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202E]/.test(text) // oxlint-disable-line no-control-regex

const undone = {
  source: hostile,
  id: '0199f0c2-5d1e-7a55-9b1c-3f0e5d2a4c61',
  label: `${hostile}\n  forged line`,
  isDryRun: false,
  wasUndone: false,
  forgotten: { statements: 1, tasks: 1, frames: 1, events: 1 },
  restored: 1,
  kept: [{ ref: 'A1', reason: hostile }],
}

const claudeCodeReport: ImportReport = {
  importId: null,
  project: null,
  dryRun: true,
  finished: true,
  files: { found: 1, read: 0, unreadable: [{ file: hostile, reason: hostile }] },
  sessions: { new: 0, grown: 0, unchanged: 0, forgotten: 0 },
  events: { added: 0, alreadyThere: 0, empty: 0 },
  redacted: {},
  injectedRemoved: 0,
  skipped: { [hostile]: 2 },
  malformed: { count: 1, lines: [{ file: hostile, line: 1, reason: hostile }] },
  durationMs: 0,
}

it('writes no escape sequence of a file or its name to the terminal [import.hostile]', () => {
  const report = {
    ...newMemoryReport('instructions', true),
    ...newSourceReport(),
    skipped: { [hostile]: 1 },
    problems: { count: 1, list: [{ where: `${hostile}\n  forged line`, reason: hostile }] },
  }
  for (const text of [renderMemoryReport(report), renderReport(claudeCodeReport), renderUndone(undone)]) {
    expect(text).toContain('gone')
    expect(isClean(text)).toBe(true)
    expect(text).not.toMatch(/^ {2}forged line/m)
  }
})

it('writes no escape sequence in the message of a failure [import.hostile]', () => {
  for (const error of [dataError(`There is nothing at ${hostile}.`), new Error(hostile)]) {
    let text = ''
    const stderr = new Writable({
      write(chunk, _encoding, done) {
        text += String(chunk)
        done()
      },
    })
    reportFailure(error, { stderr, setExitCode: () => {} } as unknown as Io)
    expect(text).toContain('gone')
    expect(isClean(text)).toBe(true)
  }
})

it('counts one thing in the singular', () => {
  const text = renderUndone(undone)
  for (const line of [
    '  1 statement forgotten',
    '  1 statement in force again',
    '  1 event forgotten',
    '  1 task forgotten',
    '  1 session or frame forgotten',
  ])
    expect(text.split('\n')).toContain(line)
  expect(renderUndone({ ...undone, forgotten: { ...undone.forgotten, statements: 2 } })).toContain(
    '  2 statements forgotten\n',
  )
  const report = { ...newMemoryReport('mem0', true), read: { memories: 1, relations: 2 } }
  expect(renderMemoryReport(report)).toContain('2 relations, 1 memory')
})
