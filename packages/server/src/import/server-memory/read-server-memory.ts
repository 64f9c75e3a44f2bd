/**
 * The graph of the official MCP memory server: JSON Lines of entities with their observations, and of relations. Every
 * observation and every relation becomes a statement that names its entity.
 */
import { createReadStream } from 'node:fs'
import { z } from 'zod'
import type { ImportedUnit } from '../../domain/ingest/import-statements.ts'
import { splitLines } from '../claude-code/read-transcript.ts'
import { importLimits } from '../import-limits.ts'
import { classifyRule } from '../instructions/classify-rule.ts'
import { addProblem, count, type ImportedPart, type SourceReport } from '../source.ts'

const entity = z.object({
  type: z.literal('entity').optional(),
  name: z.string().min(1),
  entityType: z.string().default(''),
  observations: z.array(z.unknown()).default([]),
})
const relation = z.object({
  type: z.literal('relation').optional(),
  from: z.string().min(1),
  to: z.string().min(1),
  relationType: z.string().min(1),
})

const words = (text: string) => text.replaceAll('_', ' ').trim()

const unitOf = (name: string) => `server-memory:${name.slice(0, 150)}`

const toEntity = (
  { name, entityType, observations }: z.infer<typeof entity>,
  line: number,
  report: SourceReport,
): ImportedUnit => {
  const texts = observations.filter((each): each is string => typeof each === 'string')
  const wrong = observations.length - texts.length
  if (wrong > 0) addProblem(report, `line ${line}`, `${wrong} observations are not text`)
  count(report.read, 'entities')
  count(report.read, 'observations', texts.length)
  if (observations.length === 0) count(report.skipped, 'entities without observations')
  const kind = words(entityType)
  return {
    unit: unitOf(name),
    statements: texts.map((text) => ({
      type: classifyRule(text, [kind]),
      content: `${words(name)}: ${text}`,
      rationale: `From the knowledge graph, about ${words(name)}${kind && ` (${kind})`}`,
      place: { place: `entity ${name}`, line },
    })),
  }
}

const toRelation = ({ from, to, relationType }: z.infer<typeof relation>, line: number): ImportedUnit => ({
  unit: unitOf(from),
  statements: [
    {
      type: 'fact',
      content: `${words(from)} ${words(relationType)} ${words(to)}`,
      rationale: 'A relation of the knowledge graph',
      place: { place: `relation of ${from}`, line },
    },
  ],
})

const understand = (value: unknown, line: number, report: SourceReport): ImportedUnit | undefined => {
  const kind = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined
  const asEntity = kind === 'relation' ? undefined : entity.safeParse(value).data
  if (asEntity) return toEntity(asEntity, line, report)
  const asRelation = kind === 'entity' ? undefined : relation.safeParse(value).data
  if (asRelation) {
    count(report.read, 'relations')
    return toRelation(asRelation, line)
  }
  addProblem(report, `line ${line}`, 'is neither an entity nor a relation')
  return undefined
}

const graph = z.object({ entities: z.array(z.unknown()), relations: z.array(z.unknown()).default([]) })

export async function* readServerMemory(path: string, report: SourceReport): AsyncGenerator<ImportedPart> {
  const lines = splitLines(createReadStream(path) as AsyncIterable<Uint8Array>, importLimits.jsonLineChars)
  let number = 0
  for await (const text of lines) {
    number += 1
    if (text.trim() === '') continue
    if (text.length > importLimits.jsonLineChars) {
      addProblem(report, `line ${number}`, `has more than ${importLimits.jsonLineChars} characters`)
      continue
    }
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      addProblem(report, `line ${number}`, 'is not JSON')
      continue
    }
    // The answer of its tool `read_graph`, saved as it is, holds the same on one line.
    const whole = graph.safeParse(value).data
    for (const each of whole ? [...whole.entities, ...whole.relations] : [value]) {
      const unit = understand(each, number, report)
      if (unit && unit.statements.length > 0) yield { kind: 'unit', unit }
    }
  }
}
