import { setTimeout as sleep } from 'node:timers/promises'
import { isDomainError } from '../domain/errors.ts'
import { assertOwnSocket } from '../local/address.ts'
import { createLocalFetch } from '../local/local-fetch.ts'
import { readLock } from '../local/owner.ts'
import {
  claimDirectory,
  type ClaimOptions,
  type DirectoryClaim,
} from '../postgres/embedded/claim-directory.ts'

const waitMs = 20_000
const pollMs = 5

/**
 * Claims the directory for a server. A broker that has it gives it up, and its clients come back to the server: they
 * start a broker of their own meanwhile, but this process is awake and theirs is not, and if one of them is faster it
 * is asked too.
 * @throws DomainError `conflict` while another server or a command has the directory
 */
export const claimFromBroker = async (
  options: ClaimOptions,
  onProgress: (message: string) => void,
): Promise<DirectoryClaim> => {
  let asked = ''
  for (const startedAt = performance.now(); ; await sleep(pollMs)) {
    try {
      return await claimDirectory(options)
    } catch (error) {
      const holder = readLock(options.dataDir)
      const isLate = performance.now() - startedAt > waitMs
      if (!isDomainError(error) || error.code !== 'conflict' || isLate) throw error
      // Gone in between: the next attempt may have it.
      if (holder === undefined) continue
      if (holder.info['kind'] !== 'broker') throw error
      if (asked === '') onProgress('Taking over from the broker of local clients')
      const address = holder.info['local']
      if (address !== undefined && asked !== holder.id) {
        asked = holder.id
        await askToYield(address)
      }
    }
  }
}

const askToYield = async (address: string): Promise<void> => {
  assertOwnSocket(address)
  await createLocalFetch(address)('/local/yield', { method: 'POST' }).catch(() => undefined)
}
