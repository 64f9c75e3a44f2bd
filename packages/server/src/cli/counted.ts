/** `1 statement forgotten`, `2 statements forgotten`: plural nouns that stand first lose their ending for one. */
const singular: Readonly<Record<string, string>> = {
  statements: 'statement',
  sessions: 'session',
  frames: 'frame',
  events: 'event',
  tasks: 'task',
  files: 'file',
  rules: 'rule',
  notes: 'note',
  observations: 'observation',
  relations: 'relation',
  passages: 'passage',
  entities: 'entity',
  memories: 'memory',
  anchors: 'anchor',
  contexts: 'context',
  lines: 'line',
}

export const counted = (count: number, what: string): string => {
  if (count !== 1) return `${count} ${what}`
  const [first = '', ...rest] = what.split(' ')
  return [count, singular[first] ?? first, ...rest].join(' ')
}
