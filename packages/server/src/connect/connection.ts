/**
 * One connection of one client: what the file would become, and making it so. Planning reads and decides; nothing is
 * written before the plan says what, so that a dry run is the same code.
 *
 * The receipt is written before the file: whatever happens in between, an entry in a file is never without the
 * receipt that allows to take it out again.
 */
import { realpath, unlink } from 'node:fs/promises'
import { isAbsolute, relative, sep } from 'node:path'
import { CommandFailure, dataError, exitCodes, toSafeJson } from '../cli/io.ts'
import type { Client, Scope } from './clients.ts'
import {
  assertWritable,
  backUp,
  deleteConfig,
  readConfig,
  writeConfig,
  type ConfigFile,
} from './config-file.ts'
import { addEntry, fingerprint, isAnnotated, isEmpty, readEntry, removeEntry, thingsFor } from './edit.ts'
import type { Thing } from './json-file.ts'
import { takeOut } from './layout.ts'
import { maskSecrets } from './mask.ts'
import type { Place } from './place.ts'
import {
  fingerprintOf,
  forgetReceipt,
  loadReceipt,
  loadReceipts,
  saveReceipt,
  type Receipt,
  type Step,
} from './receipt.ts'
import type { Json, JsonObject, Target } from './target.ts'

export interface Connection {
  client: Client
  scope: Scope
  name: string
  place: Place
}

export type Outcome = 'created' | 'added' | 'replaced' | 'unchanged' | 'removed' | 'deleted' | 'nothing'

export interface Plan {
  outcome: Outcome
  file: ConfigFile
  /** The text that the file will have; undefined when it will not be there. */
  text?: string
  mode: number
  previous?: Receipt
  receipt?: Receipt
  notes: string[]
}

const fileOf = ({ client, scope, place }: Connection): string => {
  const path = client.file[scope]?.(place)
  if (path === undefined) throw new TypeError(`${client.id} has no ${scope} scope`)
  return path
}

/**
 * The file of a connection. What a repository carries may not lead out of it: the link may be a stranger's.
 * @throws CommandFailure with a sentence.
 */
const openFile = async (connection: Connection): Promise<ConfigFile> => {
  const { scope, place } = connection
  const file = await readConfig(fileOf(connection))
  if (scope === 'project' && !isInside(await realpath(place.project), file.path))
    throw dataError(
      `${fileOf(connection)} is a link that leads out of the project, to ${file.path}. Nothing was changed.`,
    )
  return file
}

const isInside = (folder: string, path: string) => {
  const way = relative(folder, path)
  return way !== '' && way.split(sep)[0] !== '..' && !isAbsolute(way)
}

/** Says which file a complaint about its text is about. */
const about = <T>(file: ConfigFile, work: () => T): T => {
  try {
    return work()
  } catch (error) {
    if (error instanceof CommandFailure && error.exitCode === exitCodes.data)
      throw dataError(`${file.path}: ${error.message}. Nothing was changed.`, error)
    throw error
  }
}

const thingOf = ({ container, name, id }: Step): Thing => ({
  container,
  ...(name === undefined ? {} : { name }),
  ...(id === undefined ? {} : { id }),
  value: {},
})

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What this command wrote into the file at an earlier time, as it stands there. */
export const writtenBefore = ({ client }: Connection, { file, previous }: Plan): Json[] =>
  (previous?.steps ?? []).flatMap((step) => readEntry(client.format, file.text, thingOf(step)) ?? [])

/** absent: not there (any more); ours: as it was written; changed: somebody changed it since. */
const stateOf = ({ client }: Connection, text: string, receipt: Receipt, index: number) => {
  const step = receipt.steps[index]
  if (!step) return 'absent'
  const value = readEntry(client.format, text, thingOf(step))
  if (value === undefined) return 'absent'
  const isSame = isObject(value) && fingerprintOf(value) === receipt.entries[index]
  return isSame && !isAnnotated(client.format, text, thingOf(step), value) ? 'ours' : 'changed'
}

/** The text without what was written. Exact to the byte while nobody else changed the file. */
const takeBack = (connection: Connection, text: string, receipt: Receipt): string => {
  const { format } = connection.client
  if (fingerprint(text) === receipt.after) {
    const before = receipt.steps.toReversed().reduce((rest, step) => takeOut(rest, step.insertion), text)
    if (fingerprint(before) === receipt.before) return before
  }
  // The entry is the first step: what it refers to is looked at when it is out.
  return receipt.steps.reduce((rest, step, index) => {
    const isStillUsed = step.id !== undefined && rest.includes(`\${input:${step.id}}`)
    const isOurs = format === 'toml' || stateOf(connection, rest, receipt, index) === 'ours'
    return isOurs && !isStillUsed ? removeEntry(format, rest, thingOf(step), step.isContainerOurs) : rest
  }, text)
}

const show = (name: string, value: Json | undefined) =>
  `  "${name}": ${toSafeJson(maskSecrets(value) ?? null, 0)}`

const changedByHand = (connection: Connection, file: ConfigFile, receipt: Receipt) =>
  new CommandFailure(
    exitCodes.conflict,
    [
      `the entry "${connection.name}" in ${file.path} was changed by hand since it was written, so it stays as it is:`,
      show(
        connection.name,
        readEntry(connection.client.format, file.text, thingOf(receipt.steps[0] as Step)),
      ),
      'Take it out by hand if you no longer want it, and run the command again.',
    ].join('\n'),
  )

const somebodyElses = ({ name }: Connection, file: ConfigFile, value: Json) =>
  new CommandFailure(
    exitCodes.conflict,
    [
      `${file.path} already has an entry "${name}" that this command did not write, so it stays as it is:`,
      show(name, value),
      'Take it out by hand, or choose another name with --name.',
    ].join('\n'),
  )

/** What the file would become with the client connected. @throws CommandFailure with a sentence. */
export const planConnect = async (connection: Connection, target: Target, now: Date): Promise<Plan> => {
  const { client, name, place } = connection
  const file = await openFile(connection)
  const receipt = await loadReceipt(place, file.path, name)
  const things = thingsFor(client, name, target, place.platform)
  const others = await loadReceipts(place, file.path)
  return about(file, () => {
    const state = receipt ? stateOf(connection, file.text, receipt, 0) : 'absent'
    if (receipt && state === 'changed') throw changedByHand(connection, file, receipt)
    const present = readEntry(client.format, file.text, things[0])
    const isWanted = things.every((thing) => isThere(connection, file.text, thing))
    if (isWanted && (state === 'ours' || !receipt))
      return {
        outcome: 'unchanged',
        file,
        text: file.text,
        mode: file.mode,
        notes: receipt ? [] : ['It was not this command that wrote it, so --undo would leave it there.'],
      }
    if (present !== undefined && state !== 'ours') throw somebodyElses(connection, file, present)
    return planWrite(connection, target, { file, things, receipt, others, now })
  })
}

/** Things beside the entry count as there when something with their id is. */
const isThere = ({ client }: Connection, text: string, thing: Thing) => {
  const value = readEntry(client.format, text, thing)
  return thing.name === undefined
    ? value !== undefined
    : fingerprintOf(value ?? null) === fingerprintOf(thing.value)
}

interface Writing {
  file: ConfigFile
  things: readonly Thing[]
  receipt: Receipt | undefined
  /** Receipts of all connections in this file. What they made, and this one uses too, goes with the last of them. */
  others: readonly Receipt[]
  now: Date
}

const unchanged = (text: string) => ({ text, insertion: { at: 0, length: 0 }, isContainerOurs: false })

const planWrite = (
  connection: Connection,
  target: Target,
  { file, things, receipt, others, now }: Writing,
): Plan => {
  const { client, scope, name } = connection
  const base = receipt ? takeBack(connection, file.text, receipt) : file.text
  const written = others.flatMap((other) => other.steps)
  const steps: Step[] = []
  const entries: string[] = []
  let text = base
  for (const thing of things) {
    const isShared = thing.name === undefined && isThere(connection, text, thing)
    if (isShared && !written.some(({ id }) => id === thing.id)) continue
    const added = isShared ? unchanged(text) : addEntry(client.format, text, thing)
    text = added.text
    entries.push(fingerprintOf(thing.value))
    steps.push({
      container: thing.container,
      ...(thing.name === undefined ? {} : { name: thing.name }),
      ...(thing.id === undefined ? {} : { id: thing.id }),
      insertion: added.insertion,
      isContainerOurs:
        added.isContainerOurs ||
        written.some((step) => step.container === thing.container && step.isContainerOurs),
    })
  }
  const holdsKey = target.kind === 'remote' && target.key.kind === 'text'
  const modeBefore = receipt?.modeBefore ?? file.mode
  const mode = modeFor(file, scope, holdsKey, modeBefore)
  const isFileOurs = file.bytes === undefined || others.some((other) => other.isFileOurs)
  return {
    outcome: file.bytes === undefined ? 'created' : receipt ? 'replaced' : 'added',
    file,
    text,
    mode,
    previous: receipt,
    receipt: {
      version: 1,
      client: client.id,
      scope,
      name,
      file: file.path,
      writtenAt: now.toISOString(),
      isFileOurs,
      folders: others.find((other) => other.isFileOurs)?.folders ?? [],
      ...(receipt?.backup === undefined ? {} : { backup: receipt.backup }),
      ...(file.bytes && mode !== modeBefore ? { modeBefore } : {}),
      before: fingerprint(base),
      after: fingerprint(text),
      entries,
      steps,
    },
    notes: [],
  }
}

/** With a key inside nobody else may read it; what a team shares is readable as its other files are. */
const modeFor = (file: ConfigFile, scope: Scope, holdsKey: boolean, modeBefore: number): number => {
  if (holdsKey) return 0o600
  if (file.bytes) return modeBefore
  return scope === 'user' ? 0o600 : 0o644
}

/** What the file would become without what was written. */
export const planUndo = async (connection: Connection): Promise<Plan> => {
  const { client, name, place } = connection
  const file = await openFile(connection)
  const receipt = await loadReceipt(place, file.path, name)
  const nothing = (note: string): Plan => ({
    outcome: 'nothing',
    file,
    text: file.text,
    mode: file.mode,
    previous: receipt,
    notes: [note],
  })
  if (!receipt) return nothing(`This command has written no entry "${name}" into it.`)
  if (!file.bytes) return nothing('The file is gone already.')
  return about(file, () => {
    const state = stateOf(connection, file.text, receipt, 0)
    if (state === 'changed') throw changedByHand(connection, file, receipt)
    const text = takeBack(connection, file.text, receipt)
    if (text === file.text) return nothing(`The entry "${name}" is gone already.`)
    const isLeftEmpty = receipt.isFileOurs && isEmpty(client.format, text)
    return {
      outcome: isLeftEmpty ? 'deleted' : 'removed',
      file,
      ...(isLeftEmpty ? {} : { text }),
      mode: receipt.modeBefore ?? file.mode,
      previous: receipt,
      notes: receipt.backup ? [`The backup stays: ${receipt.backup}`] : [],
    }
  })
}

/** Does what a plan says. @returns the backup that was made, if any. */
export const carryOut = async (
  connection: Connection,
  plan: Plan,
  now: Date,
): Promise<string | undefined> => {
  if (plan.outcome === 'unchanged') return undefined
  if (plan.receipt) return writeEntry(connection.place, plan, plan.receipt, now)
  if (plan.outcome === 'removed' || plan.outcome === 'deleted') await assertWritable(plan.file)
  if (plan.outcome === 'removed') await writeConfig(plan.file, plan.text ?? '', plan.mode)
  if (plan.outcome === 'deleted') await deleteConfig(plan.file, plan.previous?.folders ?? [])
  if (plan.previous) await forgetReceipt(connection.place, plan.previous)
  return undefined
}

const writeEntry = async (place: Place, plan: Plan, receipt: Receipt, now: Date) => {
  await assertWritable(plan.file)
  const isFirst = plan.previous === undefined && plan.file.bytes !== undefined
  const backup = isFirst ? await backUp(plan.file, now) : undefined
  const full = { ...receipt, ...(backup === undefined ? {} : { backup }) }
  try {
    await saveReceipt(place, full)
    const folders = await writeConfig(plan.file, plan.text ?? '', plan.mode)
    if (folders.length > 0) await saveReceipt(place, { ...full, folders })
  } catch (error) {
    await (plan.previous ? saveReceipt(place, plan.previous) : forgetReceipt(place, full)).catch(
      () => undefined,
    )
    if (backup !== undefined) await unlink(backup)
    throw error
  }
  return backup
}
