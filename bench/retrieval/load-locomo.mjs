/** LoCoMo (Maharana et al. 2024): each session becomes a frame, each turn an event. */
const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')

/** "1:56 pm on 8 May, 2023" */
const parseSessionDate = (text) => {
  const found = /(\d+):(\d+) (am|pm) on (\d+) (\w+),? (\d+)/i.exec(text)
  if (!found) throw new Error(`Not a LoCoMo session date: ${text}`)
  const [, hour, minute, half, day, month, year] = found
  const hours = (Number(hour) % 12) + (half.toLowerCase() === 'pm' ? 12 : 0)
  const monthIndex = months.indexOf(month.slice(0, 3).toLowerCase())
  return new Date(Date.UTC(Number(year), monthIndex, Number(day), hours, Number(minute)))
}

const textOf = (turn) => (turn.blip_caption ? `${turn.text}\n[image: ${turn.blip_caption}]` : turn.text)

const loadFrames = (conversation) =>
  Object.keys(conversation)
    .filter((key) => /^session_\d+$/.test(key))
    .map((key) => ({
      id: key,
      turns: conversation[key].map((turn, i) => ({
        id: turn.dia_id,
        role: 'user',
        actor: turn.speaker,
        text: textOf(turn),
        createdAt: new Date(parseSessionDate(conversation[`${key}_date_time`]).getTime() + i * 1000),
      })),
    }))

export const loadLocomo = (data, { adversarial = false } = {}) =>
  data.map(({ sample_id: id, conversation, qa }) => {
    const frames = loadFrames(conversation)
    const known = new Set(frames.flatMap((frame) => frame.turns.map((turn) => turn.id)))
    const questions = qa
      .filter(({ category }) => (category === 5) === adversarial)
      .map((question) => ({
        text: question.question,
        type: String(question.category),
        evidence: [
          ...new Set((question.evidence ?? []).flatMap((entry) => entry.match(/D\d+:\d+/g) ?? [])),
        ].filter((turnId) => known.has(turnId)),
      }))
      .filter(({ evidence }) => evidence.length > 0)
    return { id, frames, questions, actors: [conversation.speaker_a, conversation.speaker_b] }
  })
