/** What the arguments and the environment ask for. Every problem is one sentence that says what to change. */

export interface Settings {
  /** The MCP endpoint; undefined means the memory on this machine. */
  readonly endpoint: URL | undefined
  /** Sent as a bearer token. Never printed. */
  readonly apiKey: string | undefined
  /** Where the key came from, for messages. */
  readonly keyVariable: string
}

export type Invocation =
  | { readonly kind: 'serve'; readonly settings: Settings }
  | { readonly kind: 'help' | 'version' }
  | { readonly kind: 'connect'; readonly args: readonly string[] }
  | { readonly kind: 'hook'; readonly client: string }
  | { readonly kind: 'problem'; readonly message: string }

const endpointVariables = ['STACKMEMORY_ENDPOINT', 'RUNWAY_ENDPOINT'] as const
const keyVariables = ['STACKMEMORY_API_KEY', 'RUNWAY_API_KEY'] as const

/** `args` without the program's own name. */
export function parseInvocation(args: readonly string[], env: NodeJS.ProcessEnv): Invocation {
  const [first, ...rest] = args
  // Other users of this machine see the arguments of every process.
  if (args.some((arg) => /smk_\w+_/.test(arg)) || /^--?(?:api-?)?(?:key|token)\b/i.test(first ?? '')) {
    return problem('A key must not stand in an argument. Put it into the variable STACKMEMORY_API_KEY.')
  }
  if (first === '--help' || first === '-h' || first === 'help') return { kind: 'help' }
  if (first === '--version' || first === '-v') return { kind: 'version' }
  if (first === 'connect') return { kind: 'connect', args: rest }
  if (first === 'hook') return { kind: 'hook', client: rest[0] ?? '' }
  if (rest.length > 0) return problem('Give one address at most. See --help.')
  if (first?.startsWith('-')) return problem('There is no such option. See --help.')
  try {
    return { kind: 'serve', settings: settingsFrom(first, env) }
  } catch (error) {
    if (error instanceof SettingProblem) return problem(error.message)
    throw error
  }
}

class SettingProblem extends Error {}

const problem = (message: string): Invocation => ({ kind: 'problem', message })

function settingsFrom(argument: string | undefined, env: NodeJS.ProcessEnv): Settings {
  const given =
    argument === undefined ? oneOf(endpointVariables, env) : { name: 'The address', value: argument }
  const key = oneOf(keyVariables, env)
  if (key && !/^[\x21-\x7e]+$/.test(key.value)) {
    throw new SettingProblem(`${key.name} holds characters that no key has. Copy the key again.`)
  }
  const endpoint = given && parseEndpoint(given.name, given.value)
  // Who sets a variable to the address of a server means its MCP endpoint; an argument is taken as it is.
  if (endpoint?.pathname === '/' && argument === undefined) endpoint.pathname = '/mcp'
  return {
    endpoint,
    apiKey: key?.value,
    keyVariable: key?.name ?? keyVariables[0],
  }
}

/** The variables are equals: either will do, and two that disagree are a mistake that nobody should guess about. */
function oneOf(
  names: readonly string[],
  env: NodeJS.ProcessEnv,
): { name: string; value: string } | undefined {
  const given = names.flatMap((name) => {
    const value = env[name]?.trim() ?? ''
    // A client that was told "${STACKMEMORY_API_KEY}" and knows no such variable hands on the text itself.
    return value === '' || /^\$\{[^}]*\}$/.test(value) ? [] : [{ name, value }]
  })
  if (new Set(given.map(({ value }) => value)).size > 1) {
    throw new SettingProblem(`${names.join(' and ')} are both set, to different values. Remove one of them.`)
  }
  return given[0]
}

/** Throws unless it is https, or http on this machine, without a name and password. */
function parseEndpoint(name: string, text: string): URL {
  if (!URL.canParse(text)) {
    throw new SettingProblem(`${name} is not a URL. Write it as https://memory.example.com/mcp.`)
  }
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') {
    throw new SettingProblem(
      `${name} holds a name or password. Put the key into STACKMEMORY_API_KEY instead.`,
    )
  }
  url.hash = ''
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return url
  if (url.protocol !== 'http:') throw new SettingProblem(`${name} must begin with https://.`)
  throw new SettingProblem(
    `${name} begins with http:// and names another machine, where everybody on the way could read the key. ` +
      'Use https://.',
  )
}

/** RFC 6761 §6.3 (localhost), RFC 1122 §3.2.1.3 (127/8), RFC 4291 §2.5.3 (::1). */
function isLoopback(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname)
}
