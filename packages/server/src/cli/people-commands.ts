/** Commands that a person uses in a terminal: what is remembered, and what is to be done. */
import { Option, type Command } from 'commander'
import { activityKinds } from '../domain/activity/list-activity.ts'
import { limits } from '../domain/limits.ts'
import { taskPriorities, taskStatuses } from '../domain/memory.ts'
import { searchKinds } from '../domain/search/search-memory.ts'
import { printCompletions, printScript, shells } from './completion.ts'
import { context, type ContextOptions } from './context.ts'
import { demo, type DemoOptions } from './demo.ts'
import { usageError, type Io } from './io.ts'
import { log, type LogOptions } from './log.ts'
import { search, type SearchOptions } from './search.ts'
import { showMemory, type ShowOptions } from './show-memory.ts'
import { status } from './status.ts'
import type { PersonOptions } from './ask.ts'
import {
  addTask,
  listTasks,
  setTasks,
  type AddTaskOptions,
  type ListTasksOptions,
  type SetTaskOptions,
} from './tasks.ts'

const example = (...lines: string[]) =>
  `\n${lines.length > 1 ? 'Examples' : 'Example'}:\n${lines.map((line) => `  $ stackmemory ${line}`).join('\n')}`

const projectOption = [
  '--project <name>',
  'project, as slug or organization/slug; without it, that of this repository, or the only one',
] as const
const jsonOption = ['--json', 'print the result as JSON'] as const

/** May be given several times. */
const several = (flags: string, description: string) =>
  new Option(flags, `${description}; may be repeated`).argParser(
    (value: string, held: string[] | undefined) => [...(held ?? []), value],
  )

/** One or more of these, separated by commas or given several times. */
const oneOf = (flags: string, description: string, choices: readonly string[]) =>
  new Option(flags, description).choices(choices).argParser((value: string, held: string[] | undefined) => {
    const given = value.split(',').map((each) => each.trim())
    const unknown = given.find((each) => !choices.includes(each))
    if (unknown !== undefined)
      throw usageError(`${flags.split(' ')[0]} takes ${choices.join(', ')}, separated by commas.`)
    return [...(held ?? []), ...given]
  })

const wholeNumber = (flags: string, description: string, [min, max]: readonly [number, number]) =>
  new Option(flags, `${description}, ${min} to ${max}`).argParser((value: string) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
    if (number >= min && number <= max) return number
    const name = /--[a-z-]+/.exec(flags)?.[0] ?? flags
    throw usageError(`${name} takes a whole number from ${min} to ${max}.`)
  })

const since = ['--since <when>', 'from then on: 2026-03-02, 3d, "2 weeks ago", yesterday'] as const
const until = ['--until <when>', 'before then'] as const
const author = ['--author <name>', 'person or client'] as const

const addReading = (program: Command, io: Io) => {
  program
    .command('status')
    .description('Show where the memory is, what is in it, and what is open.')
    .option(...projectOption)
    .option(...jsonOption)
    .addHelpText('after', example('status', 'status --json'))
    .action(async (options: PersonOptions) => status(io, options))
  program
    .command('log')
    .description('Show what happened, newest first: frames with their digests, decisions, errors, tasks.')
    .addOption(oneOf('--kind <kind>', 'only these kinds', activityKinds))
    .option(...since)
    .option(...until)
    .option(...author)
    .option('--frame <ref>', 'only this frame, with all of its events')
    .addOption(wholeNumber('-n, --limit <count>', 'how many', [1, limits.activityMax]))
    .option('--oneline', 'one line each')
    .option(...projectOption)
    .option(...jsonOption)
    .addHelpText(
      'after',
      example('log', 'log --oneline --since 3d', 'log --kind decision --author codex', 'log --frame F12'),
    )
    .action(async (options: LogOptions) => log(io, options))
  program
    .command('search')
    .description('Search decisions, errors, digests, tasks, and what was said and done.')
    .argument('<words...>', 'a question or keywords; \'"exact words"\' in quotes')
    .addOption(oneOf('--kind <kind>', 'only these kinds', searchKinds))
    .addOption(several('--files <path>', 'only what touches this path'))
    .addOption(
      new Option('--status <status>', 'in_force leaves out what was replaced').choices(['in_force', 'any']),
    )
    .option('--branch <name>', 'what holds on this branch')
    .option(...since)
    .option(...until)
    .option(...author)
    .addOption(wholeNumber('-n, --limit <count>', 'how many', [1, limits.searchHitsMax]))
    .option(...projectOption)
    .option(...jsonOption)
    .addHelpText(
      'after',
      example('search where do sessions live', 'search redirect --kind decision,error --since 2w'),
    )
    .action(async (words: string[], options: SearchOptions) => search(io, words, options))
  program
    .command('context')
    .description('Show what an agent would be given for a question; Markdown in a pipe.')
    .argument('[question...]', 'what you are about to do or want to know')
    .addOption(several('--files <path>', 'a path that you are about to touch'))
    .option('--frame <ref>', 'a frame, with its stack and last steps')
    .addOption(
      wholeNumber('--budget <tokens>', 'size of the answer in tokens', [
        limits.budgetTokensMin,
        limits.budgetTokensMax,
      ]),
    )
    .addOption(new Option('--detail <detail>', 'how much of each').choices(['index', 'standard', 'full']))
    .option('--branch <name>', 'what holds on this branch')
    .option('--as-of <when>', 'as it was then, or the receipt of an earlier answer')
    .option(...projectOption)
    .option(...jsonOption)
    .addHelpText(
      'after',
      example(
        'context why is the login redirect checked twice',
        'context --files src/auth/login.ts --budget 800 | pbcopy',
      ),
    )
    .action(async (question: string[], options: ContextOptions) => context(io, question, options))
  program
    .command('show')
    .description('Show whole memories.')
    .argument('<ref...>', 'references such as D31, F12, F12.5, T7')
    .option('--around', 'of an event, also what happened before and after')
    .option('--history', 'every version of a statement or task')
    .option('--events', 'of a frame, its events')
    .option(...projectOption)
    .option(...jsonOption)
    .addHelpText('after', example('show D31 --history', 'show F12 --events'))
    .action(async (refs: string[], options: ShowOptions) => showMemory(io, refs, options))
}

const addTasks = (program: Command, io: Io) => {
  const group = program.command('tasks').description('List and change tasks.')
  group
    .command('list', { isDefault: true })
    .description('List tasks, ready ones first. "tasks" alone does it too.')
    .addOption(oneOf('--status <status>', 'only these', taskStatuses))
    .addOption(new Option('--priority <priority>', 'only this one').choices(taskPriorities))
    .addOption(several('--tag <tag>', 'only with this tag'))
    .option('--mine', 'only those you claimed')
    .option('--ready', 'only those that wait for nothing')
    .addOption(wholeNumber('-n, --limit <count>', 'how many', [1, 100]))
    .option(...projectOption)
    .option(...jsonOption)
    .addHelpText('after', example('tasks', 'tasks --ready', 'tasks --status done -n 5'))
    .action(async (options: ListTasksOptions) => listTasks(io, options))
  group
    .command('add')
    .description('Add a task.')
    .argument('<title>', 'what to do')
    .option('--description <text>', 'more about it')
    .addOption(new Option('--priority <priority>', 'medium when not given').choices(taskPriorities))
    .addOption(several('--tag <tag>', 'a tag'))
    .addOption(several('--after <ref>', 'a task that must be done first'))
    .option(...projectOption)
    .option(...jsonOption)
    .addHelpText('after', example('tasks add "Expire sessions of deleted accounts" --priority high'))
    .action(async (title: string, options: AddTaskOptions) => addTask(io, title, options))
  const setting = [
    ['start', 'Take tasks and set them in progress.', { status: 'in_progress', claim: true }],
    ['done', 'Finish tasks.', { status: 'done' }],
    ['reopen', 'Set tasks back to be done.', { status: 'todo' }],
    ['cancel', 'Give tasks up. They stay in the memory.', { status: 'cancelled' }],
  ] as const
  for (const [name, description, change] of setting)
    group
      .command(name)
      .description(description)
      .argument('<ref...>', 'references such as T7')
      .option('--note <text>', 'what to know about it')
      .option(...projectOption)
      .option(...jsonOption)
      .addHelpText('after', example(`tasks ${name} T7`))
      .action(async (refs: string[], options: SetTaskOptions) => setTasks(io, refs, change, options))
}

const addDemo = (program: Command, io: Io) => {
  program
    .command('demo')
    .description(
      'Remember a small story, prove that it is recalled, and remove it again. Nothing of yours is touched.',
    )
    .option(...jsonOption)
    .addHelpText('after', example('demo'))
    .action(async (options: DemoOptions) => demo(io, options))
}

const addCompletion = (program: Command, io: Io) => {
  program
    .command('completion')
    .description('Print a completion script for a shell.')
    .argument('<shell>', shells.join(', '))
    .addHelpText(
      'after',
      example(
        'completion bash > ~/.local/share/bash-completion/completions/stackmemory',
        'completion zsh > "${fpath[1]}/_stackmemory"',
        'completion fish > ~/.config/fish/completions/stackmemory.fish',
      ),
    )
    .action((shell: string) => {
      if (!shells.some((each) => each === shell)) throw usageError(`completion takes ${shells.join(', ')}.`)
      printScript(io, program, shell)
    })
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .action((words: string[]) => printCompletions(io, program, words))
}

export const addPeopleCommands = (program: Command, io: Io): void => {
  addReading(program, io)
  addTasks(program, io)
  addDemo(program, io)
  addCompletion(program, io)
}
