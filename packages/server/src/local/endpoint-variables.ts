/**
 * The variables of an endpoint and of its key. The two families of names are equals, and a key goes where it was meant
 * for: to the endpoint of its own family, and to the other's only where no other endpoint could be meant.
 *
 * This file is bundled into the bridge.
 */
export const families = ['STACKMEMORY', 'RUNWAY'] as const
export type Family = (typeof families)[number]

export interface Variable {
  readonly name: string
  readonly value: string
}

export const endpointOf = (family: Family, env: NodeJS.ProcessEnv) => read(`${family}_ENDPOINT`, env)
export const keyOf = (family: Family, env: NodeJS.ProcessEnv) => read(`${family}_API_KEY`, env)

/** A client that was told "${NAME}" and knows no such variable hands on the text itself. */
const read = (name: string, env: NodeJS.ProcessEnv): Variable | undefined => {
  const value = env[name]?.trim() ?? ''
  return value === '' || /^\$\{[^}]*\}$/.test(value) ? undefined : { name, value }
}

/** The endpoint of the first family that names one, and the key that may be sent to it. */
export const endpointAndKey = (env: NodeJS.ProcessEnv): { endpoint?: Variable; key?: Variable } => {
  const family = families.find((each) => endpointOf(each, env))
  if (family === undefined) return {}
  const endpoint = endpointOf(family, env)
  const isMeantToo = (each: Family) => {
    const other = endpointOf(each, env)
    return other === undefined || other.value === endpoint?.value
  }
  const others = families.filter((each) => each !== family && isMeantToo(each))
  const key = [family, ...others].map((each) => keyOf(each, env)).find((each) => each !== undefined)
  return { endpoint, key }
}

/** RFC 1122 §3.2.1.3 (127/8), RFC 4291 §2.5.3 (::1); of RFC 6761 §6.3 only localhost, as resolvers ask for others. */
export const isLoopback = (hostname: string): boolean =>
  /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname)
