/** The machine as far as clients' configuration is concerned: given, so that every platform can be tested on one. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { posix, win32 } from 'node:path'

export interface Place {
  platform: NodeJS.Platform
  home: string
  env: NodeJS.ProcessEnv
  /** The folder whose configuration `--scope project` means. */
  project: string
}

const pathsOf = (platform: NodeJS.Platform) => (platform === 'win32' ? win32 : posix)

export const joinPath = ({ platform }: Place, ...parts: string[]): string => pathsOf(platform).join(...parts)

const set = (value: string | undefined) => (value === undefined || value === '' ? undefined : value)

/** `~/.config`, or what the XDG base directory specification puts in its place. */
export const xdgConfig = (place: Place): string =>
  set(place.env['XDG_CONFIG_HOME']) ?? joinPath(place, place.home, '.config')

/** Where desktop programs keep their settings: per platform, as their vendors document it. */
export const applicationData = (place: Place): string => {
  if (place.platform === 'darwin') return joinPath(place, place.home, 'Library', 'Application Support')
  if (place.platform === 'win32')
    return set(place.env['APPDATA']) ?? joinPath(place, place.home, 'AppData', 'Roaming')
  return xdgConfig(place)
}

/** A folder that a variable of the client may name, else its usual place. */
export const folderFrom = (place: Place, variable: string, ...usual: string[]): string =>
  set(place.env[variable]) ?? joinPath(place, ...usual)

/** The nearest folder upwards that holds `.git`, else the folder itself. */
export const findProjectFolder = (from: string): string => {
  const paths = pathsOf(process.platform)
  for (let folder = from; ; folder = paths.dirname(folder)) {
    if (existsSync(paths.join(folder, '.git'))) return folder
    if (paths.dirname(folder) === folder) return from
  }
}

export const herePlace = (env: NodeJS.ProcessEnv, directory: string): Place => {
  const home = process.platform === 'win32' ? env['USERPROFILE'] : env['HOME']
  return {
    platform: process.platform,
    home: set(home) ?? homedir(),
    env,
    project: findProjectFolder(directory),
  }
}
