import { expect, it } from 'vitest'
import { isAllowedHost, isAllowedOrigin, loopbackHosts, loopbackOrigins } from './host-origin.ts'

it('takes listed hosts on any port, and on one port where one is listed [http.host-origin]', () => {
  const hosts = [...loopbackHosts, 'memory.example:8443']
  for (const host of ['localhost', 'LocalHost:1', '127.0.0.1:4711', '[::1]:4711', 'memory.example:8443']) {
    expect([host, isAllowedHost(host, hosts)]).toEqual([host, true])
  }
  const refused = [
    'memory.example',
    'memory.example:1',
    '127.0.0.2',
    'localhost.',
    'a@localhost',
    'localhost/x',
    '',
  ]
  for (const host of [...refused, 'evil.example', 'localhost:99999', 'localhost evil.example', null]) {
    expect([host, isAllowedHost(host, hosts)]).toEqual([host, false])
  }
})

it('takes listed origins exactly, and any port only where the list says so [http.host-origin]', () => {
  const origins = [...loopbackOrigins, 'https://app.example.com']
  for (const origin of [null, 'http://localhost:3000', 'http://[::1]:3000', 'https://app.example.com']) {
    expect([origin, isAllowedOrigin(origin, origins)]).toEqual([origin, true])
  }
  const refused = [
    'null',
    '',
    'https://app.example.com:8443',
    'http://app.example.com',
    'https://localhost:3000',
  ]
  const sly = [
    'https://app.example.com.evil.example',
    'https://app.example.com/',
    'https://x@app.example.com',
  ]
  for (const origin of [...refused, ...sly, 'file://', 'http://localhost:*']) {
    expect([origin, isAllowedOrigin(origin, origins)]).toEqual([origin, false])
  }
})
