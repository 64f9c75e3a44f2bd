/** The built product, as a library and as a process. `--build <folder>` compares another build. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

export const defaultServer = resolve(import.meta.dirname, '../packages/server')

/** @param {string} server folder that holds `dist`, `migrations` and `bin` */
export const loadProduct = async (server = defaultServer) => {
  if (!existsSync(join(server, 'dist/main.js'))) throw new Error(`${server} is not built: npm run build`)
  const load = async (path) => import(pathToFileURL(join(server, 'dist', path)).href)
  const modules = await Promise.all(
    [
      'env.js',
      'open-database.js',
      'first-start.js',
      'postgres/accounts.js',
      'postgres/memory.js',
      'domain/index-memory.js',
      'domain/text.js',
      'domain/frame/build-digest.js',
      'domain/bundle/get-context.js',
      'domain/search/search-memory.js',
      'domain/anchor/add-decision.js',
    ].map(load),
  )
  return Object.assign({ server }, ...modules)
}

export const silentLog = { debug() {}, info() {}, warn() {}, error() {} }
