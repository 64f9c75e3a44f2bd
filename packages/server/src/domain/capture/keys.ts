/**
 * What a client's hooks report and what its transcript says later are the same work. These keys make an import of
 * the transcript find what the hooks recorded: both sides build them from what both can see.
 */
import { createHash } from 'node:crypto'

const idCharsMax = 150
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** Ids come from the client; an unreasonable one still has to make a key. */
export const boundedId = (id: string) => (id.length <= idCharsMax ? id : `sha256-${sha256(id)}`)

/** The frame of a session, for example `claude-code:0199f0c2-…`. */
export const sessionKey = (client: string, sessionId: string) => `${client}:${boundedId(sessionId)}`
export const agentKey = (session: string, agentId: string) => `${session}:${boundedId(agentId)}`

/** A tool call and its result, by the id that the model's answer gave the call; `scope` is where ids are unique. */
export const toolKey = (scope: string, toolUseId: string, part: 'call' | 'result') =>
  `${scope}:tool:${boundedId(toolUseId)}:${part}`

/** Something said: the text itself, since hooks do not know the ids of messages. Numbered with `sayingKey`. */
export const sayingBase = (frameKey: string, role: string, content: string) =>
  `${frameKey}:said:${sha256(`${role}\0${content.replaceAll(/\s+/g, ' ').trim()}`).slice(0, 32)}`

/** The `count`th time, from 1, that this was said in this frame. */
export const sayingKey = (base: string, count: number) => `${base}:${count}`
