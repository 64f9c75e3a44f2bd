/**
 * Memories of mem0: what its `get_all` answers or its dashboard exports, as JSON. Each becomes a statement that is
 * known by its id, so a memory whose text changed supersedes what it was.
 */
import { readFile, stat } from 'node:fs/promises'
import { z } from 'zod'
import { invalidInput } from '../../domain/errors.ts'
import type { ImportedUnit } from '../../domain/ingest/import-statements.ts'
import { anchorTypes, type AnchorType } from '../../domain/memory.ts'
import { importLimits } from '../import-limits.ts'
import { classifyRule } from '../instructions/classify-rule.ts'
import { addProblem, count, parseTime, type ImportedPart, type SourceReport } from '../source.ts'

const name = z.string().nullish()
const memory = z.object({
  id: z.union([z.string().min(1), z.number()]).nullish(),
  memory: z.string(),
  user_id: name,
  agent_id: name,
  app_id: name,
  run_id: name,
  actor_id: name,
  metadata: z.record(z.string(), z.unknown()).nullish().catch(undefined),
  categories: z.array(z.string()).nullish().catch(undefined),
  created_at: z.unknown().optional(),
  updated_at: z.unknown().optional(),
  expiration_date: z.unknown().optional(),
})
const relation = z.object({ source: z.string(), relationship: z.string(), target: z.string() })

const wrongFile = invalidInput(
  'The file holds no list of memories. Save what get_all() answers, or an export whose rows have "id" and "memory", as JSON.',
)

const object = z.record(z.string(), z.unknown())

/** The list stands alone, or under a name; pages saved one after another are JSON Lines. */
const findLists = (value: unknown): { memories: unknown[]; relations: unknown[] } => {
  if (Array.isArray(value)) return { memories: value, relations: [] }
  const holder = object.safeParse(value).data ?? {}
  if (typeof holder['memory'] === 'string') return { memories: [holder], relations: [] }
  const list = [holder['results'], holder['memories'], holder['data']].find((each) => Array.isArray(each))
  const relations = holder['relations']
  return {
    memories: Array.isArray(list) ? list : [],
    relations: Array.isArray(relations) ? relations : [],
  }
}

const parseValues = (text: string, report: SourceReport): unknown[] => {
  try {
    return [JSON.parse(text)]
  } catch {
    return text.split('\n').flatMap((line, index) => {
      if (line.trim() === '') return []
      try {
        return [JSON.parse(line)]
      } catch {
        addProblem(report, `line ${index + 1}`, 'is not JSON')
        return []
      }
    })
  }
}

const typeOf = ({ metadata, categories, memory: text }: z.infer<typeof memory>): AnchorType => {
  const named = metadata?.['type']
  return (
    anchorTypes.find((type) => type === named) ??
    classifyRule(text, [...(categories ?? []), typeof named === 'string' ? named : ''])
  )
}

const textsIn = (data: Record<string, unknown> | null | undefined) =>
  Object.entries(data ?? {}).flatMap(([key, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value) ? [`${key}: ${String(value)}`] : [],
  )

const toUnit = (given: z.infer<typeof memory>): ImportedUnit => {
  const id = given.id === null || given.id === undefined ? undefined : String(given.id)
  const author = given.user_id ?? given.agent_id ?? given.actor_id ?? given.app_id ?? undefined
  const about = [...(given.categories ?? []), ...textsIn(given.metadata)].join(', ')
  return {
    unit: id === undefined ? 'mem0' : `mem0:${id.slice(0, 150)}`,
    isSingle: id !== undefined,
    statements: [
      {
        type: typeOf(given),
        content: given.memory,
        rationale: `A memory of mem0${about && ` (${about})`}`,
        occurredAt: parseTime(given.updated_at) ?? parseTime(given.created_at),
        expiresAt: parseTime(given.expiration_date) ?? null,
        place: {
          place: id === undefined ? 'a memory without id' : `memory ${id}`,
          ...(author && { author }),
        },
      },
    ],
  }
}

const readMemory = (value: unknown, where: string, report: SourceReport): ImportedUnit | undefined => {
  const given = memory.safeParse(value).data
  if (!given) {
    addProblem(report, where, 'has no text in "memory"')
    return undefined
  }
  count(report.read, 'memories')
  const unit = toUnit(given)
  const expiresAt = unit.statements[0]?.expiresAt
  if (!expiresAt || expiresAt > new Date()) return unit
  count(report.skipped, 'expired memories')
  return undefined
}

/** @throws invalid_input for a file that holds no memories */
export async function* readMem0(path: string, report: SourceReport): AsyncGenerator<ImportedPart> {
  if ((await stat(path)).size > importLimits.jsonFileBytes)
    throw invalidInput(
      `The file has more than ${importLimits.jsonFileBytes} bytes. Export it in several parts.`,
    )
  const values = parseValues(new TextDecoder().decode(await readFile(path)), report)
  const lists = values.map(findLists)
  if (lists.every(({ memories, relations }) => memories.length + relations.length === 0)) {
    const isEmpty = values.some((value) => Array.isArray(value) || object.safeParse(value).data?.['results'])
    if (!isEmpty) throw wrongFile
  }
  let number = 0
  for (const { memories, relations } of lists) {
    for (const value of memories) {
      number += 1
      const unit = readMemory(value, `memory ${number}`, report)
      if (unit) yield { kind: 'unit', unit }
    }
    for (const value of relations) {
      const given = relation.safeParse(value).data
      if (!given) {
        addProblem(report, 'a relation', 'has no source, relationship and target')
        continue
      }
      count(report.read, 'relations')
      const content = `${given.source} ${given.relationship} ${given.target}`.replaceAll('_', ' ')
      const statement = {
        type: 'fact' as const,
        content,
        rationale: 'A relation of mem0',
        place: { place: 'relations' },
      }
      yield { kind: 'unit', unit: { unit: 'mem0', statements: [statement] } }
    }
  }
}
