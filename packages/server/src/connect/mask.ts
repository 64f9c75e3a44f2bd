/** Keys of other people's entries and of ours are not for the screen: a terminal is recorded, shared, read by agents. */
import type { Json, Target } from './target.ts'

const isReference = (text: string) => /[$%{]/.test(text)
const isSecretName = (name: string) => /key|token|secret|password|authorization|credential/i.test(name)

/** The same value with what looks like a secret replaced by `***`. References to variables stay readable. */
export const maskSecrets = (value: Json | undefined, name = ''): Json | undefined => {
  if (Array.isArray(value)) return value.map((each) => maskSecrets(each, name) ?? null)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([field, each]) => [field, maskSecrets(each, field) ?? null]),
    )
  if (typeof value !== 'string') return value
  if (isSecretName(name) && !isReference(value) && !name.endsWith('_env_var')) return '***'
  return value.replaceAll(/smk_\w+/g, '***')
}

/** Text without the key that was asked to be written into the file. */
export const maskKey = (text: string, target: Target | undefined): string =>
  target?.kind === 'remote' && target.key.kind === 'text' ? text.replaceAll(target.key.text, '***') : text
