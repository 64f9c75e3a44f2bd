/** BEAM (Tavakoli et al. 2026): a folder of chats; each session becomes a frame, each message an event. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The types whose evidence is a few messages that hold facts. */
export const factualTypes = [
  'information_extraction',
  'knowledge_update',
  'multi_session_reasoning',
  'temporal_reasoning',
  'contradiction_resolution',
]

const collectNumbers = (value) => {
  if (typeof value === 'number') return [value]
  return value && typeof value === 'object' ? Object.values(value).flatMap(collectNumbers) : []
}

const parseAnchor = (anchor, fallback) => {
  const date = anchor ? new Date(`${anchor.replaceAll('-', ' ')} UTC`) : undefined
  return date && !Number.isNaN(date.getTime()) ? date : fallback
}

const loadFrames = (batches) => {
  let at = new Date('2024-01-01T00:00:00Z')
  return batches.map((batch) => ({
    id: `session-${batch.batch_number}`,
    turns: batch.turns.flat().map((message) => {
      at = new Date(parseAnchor(message.time_anchor, at).getTime() + 1000)
      return {
        id: String(message.id),
        role: message.role,
        actor: message.role,
        text: message.content.replace(/\s*->->\s*[\d,.\s]+$/, ''),
        createdAt: at,
      }
    }),
  }))
}

const loadChat = async (folder, types) => {
  const read = async (...path) => JSON.parse(await readFile(join(folder, ...path), 'utf8'))
  const frames = loadFrames(await read('chat.json'))
  const known = new Set(frames.flatMap((frame) => frame.turns.map((turn) => turn.id)))
  const probing = await read('probing_questions', 'probing_questions.json')
  const questions = types.flatMap((type) =>
    (probing[type] ?? []).map((question) => ({
      text: question.question,
      type,
      evidence: [...new Set(collectNumbers(question.source_chat_ids).map(String))].filter((id) =>
        known.has(id),
      ),
    })),
  )
  return {
    id: folder,
    frames,
    questions: questions.filter(({ evidence }) => evidence.length > 0),
    actors: [],
  }
}

export const loadBeam = async (folder, { types = factualTypes } = {}) => {
  const names = (await readdir(folder)).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  return Promise.all(names.map((name) => loadChat(join(folder, name), types)))
}
