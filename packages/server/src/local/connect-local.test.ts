import { expect, it } from 'vitest'
import { brokerEnv } from './connect-local.ts'

it('starts a broker without the keys of its first client [local.private]', () => {
  const kept = { PATH: '/bin', SECRET_KEY: 's', SECRET_KEY_FILE: '/s', LOG_LEVEL: 'info', TOKENIZER: 'x' }
  const dropped = {
    STACKMEMORY_API_KEY: 'k',
    STACKMEMORY_ENDPOINT: 'e',
    RUNWAY_ENDPOINT: 'e',
    RUNWAY_API_KEY: 'k',
    OPENAI_API_KEY: 'k',
    GITHUB_TOKEN: 'k',
    AWS_SECRET_ACCESS_KEY: 'k',
    CLIENT_SECRET: 'k',
  }
  expect(brokerEnv({ ...kept, ...dropped }, '/data')).toEqual({ ...kept, DATA_DIR: '/data' })
})
