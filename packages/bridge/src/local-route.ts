import { BridgeFailure } from './failure.ts'
import type { RouteSource } from './route.ts'

/** The memory on this machine. */
export function localRoute(): RouteSource {
  const missing = 'is not part of this build. Set STACKMEMORY_ENDPOINT to the address of a server.'
  return {
    place: 'The memory on this machine',
    repeatForMs: 0,
    open: async () => {
      throw new BridgeFailure('refused', `The memory on this machine ${missing}`)
    },
  }
}
