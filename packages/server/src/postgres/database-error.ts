import {
  cancelled,
  conflict,
  DomainError,
  invalidInput,
  isDomainError,
  unavailable,
} from '../domain/errors.ts'

/** SQLSTATE (or Node error code) of a failed statement; undefined for anything that is not one. */
export const sqlState = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

const lossStates = new Set([
  '57P01',
  '57P02',
  '57P03',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'ETIMEDOUT',
])

/** The server or the way to it is gone; what was sent last may or may not have arrived. */
export const isConnectionLost = (error: unknown) => {
  const state = sqlState(error) ?? ''
  return (
    state.startsWith('08') ||
    lossStates.has(state) ||
    /Connection terminated|not queryable|timeout exceeded when trying to connect/.test(String(error))
  )
}

export const isDiskFull = (error: unknown) => ['53100', 'ENOSPC'].includes(sqlState(error) ?? '')

/** A PANIC that is no full disk (there the log refuses the record of the commit) leaves open what was stored. */
const isPanic = (error: unknown) => (error as { severity?: unknown } | null)?.severity === 'PANIC'

/** A failure that goes away by running the same transaction again. */
export const isTransient = (error: unknown) => ['40001', '40P01', '55P03'].includes(sqlState(error) ?? '')

/**
 * Turns a database failure into one of our own. The text of the database stays in `cause`, for the log: it
 * can hold another user's words, and it must not reach a model.
 */
export const toDomainError = (error: unknown, signal: AbortSignal): DomainError => {
  if (isDomainError(error)) return error
  if (signal.aborted) return cancelled(error)
  const state = sqlState(error) ?? ''
  if (isConnectionLost(error))
    return unavailable(
      'The database cannot be reached right now. Nothing was changed; try again in a few seconds.',
      error,
    )
  if (isDiskFull(error))
    return unavailable(
      'The disk of the database is full. Nothing was changed; free some space and try again.',
      error,
    )
  if (isPanic(error))
    return unavailable(
      'The database stopped in the middle of the call, so the change may or may not be there. Look for it before you repeat the call, or repeat it with the same idempotency key.',
      error,
    )
  switch (state) {
    case '57014':
      return unavailable(
        'The database took too long and the statement was stopped. Nothing was changed; ask for less at once.',
        error,
      )
    case '25006':
    case 'EROFS':
      return unavailable('The database is read-only right now. Nothing was changed; try again later.', error)
    case '53300':
      return unavailable(
        'The database has no free connection. Nothing was changed; try again in a few seconds.',
        error,
      )
    case '22007':
    case '22008':
      return invalidInput('A date is out of range. Use a year from 1 to 9999.')
    case '22021':
    case '22P05':
      return invalidInput(
        'The text holds a character that cannot be stored, such as a zero byte. Remove it and try again.',
      )
    case '40001':
    case '40P01':
    case '55P03':
      return conflict(
        'Another writer changed the same thing at the same moment. Nothing was changed; try again.',
      )
    default:
      return new DomainError(
        'internal',
        'Something went wrong on our side. Nothing was changed; try again.',
        { cause: error },
      )
  }
}
