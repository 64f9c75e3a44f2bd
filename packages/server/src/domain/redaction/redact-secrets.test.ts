import { describe, expect, it } from 'vitest'
import { redactDeep } from './redact-deep.ts'
import { redactSecrets } from './redact-secrets.ts'

/**
 * No secret stands here as one literal, so that scanners of this repository stay quiet: each is joined from
 * its prefix and characters drawn from a seeded generator.
 */
const alphabets = {
  base62: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  hex: '0123456789abcdef',
  base32: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567',
  lower: 'abcdefghijklmnopqrstuvwxyz0123456789',
  digits: '1234567890',
} as const
let seed = 20_260_728
function draw(length: number, alphabet: keyof typeof alphabets = 'base62'): string {
  const characters = alphabets[alphabet]
  let text = ''
  while (text.length < length) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    text += characters[(seed >>> 8) % characters.length]
  }
  return text
}
const glue = (...parts: string[]) => parts.join('')
const base64 = (text: string) => Buffer.from(text).toString('base64')
const base64url = (text: string) => Buffer.from(text).toString('base64url')

const jwt = glue(
  base64url('{"alg":"HS256","typ":"JWT"}'),
  '.',
  base64url(`{"sub":"${draw(12)}"}`),
  '.',
  draw(43),
)
const keyLines = [64, 64, 64, 24].map((length) => draw(length))
const armour = (type: string, newline: string) =>
  [glue('-----BEGIN ', type, '-----'), ...keyLines, glue('-----END ', type, '-----')].join(newline)
const keyType = glue('RSA PRIV', 'ATE KEY')
const opensshType = glue('OPENSSH PRIV', 'ATE KEY')

/** kind, what stands in the text, and what must be gone (the secret itself when it is the whole input). */
const tokens: [kind: string, token: string][] = [
  ['stackmemory_key', glue('smk_', 'live_', draw(22), '_', draw(49))],
  ['stackmemory_key', glue('smk_', 'test_', draw(22), '_', draw(49))],
  ['aws_access_key', glue('AK', 'IA', draw(16, 'base32'))],
  ['aws_access_key', glue('AS', 'IA', draw(16, 'base32'))],
  ['github_token', glue('gh', 'p_', draw(36))],
  ['github_token', glue('gh', 's_', draw(36))],
  ['github_token', glue('github', '_pat_', draw(22), '_', draw(59))],
  ['gitlab_token', glue('gl', 'pat-', draw(20))],
  ['gitlab_token', glue('gl', 'rt-', draw(20))],
  ['slack_token', glue('xo', 'xb-', draw(12, 'digits'), '-', draw(12, 'digits'), '-', draw(24))],
  ['slack_token', glue('xa', 'pp-1-', draw(11), '-', draw(13, 'digits'), '-', draw(64, 'hex'))],
  [
    'slack_webhook',
    glue('https://hooks.sl', 'ack.com/services/', 'T', draw(8), '/B', draw(8), '/', draw(24)),
  ],
  ['stripe_key', glue('sk', '_live_', draw(24))],
  ['stripe_key', glue('rk', '_test_', draw(99))],
  ['webhook_secret', glue('wh', 'sec_', draw(32))],
  ['openai_key', glue('sk', '-proj-', draw(74), '_', draw(40))],
  ['openai_key', glue('sk', '-', draw(48))],
  ['anthropic_key', glue('sk', '-ant-', 'api03-', draw(93), 'AA')],
  ['google_api_key', glue('AI', 'za', draw(35))],
  ['google_oauth_secret', glue('GOC', 'SPX-', draw(28))],
  ['google_oauth_token', glue('ya', '29.a0', draw(60))],
  ['npm_token', glue('np', 'm_', draw(36))],
  ['pypi_token', glue('py', 'pi-', 'AgEI', draw(80))],
  ['twilio_key', glue('S', 'K', draw(32, 'hex'))],
  ['sendgrid_key', glue('S', 'G.', draw(22), '.', draw(43))],
  ['mailgun_key', glue('ke', 'y-', draw(32, 'hex'))],
  ['linear_key', glue('lin', '_api_', draw(40))],
  ['datadog_key', glue('dd', 'app_', draw(34))],
  ['huggingface_token', glue('h', 'f_', draw(34))],
  ['digitalocean_token', glue('do', 'p_v1_', draw(64, 'hex'))],
  ['databricks_token', glue('da', 'pi', draw(32, 'hex'))],
  ['vault_token', glue('hv', 's.', draw(90))],
  ['terraform_token', glue(draw(14), '.atl', 'asv1.', draw(67))],
  ['shopify_token', glue('shp', 'at_', draw(32, 'hex'))],
  ['telegram_token', glue(draw(9, 'digits'), ':A', 'A', draw(33))],
  ['discord_token', glue('M', draw(25), '.', draw(6), '.', draw(38))],
  ['azure_client_secret', glue(draw(3), '8Q', '~', draw(34))],
  ['sentry_token', glue('sntr', 'ys_', draw(80))],
  ['grafana_token', glue('gl', 'sa_', draw(32), '_', draw(8, 'hex'))],
  ['supabase_key', glue('sb', 'p_', draw(40, 'hex'))],
  ['jwt', jwt],
]

const word = glue('hunter2', 'secret')
const odd = glue('S3cr', 'et!pa55')
const hex32 = draw(32, 'hex')
const long = draw(40)
const slashed = `${draw(18)}/${draw(10)}+${draw(10)}`
const user = 'orders'

/** kind, input, must not remain */
const corpus: [kind: string, input: string, gone: string][] = [
  ...tokens.map(([kind, token]): [string, string, string] => [kind, `use ${token} here`, token]),
  ...tokens.map(([kind, token]): [string, string, string] => [
    kind,
    `{"log":"first\\n${token}\\nlast"}`,
    token,
  ]),
  ...tokens
    .slice(0, 12)
    .map(([kind, token]): [string, string, string] => [kind, `https://${token}@git.test/a.git`, token]),

  ['private_key', armour(keyType, '\n'), keyLines[1] ?? ''],
  ['private_key', armour(opensshType, '\r\n'), keyLines[3] ?? ''],
  ['private_key', JSON.stringify({ key: armour(keyType, '\n') }), keyLines[2] ?? ''],
  ['private_key', JSON.stringify(JSON.stringify({ key: armour(keyType, '\n') })), keyLines[2] ?? ''],
  ['private_key', armour(keyType, '\n> '), keyLines[0] ?? ''],
  ['private_key', armour(keyType, '\n').split('\n').slice(0, 4).join('\n'), keyLines[2] ?? ''],
  [
    'private_key',
    armour(keyType, '\n').split('\n').slice(0, 5).join('\n').slice(0, -4),
    keyLines[3]?.slice(0, 12) ?? '',
  ],
  [
    'private_key',
    armour(keyType, '\n').split('\n').slice(0, 5).join('\n').slice(0, -14),
    keyLines[3]?.slice(0, 10) ?? '',
  ],
  ['private_key', armour(glue('PGP PRIV', 'ATE KEY BLOCK'), '\n'), keyLines[1] ?? ''],

  ['connection_string', `postgres://${user}:${word}@db.internal:5432/orders`, word],
  ['connection_string', `postgresql+asyncpg://${user}:${word}@db/orders`, word],
  ['connection_string', `mysql://${user}:${odd}@10.0.0.3/orders`, odd],
  ['connection_string', `mongodb+srv://${user}:${word}@cluster0.mongodb.net/?w=majority`, word],
  ['connection_string', `redis://:${word}@cache:6379/0`, word],
  ['connection_string', `amqps://${user}:${word}@mq/vhost`, word],
  ['connection_string', `git clone https://${user}:${long}@git.test/team/repo.git`, long],
  ['connection_string', `"DATABASE_URL": "postgres://${user}:${word}@db/orders"`, word],
  ['connection_string', `DATABASE_URL=postgres://${user}:${word}@db/orders`, word],

  ['authorization', `Authorization: Bearer ${long}`, long],
  ['authorization', `authorization: Basic ${base64(`${user}:${word}`)}`, base64(`${user}:${word}`)],
  ['authorization', `curl -H 'Authorization: Bearer ${long}' https://api.test`, long],
  ['authorization', `{"Authorization":"Bearer ${long}"}`, long],
  ['authorization', `{\\"Authorization\\": \\"Bearer ${long}\\"}`, long],
  ['authorization', `headers.set('Authorization', 'Token ${long}')`, long],
  ['bearer_token', `sent with bearer ${long}`, long],
  ['cookie', `Cookie: session=${long}; theme=dark`, long],
  ['cookie', `Set-Cookie: __Host-sid=${long}; Path=/; HttpOnly`, long],
  ['cookie', `-H "cookie: a=1; connect.sid=${long}"`, long],
  ['cookie', `{"cookie":"sid=${long}"}`, long],
  ['cookie', `curl --cookie "sid=${long}" https://api.test`, long],
  ['password', `curl -u admin:${word} https://api.test`, word],
  ['password', `mysqldump -u root -p${word} orders`, word],

  ['password', `password=${word}`, word],
  ['password', `DB_PASSWORD=${word}`, word],
  ['password', 'DB_PASSWORD=letmein', 'letmein'],
  ['password', `export PGPASSWORD='${odd}'`, odd],
  ['password', `PASSWORD=${odd}(,;x)`, odd],
  ['password', `db.password=${word}`, word],
  ['password', `spring.datasource.password=${word}`, word],
  ['password', `db.password: ${word}`, word],
  ['password', `  password: ${word}`, word],
  ['password', `password: "${word}"`, word],
  ['password', `{"password":"${word}"}`, word],
  ['password', `{ "db": { "password" : "${odd}" } }`, odd],
  ['password', `"{\\"password\\":\\"${word}\\"}"`, word],
  ['password', `"{\\\\\\"password\\\\\\":\\\\\\"${word}\\\\\\"}"`, word],
  ['password', `'password' => '${word}',`, word],
  ['password', `const password: string = '${word}'`, word],
  ['password', `password := "${word}"`, word],
  ['password', `login(user, password="${word}")`, word],
  ['password', `os.environ["DB_PASSWORD"] = "${word}"`, word],
  ['password', `createuser --password ${word} --verbose`, word],
  ['password', `tool --db-password=${word}`, word],
  ['password', `https://app.test/login?user=a&password=${word}&next=/`, word],
  ['password', `<password>${word}</password>`, word],
  ['password', `Server=db;User Id=sa;Password=${word};`, word],
  ['password', `{"log":"line\\nDB_PASSWORD=${word}\\nnext"}`, word],
  ['password', `the password: "${word}`, word],
  ['password', `The password is ${word}, by the way.`, word],
  ['password', `machine git.test login ana password ${word}`, word],
  ['password', `create user ana with PASSWORD '${word}';`, word],
  ['api_key', `my api key is ${hex32} for now`, hex32],
  [
    'telegram_token',
    glue('https://api.telegram.org/bot', draw(9, 'digits'), ':A', 'A', draw(33), '/getMe'),
    ':AA',
  ],
  ['secret', `client_secret=${long}`, long],
  ['secret', `secret: "${word}"`, word],
  ['secret', `clientSecret: '${long}',`, long],
  ['secret', `AWS_SECRET_ACCESS_KEY=${slashed}`, slashed],
  ['secret', `aws_secret_access_key = ${long}`, long],
  ['secret', `AccountName=a;AccountKey=${long}==;EndpointSuffix=core`, long],
  ['api_key', `api_key = ${hex32}`, hex32],
  ['api_key', `api_key = "${hex32}"`, hex32],
  ['api_key', `DD_API_KEY=${hex32}`, hex32],
  ['api_key', `DD-API-KEY: ${hex32}`, hex32],
  ['api_key', `x-api-key: ${hex32}`, hex32],
  ['api_key', `GET /v1?api_key=${hex32}&page=2`, hex32],
  ['api_key', `{"apiKey":"${hex32}"}`, hex32],
  ['token', `//registry.test/:_authToken=${long}`, long],
  ['token', `TWILIO_AUTH_TOKEN=${hex32}`, hex32],
  ['token', `access_token=${long}&expires_in=3600`, long],
  ['token', `"refresh_token": "${long}"`, long],
  ['token', `token: ${long}`, long],
  ['signature', `https://acct.blob.test/c?sv=2024&sig=${long}%3D`, long],
  ['private_key', `"encryptionKey": "${hex32}"`, hex32],
]

/** Ordinary text of a code project: must come back unchanged. */
const ordinary = [
  '9fceb02d0ae598e95dc970b74767f19372d61af8',
  'commit e3b0c442 fixes the flaky test (was 0b7f5c1)',
  '550e8400-e29b-41d4-a716-446655440000',
  'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '"integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="',
  "const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='",
  'checksum = "c8f1bd3e0a2c4a6c2f2b4e2c1a3e0d9c6b7a8f9e0d1c2b3a4f5e6d7c8b9a0f1e"',
  'node_modules/.pnpm/token-types@6.0.0/node_modules/token-types/lib/index.js',
  '/home/ana/projects/password-reset/src/secret-store.ts:42',
  'interface Login { user: string; password: string }',
  'password?: string | undefined',
  'function login(user: string, password: string, token: Token): Promise<void>',
  'const apiKey = process.env.API_KEY',
  'apiKey: process.env.STRIPE_API_KEY ?? throwMissing(),',
  'token = os.environ["GITHUB_TOKEN"]',
  'password = getPassword()',
  'this.password = password',
  'user.password = newPassword2',
  'login(user, password=password1)',
  'const token = response.data.access_token',
  'progressToken: ProgressTokenSchema$1,',
  'resumptionToken: notificationsToolLastEventId,',
  'headers: { Authorization: `Bearer ${token}` }',
  'Authorization: Bearer <token>',
  'Authorization: Bearer $TOKEN',
  'API_KEY=<your-key>',
  'API_KEY=your-api-key-here',
  'API_KEY=xxxxxxxxxxxxxxxx',
  'PASSWORD=${DB_PASSWORD}',
  'PASSWORD=changeme',
  'password: ********',
  'password: example',
  'postgres://user:password@localhost/db',
  'postgres://user:${DB_PASSWORD}@localhost/db',
  'http://localhost:4873/@scope%2fname/-/name-1.0.0.tgz',
  'https://example.test:8443/path@2/file',
  'git@github.com:acme/shop.git',
  'The secret: never commit on Fridays.',
  'password: must contain at least 8 characters',
  '"password": "Password must be at least 12 characters long"',
  '"passwordLabel": "Passwort"',
  "label: t('auth.password.label')",
  'max_tokens: 4096, token_count=1820, tokens=12',
  'next_page_token: "CAUQAA2f9xk2k3k4"',
  'tokenType: "Bearer"',
  'secretName: orders-db-credentials-2',
  'publicKey, primaryKey, foreign_key = 12',
  'cache_key = "user:42:profile:v3"',
  'single-pass x86_64 compilation and two-pass a1b2c3d4e5',
  'cookie: string',
  "cookie: 'get=cookies; and=attributes'",
  "if (typeof this.password === 'function') {",
  'app | pino-http-send -u http://localhost:8080/logs',
  'backend: "Backend", private_key: "_DSAPrivateKey", data: bytes',
  'def f(self, private_key: ed25519.Ed25519PrivateKey, f_priv: int)',
  'given by the --username and --password options',
  "authorization: 'Bearer another-token'",
  'docker run -u 1000:1000 image',
  'chown --user node:node',
  'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 ana@laptop',
  `if (text.includes('-----BEGIN ${keyType}-----')) return true`,
  '-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----',
  'AKIAIOSFODNN7EXAMPLE is the documented sample',
  'sk-ant-xxxxxxxxxxxxxxxxxxxxxxxx',
  'task-force-management-organization-structure-overview',
  'risk-assessment-proj-definitely-not-a-key-at-all',
  'import { redactSecrets } from "../redaction/redact-secrets.ts"',
  'token !== undefined && token.length > 0',
  'type Token = { kind: "identifier"; text: string }',
  'expect(token).toBe(undefined)',
  'password_hash text not null',
  'grep -rn "secret" src | head -20',
  'pass: 128, fail: 0, skipped: 4',
  'The password is read from the vault at start.',
  'the token is sent2 the server, the secret was rotated yesterday',
  'the api key is required and the access key is optional',
  'if client secret is provided), the server falls back',
  'Client private key is encrypted, password is required!',
  "f'machine {host} login {self.user} password {self.password}'",
  'a password policy, PASSWORD fields and password managers',
]

describe('redactSecrets', () => {
  it.each(corpus)('case %#: takes out a %s [redact.corpus]', (kind, input, gone) => {
    const { text, found } = redactSecrets(input)
    expect(gone.length).toBeGreaterThan(2)
    expect(text).not.toContain(gone)
    expect(text).toContain(`[redacted:${kind}]`)
    expect(found.map((entry) => entry.kind)).toContain(kind)
    expect(redactSecrets(text)).toEqual({ text, found: [] })
  })

  it.each(ordinary.map((text) => [text]))('leaves %s alone [redact.falsepositives]', (text) => {
    expect(redactSecrets(text).text).toBe(text)
    expect(redactSecrets(JSON.stringify({ text })).text).toBe(JSON.stringify({ text }))
  })

  it('keeps what surrounds a secret, and counts by kind [redact.corpus]', () => {
    const [first, second] = [glue('gh', 'p_', draw(36)), glue('gh', 'p_', draw(36))]
    const { text, found } = redactSecrets(
      `push with ${first}, then ${second}. db at postgres://a:${word}@db/x.`,
    )
    expect(text).toBe(
      'push with [redacted:github_token], then [redacted:github_token]. db at postgres://a:[redacted:connection_string]@db/x.',
    )
    expect(found).toEqual([
      { kind: 'github_token', count: 2 },
      { kind: 'connection_string', count: 1 },
    ])
  })

  const size = 1_000_000
  const hostile: [name: string, unit: string][] = [
    ['a', 'a'],
    ['digits', '1'],
    ['spaces', ' '],
    ['newlines', '\n'],
    ['PEM headers', '-----BEGIN '],
    ['whole PEM headers', glue('-----BEGIN ', keyType, '-----')],
    ['PEM header and base64', glue('-----BEGIN ', keyType, '-----\n', draw(64), '\n')],
    ['JWT heads', 'eyJ'],
    ['JWT heads in underscores', '_eyJabcdefgh.'],
    ['passwords', 'password'],
    ['assignments', 'password='],
    ['colons', 'password:'],
    ['open quotes', 'password="'],
    ['escaped quotes', 'password=\\"'],
    ['backslashes', '\\'],
    ['backslashes after a name', 'secret=\\\\'],
    ['backslashes in a cut key', glue('-----BEGIN ', keyType, '-----', draw(64), '\\'.repeat(40_000))],
    ['rejected assignments', 'token=example.'],
    [
      'plus signs in a cut key',
      glue('-----BEGIN ', keyType, '-----\n', draw(64), '+'.repeat(9_000), '\n ! '),
    ],
    ['schemes', 'a://b:'],
    ['cookies', 'cookie:a='],
    ['authorization', 'authorization: bearer '],
    ['user options', ' -u a:'],
    ['mysql', 'mysql -u '],
    ['dots', 'M.'],
    ['key prefixes', 'sk-ant-'],
    ['xml', '<password>'],
    ['redactions', '[redacted:'],
  ]
  it.each(hostile)('takes linear time on a megabyte of %s [redact.linear]', (_, unit) => {
    const text = unit.repeat(Math.ceil(size / unit.length))
    const started = performance.now()
    redactSecrets(text)
    expect(performance.now() - started).toBeLessThan(5_000)
  })

  it('takes well under a millisecond for two kilobytes of ordinary text [redact.linear]', () => {
    const page = ordinary.join('\n').slice(0, 2_048)
    // The quickest of many: a busy machine adds to the time and never takes from it.
    let quickestMs = Number.POSITIVE_INFINITY
    for (let round = 0; round < 300; round += 1) {
      const started = performance.now()
      redactSecrets(page)
      quickestMs = Math.min(quickestMs, performance.now() - started)
    }
    expect(quickestMs).toBeLessThan(1)
  })
})

describe('redactDeep', () => {
  it('judges a value by the name of its key [redact.corpus]', () => {
    const input = {
      user: 'ana',
      password: word,
      nested: [{ apiKey: hex32, note: `use ${glue('gh', 'p_', '0')} and ${jwt}` }],
      env: [{ name: 'DB_PASSWORD', value: word }],
      passwords: [word, 'letmein'],
      pin: 12,
    }
    const { value, found } = redactDeep(input)
    const text = JSON.stringify(value)
    for (const gone of [word, hex32, jwt, 'letmein']) expect(text).not.toContain(gone)
    expect(value).toMatchObject({ user: 'ana', pin: 12, password: '[redacted:password]' })
    expect(found).toContainEqual({ kind: 'password', count: 4 })
    expect(redactDeep(value)).toEqual({ value, found: [] })
  })

  it('leaves ordinary values alone [redact.falsepositives]', () => {
    const input = {
      password: null,
      token: '',
      tokenCount: 4096,
      password_required: true,
      secretName: 'orders-db-2',
      schema: {
        password: { type: 'string', description: 'The password of the user, 12 characters or more' },
      },
      commit: '9fceb02d0ae598e95dc970b74767f19372d61af8',
      at: 3.5,
    }
    expect(redactDeep(input)).toEqual({ value: input, found: [] })
  })

  it('ends on JSON nested without measure, and keeps a key named __proto__ a plain key', () => {
    let deep: unknown = 'bottom'
    for (let level = 0; level < 100_000; level += 1) deep = [deep]
    expect(JSON.stringify(redactDeep(deep).value)).toContain('nested deeper than 200 levels')
    const hostile: unknown = JSON.parse('{"__proto__":{"polluted":true}}')
    expect(JSON.stringify(redactDeep(hostile).value)).toBe('{"__proto__":{"polluted":true}}')
  })
})
