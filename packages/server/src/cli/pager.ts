/** The pager of a person: $PAGER, or less. It is started without a shell. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** `less -FRX`: leave when it fits the screen, show colours, leave the text on the screen. */
const lessOptions = 'FRX'

/** Program and arguments, split at spaces. Undefined when the person wants none. */
const pagerOf = (env: NodeJS.ProcessEnv): string[] | undefined => {
  const given = env['PAGER']
  if (given === undefined) return ['less', `-${lessOptions}`]
  const words = given.split(/\s+/).filter(Boolean)
  return words.length === 0 || words[0] === 'cat' ? undefined : words
}

/** For `Io.page`: shows the text on the terminal of this process. False when the pager could not be started. */
export const createPager =
  (env: NodeJS.ProcessEnv) =>
  async (text: string): Promise<boolean> => {
    const [program, ...args] = pagerOf(env) ?? []
    if (program === undefined) return false
    const child = spawn(program, args, {
      stdio: ['pipe', 'inherit', 'inherit'],
      env: { LESS: lessOptions, LV: '-c', ...env },
    })
    child.stdin.on('error', () => {}) // the person left before the end
    const started = once(child, 'spawn').then(
      () => true,
      () => false,
    )
    if (!(await started)) return false
    child.stdin.end(text)
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
    return true
  }
