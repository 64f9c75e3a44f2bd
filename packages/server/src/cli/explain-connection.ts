import { isDomainError, unavailable } from '../domain/errors.ts'

/** What went wrong on the way to PostgreSQL, in a sentence of ours. */
export const explainConnection = (error: unknown): unknown => {
  if (isDomainError(error)) return error
  const code = (error as { code?: unknown } | null)?.code
  if (code === '28P01' || code === '28000')
    return unavailable('PostgreSQL refused the user or password of DATABASE_URL. Check both.', error)
  if (code === '3D000')
    return unavailable('The database named in DATABASE_URL is not there. Create it, then try again.', error)
  return unavailable(
    'PostgreSQL cannot be reached at the address of DATABASE_URL. Check the address, and that the server runs.',
    error,
  )
}
