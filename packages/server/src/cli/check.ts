export interface Check {
  name: string
  status: 'ok' | 'warn' | 'fail'
  /** What was found, and when it is not right, what to do. */
  message: string
}

export const ok = (name: string, message: string): Check => ({ name, status: 'ok', message })
export const warning = (name: string, message: string): Check => ({ name, status: 'warn', message })
export const failed = (name: string, message: string): Check => ({ name, status: 'fail', message })
