import { broker } from './broker.ts'
import type { Io } from './io.ts'
import { reportFailure } from './report-failure.ts'

/** `stackmemory broker` without the command line around it. */
export const runBroker = async (io: Io): Promise<void> => {
  try {
    await broker(io)
  } catch (error) {
    reportFailure(error, io)
  }
}
