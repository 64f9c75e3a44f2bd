/**
 * What was written into which file, so that exactly that can be taken out again. One small file per connection in
 * the person's configuration folder, readable by nobody else. It holds no key: of what was written it knows the
 * place and a fingerprint.
 */
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CommandFailure, exitCodes } from '../cli/io.ts'
import { fingerprint } from './edit.ts'
import type { Insertion } from './layout.ts'
import { applicationData, joinPath, type Place } from './place.ts'

export interface Step {
  container: string
  name?: string
  id?: string
  insertion: Insertion
  isContainerOurs: boolean
}

export interface Receipt {
  version: 1
  client: string
  scope: string
  name: string
  file: string
  writtenAt: string
  /** The file was not there before. */
  isFileOurs: boolean
  folders: string[]
  backup?: string
  /** Permissions before, when they were tightened for a key. */
  modeBefore?: number
  before: string
  after: string
  /** Of the value of the entry, as `fingerprintOf` makes it. */
  entries: string[]
  steps: Step[]
}

export const receiptFolder = (place: Place): string =>
  joinPath(place, applicationData(place), 'stackmemory', 'connections')

const receiptPath = (place: Place, file: string, name: string) =>
  join(receiptFolder(place), `${fingerprint(`${file}\0${name}`).slice(0, 32)}.json`)

export const loadReceipt = async (place: Place, file: string, name: string): Promise<Receipt | undefined> => {
  const receipt = parseReceipt(await readFile(receiptPath(place, file, name), 'utf8').catch(() => ''))
  return receipt?.file === file ? receipt : undefined
}

/** Undefined for one that nobody can use: then the file counts as somebody else's. */
const parseReceipt = (text: string): Receipt | undefined => {
  try {
    const receipt = JSON.parse(text) as Receipt
    return receipt.version === 1 && Array.isArray(receipt.steps) ? receipt : undefined
  } catch {
    return undefined
  }
}

/** Those of all connections in this file: what one of them made for all goes with the last. */
export const loadReceipts = async (place: Place, file: string): Promise<Receipt[]> => {
  const names = await readdir(receiptFolder(place)).catch(() => [])
  const receipts = await Promise.all(
    names.map(async (name) =>
      parseReceipt(await readFile(join(receiptFolder(place), name), 'utf8').catch(() => '')),
    ),
  )
  return receipts.filter((receipt) => receipt !== undefined && receipt.file === file) as Receipt[]
}

/** @throws a sentence for a person when the folder can't be written. */
export const saveReceipt = async (place: Place, receipt: Receipt): Promise<void> => {
  const path = receiptPath(place, receipt.file, receipt.name)
  const temporary = `${path}.${process.pid}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(temporary, `${JSON.stringify(receipt, null, 2)}\n`, { mode: 0o600 })
    await chmod(temporary, 0o600)
    await rename(temporary, path)
  } catch (error) {
    throw new CommandFailure(
      exitCodes.unavailable,
      `${dirname(path)} cannot be written, and without a note there what is connected could not be undone. Nothing was changed.`,
      { cause: error },
    )
  }
}

export const forgetReceipt = async (place: Place, receipt: Receipt): Promise<void> =>
  rm(receiptPath(place, receipt.file, receipt.name), { force: true })

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, each]) => [name, sorted(each)]),
  )
}

/** The same for the same value, whatever the order of its properties. */
export const fingerprintOf = (value: unknown): string => fingerprint(JSON.stringify(sorted(value)))
