/**
 * Opens a database with the product's own code, makes the owner and fills a project; prints one JSON line.
 * A process of its own, so that the memory it takes is not counted as the server's.
 */
import { v7 as uuidv7 } from 'uuid'
import { loadMemories } from './load.mjs'
import { loadProduct, silentLog } from './product.mjs'

const { server, secretKey, memories, neighbours, ...variables } = JSON.parse(process.argv[2])
const product = await loadProduct(server)
const env = product.loadEnv({ ...variables, SECRET_KEY: secretKey })
const signal = AbortSignal.timeout(3_600_000)
const database = await product.openDatabase(env, silentLog, () => {})
const accounts = product.createAccounts(database.database)
const key = await product.prepareFirstStart(accounts, secretKey, signal)
const owner = await accounts.findOwner(signal)
const [project] = await accounts.listProjects(owner.organizationId, signal)
const principal = {
  ...owner,
  role: 'owner',
  scopes: ['memory:read', 'memory:write'],
  credential: { kind: 'api_key', id: uuidv7() },
  client: { name: 'bench', version: '1' },
}
const memory = product.createMemory(database.database)
const loaded = await loadMemories(product, memory, principal, project, { memories })
// Other projects, whose entries a search must never read. They are another organization's.
const organization = { id: uuidv7(), slug: 'others', name: 'Others', kind: 'team' }
const user = { id: uuidv7(), email: null, name: 'Other', authProvider: 'local', authId: 'other' }
for (let index = 0; index < neighbours; index++) {
  const other = { id: uuidv7(), slug: `other${index}`, name: `Other ${index}` }
  if (index === 0) await accounts.createOwner({ organization, user, project: other }, signal)
  else await accounts.createProject({ ...other, organizationId: organization.id, userId: user.id }, signal)
  const theirs = { ...principal, userId: user.id, organizationId: organization.id }
  await loadMemories(
    product,
    memory,
    theirs,
    { ...project, ...other },
    { memories: Math.ceil(memories / 100), seed: 1_000 + index },
  )
}
await database.pool.query('vacuum analyze')
await database.close()
process.stdout.write(`${JSON.stringify({ key, principal, project, loaded })}\n`)
