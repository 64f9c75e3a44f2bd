/** What the arguments and the environment ask for. Every problem is one sentence that says what to change. */
import {
  endpointAndKey,
  endpointOf,
  families,
  isLoopback,
  keyOf,
  type Variable,
} from '../../server/src/local/endpoint-variables.ts'

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
  const given = argument === undefined ? oneOf(endpointOf, env) : { name: 'The address', value: argument }
  const isPaired = argument === undefined && isOfOneFamily(env)
  const key = isPaired ? endpointAndKey(env).key : oneOf(keyOf, env)
  if (key && !/^[\x21-\x7e]+$/.test(key.value)) {
    throw new SettingProblem(`${key.name} holds characters that no key has. Copy the key again.`)
  }
  const endpoint = given && parseEndpoint(given.name, given.value)
  // Who sets a variable to the address of a server means its MCP endpoint; an argument is taken as it is.
  if (endpoint?.pathname === '/' && argument === undefined) endpoint.pathname = '/mcp'
  return {
    endpoint,
    apiKey: key?.value,
    keyVariable: key?.name ?? 'STACKMEMORY_API_KEY',
  }
}

/** One family names the endpoint: then its own key goes there before the other's. */
const isOfOneFamily = (env: NodeJS.ProcessEnv) =>
  families.filter((each) => endpointOf(each, env)).length === 1

/** The variables are equals: either will do, and two that disagree are a mistake that nobody should guess about. */
function oneOf(of: typeof endpointOf, env: NodeJS.ProcessEnv): Variable | undefined {
  const given = families.flatMap((family) => of(family, env) ?? [])
  if (new Set(given.map(({ value }) => value)).size > 1) {
    const names = given.map(({ name }) => name).join(' and ')
    throw new SettingProblem(`${names} are both set, to different values. Remove one of them.`)
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
