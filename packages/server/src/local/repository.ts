/**
 * Which repository a working directory belongs to, read from git's files: no process is started, and git need not be
 * installed. Worktrees of one repository give the same answer; a submodule is a repository of its own.
 */
import { createHash } from 'node:crypto'
import { readFileSync, realpathSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { findRemoteUrl, parseGitConfig, rewriteUrl, type ConfigEntry } from './git-config.ts'
import { normaliseRemote } from '../domain/project/normalise-remote.ts'

export { normaliseRemote } from '../domain/project/normalise-remote.ts'

export interface Repository {
  /** `host/owner/name` of its remote; without one `local:<hash of where it lies>`. */
  readonly repository: string
  /** The identity without its remote, under which it may have been known before it had one. */
  readonly localIdentity: string
  /** A short name for a person: the last part of the remote, or the folder. */
  readonly name: string
  /** Folder of the working tree, or of the repository when it is bare. */
  readonly root: string
}

/** The repository around a directory; undefined when there is none. */
export const findRepository = (cwd: string, env: NodeJS.ProcessEnv): Repository | undefined => {
  const found = fromEnvironment(cwd, env) ?? walkUp(cwd)
  if (found === undefined) return undefined
  const commonDir = commonDirOf(found.gitDir, env)
  const localIdentity = `local:${createHash('sha256').update(realPathOf(commonDir)).digest('hex').slice(0, 32)}`
  const remote = remoteOf(commonDir, env)
  // The folder of the main working tree, so that every worktree has the same name.
  const folder = basename(commonDir) === '.git' ? dirname(commonDir) : commonDir
  const name = basename(remote ?? folder).replace(/\.git$/, '')
  return { repository: remote ?? localIdentity, localIdentity, name, root: found.root }
}

interface Found {
  readonly gitDir: string
  readonly root: string
}

/** What git itself would use, for example inside its hooks. */
const fromEnvironment = (cwd: string, env: NodeJS.ProcessEnv): Found | undefined => {
  const given = env['GIT_DIR']
  if (given === undefined || given === '') return undefined
  const gitDir = resolve(cwd, given)
  return isGitDir(gitDir) ? { gitDir, root: resolve(cwd, env['GIT_WORK_TREE'] ?? '.') } : undefined
}

const walkUp = (cwd: string): Found | undefined => {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const gitDir = followGitFile(join(folder, '.git'))
    if (gitDir !== undefined) return { gitDir, root: folder }
    if (isGitDir(folder)) return { gitDir: folder, root: folder }
    if (dirname(folder) === folder) return undefined
  }
}

/** `.git` is a folder, or in worktrees and submodules a file that says where the folder is (gitrepository-layout(5)). */
const followGitFile = (path: string): string | undefined => {
  const stats = statOf(path)
  if (stats?.isDirectory()) return isGitDir(path) ? path : undefined
  if (!stats?.isFile()) return undefined
  const [, target] = /^gitdir: (.+)$/m.exec(readSmall(path) ?? '') ?? []
  if (target === undefined) return undefined
  const gitDir = resolve(dirname(path), target.trim())
  return isGitDir(gitDir) ? gitDir : undefined
}

const isGitDir = (path: string) =>
  statOf(join(path, 'HEAD'))?.isFile() === true &&
  (statOf(join(path, 'commondir'))?.isFile() === true ||
    statOf(join(path, 'objects'))?.isDirectory() === true)

/** A worktree shares configuration and objects with its repository, which its `commondir` names. */
const commonDirOf = (gitDir: string, env: NodeJS.ProcessEnv): string => {
  const given = env['GIT_DIR'] ? env['GIT_COMMON_DIR'] : undefined
  const named = given ?? readSmall(join(gitDir, 'commondir'))?.trim()
  return named ? resolve(gitDir, named) : gitDir
}

const remoteOf = (commonDir: string, env: NodeJS.ProcessEnv): string | undefined => {
  const own = readConfig(join(commonDir, 'config'))
  const url = findRemoteUrl(own)
  if (url === undefined) return undefined
  const personal = personalConfigs(env).flatMap(readConfig)
  return normaliseRemote(rewriteUrl(url, [...own, ...personal]))
}

/** git-config(1), "FILES". */
const personalConfigs = (env: NodeJS.ProcessEnv): string[] => {
  if (env['GIT_CONFIG_GLOBAL']) return [env['GIT_CONFIG_GLOBAL']]
  const home = env['HOME'] ?? homedir()
  const given = env['XDG_CONFIG_HOME']
  const folder = given !== undefined && isAbsolute(given) ? given : join(home, '.config')
  return [join(folder, 'git', 'config'), join(home, '.gitconfig')]
}

const readConfig = (path: string): ConfigEntry[] => parseGitConfig(readSmall(path) ?? '')

const fileBytesMax = 1_000_000

const readSmall = (path: string): string | undefined => {
  try {
    const stats = statSync(path)
    return stats.isFile() && stats.size <= fileBytesMax ? readFileSync(path, 'utf8') : undefined
  } catch {
    return undefined
  }
}

const statOf = (path: string) => {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

const realPathOf = (path: string) => {
  try {
    return realpathSync.native(path)
  } catch {
    return path
  }
}
