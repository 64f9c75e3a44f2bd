import { pino, type DestinationStream } from 'pino'
import type { Log } from './domain/context.ts'

/** JSON lines; the fields that could hold a credential are cut whatever a caller passes. */
export const createLog = (level: string, destination: DestinationStream): Log =>
  pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: [
          'authorization',
          '*.authorization',
          '*.key',
          'key',
          '*.password',
          'password',
          '*.connectionString',
        ],
        censor: '[redacted]',
      },
    },
    destination,
  )
