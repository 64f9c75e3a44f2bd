/** The measurements as Markdown, between two markers of a file whose other text is written by hand. */
import { readFile, writeFile } from 'node:fs/promises'

const begin = '<!-- bench:begin (written by node bench/run.mjs; do not edit) -->'
const end = '<!-- bench:end -->'

const ms = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))
const three = ({ p50, p95, p99 }) => `${ms(p50)} / ${ms(p95)} / ${ms(p99)}`
const times = (value) => `${value >= 10 ? value.toFixed(0) : value.toFixed(1)}x`
const table = (head, rows) =>
  [
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---').join(' | ')} |`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n')
const number = (value) => value.toLocaleString('en-US')

const latency = ({ runs }) =>
  table(
    ['p50 / p95 / p99, ms', ...runs.map((run) => `${number(run.size)} memories`)],
    [
      ...Object.keys(runs[0].tools).map((name) => [name, ...runs.map((run) => three(run.tools[name]))]),
      ...['get_context', 'search_memory', 'add_decision'].map((name) => [
        `${name}, in process`,
        ...runs.map((run) => three(run.operations[name])),
      ]),
      ['yardstick: HTTP echo', ...runs.map((run) => three(run.echo))],
      ['yardstick: bare insert', ...runs.map((run) => three(run.operations.bareInsert))],
    ],
  )

const ratios = ({ runs }) =>
  table(
    ['p50 in yardsticks', ...runs.map((run) => number(run.size))],
    [
      [
        'get_context / HTTP echo of its size',
        ...runs.map((run) => times(run.tools.get_context.p50 / run.echo.p50)),
      ],
      ['search_memory / HTTP echo', ...runs.map((run) => times(run.tools.search_memory.p50 / run.echo.p50))],
      [
        'add_decision / bare insert',
        ...runs.map((run) => times(run.tools.add_decision.p50 / run.operations.bareInsert.p50)),
      ],
      [
        'add_decision in process / bare insert',
        ...runs.map((run) => times(run.operations.add_decision.p50 / run.operations.bareInsert.p50)),
      ],
      ['server CPU of one get_context, ms', ...runs.map((run) => ms(run.tools.get_context.cpuMs))],
      ['server CPU of one add_decision, ms', ...runs.map((run) => ms(run.tools.add_decision.cpuMs))],
    ],
  )

const concurrency = ({ runs }) =>
  table(
    [
      'calls/s (p99, ms)',
      ...runs.flatMap((run) =>
        Object.keys(run.concurrency.get_context).map((clients) => `${number(run.size)}, ${clients} at once`),
      ),
    ],
    Object.keys(runs[0].concurrency).map((name) => [
      name,
      ...runs.flatMap((run) =>
        Object.values(run.concurrency[name]).map(
          (each) =>
            `${each.perSecond >= 10 ? each.perSecond.toFixed(0) : each.perSecond.toFixed(1)} (${ms(each.p99)})`,
        ),
      ),
    ]),
  )

const resources = ({ runs }) =>
  table(
    ['', ...runs.map((run) => number(run.size))],
    [
      [
        'events/s, one a call',
        ...runs.map((run) =>
          Math.max(
            ...Object.values(run.concurrency['record_events, one']).map((each) => each.perSecond),
          ).toFixed(0),
        ),
      ],
      [
        'events/s, 100 a call',
        ...runs.map((run) =>
          (
            100 *
            Math.max(...Object.values(run.concurrency['record_events, 100']).map((each) => each.perSecond))
          ).toFixed(0),
        ),
      ],
      [
        'memories/s, loaded in bulk',
        ...runs.map((run) => ((1_000 * run.loaded.written) / run.loaded.durationMs).toFixed(0)),
      ],
      ['warm start to first answer, ms', ...runs.map((run) => ms(run.warmStartMs))],
      ['first get_context after it, ms', ...runs.map((run) => ms(run.firstContextMs))],
      [
        'server memory after start / after the run / highest, MB',
        ...runs.map(
          (run) =>
            `${run.residentAtStart.toFixed(0)} / ${run.resident.now.toFixed(0)} / ${run.resident.highest.toFixed(0)}`,
        ),
      ],
    ],
  )

const targetRow = (target, measured, isMet) => [target, measured, isMet ? 'met' : '**not met**']
const targets = (results) => {
  const rows = results.flatMap(({ engine, runs, coldStartMs }) => {
    const largest = runs.at(-1)
    const { get_context: context, add_decision: decision } = largest.tools
    const protocol = largest.tools.get_active_tasks.p50
    return [
      ...(engine === 'postgres'
        ? [
            targetRow(
              `get_context at ${number(largest.size)}: p50 50 ms or less`,
              `${ms(context.p50)} ms`,
              context.p50 <= 50,
            ),
            targetRow(
              `get_context at ${number(largest.size)}: p99 200 ms or less`,
              `${ms(context.p99)} ms`,
              context.p99 <= 200,
            ),
          ]
        : []),
      targetRow(
        `${engine}: add_decision within 3 bare inserts and one cheap call (get_active_tasks)`,
        `${ms(decision.p50)} ms; allowed ${ms(3 * largest.operations.bareInsert.p50 + protocol)} ms`,
        decision.p50 <= 3 * largest.operations.bareInsert.p50 + protocol,
      ),
      targetRow(
        `${engine}: warm start 2 s or less, every size`,
        runs.map((run) => `${ms(run.warmStartMs)} ms`).join(', '),
        runs.every((run) => run.warmStartMs <= 2_000),
      ),
      targetRow(`${engine}: start from nothing 10 s or less`, `${ms(coldStartMs)} ms`, coldStartMs <= 10_000),
    ]
  })
  return table(['Target', 'Measured', ''], rows)
}

const render = (report) =>
  [
    begin,
    '',
    `\`${report.command}\` on ${report.date}: ${report.machine}; load average over five minutes at the end ${report.load.toFixed(1)}.`,
    `Up to ${report.pace.count} calls for each number, ${report.neighbours} other projects of a hundredth of the size each (a tenth as many on PGlite).`,
    '',
    targets(report.results),
    ...report.results.flatMap((result) => [
      '',
      `### ${result.version}`,
      '',
      latency(result),
      '',
      ratios(result),
      '',
      concurrency(result),
      '',
      resources(result),
      '',
      `Start from nothing to the first answer: ${ms(result.coldStartMs)} ms; the first get_context after it: ${ms(result.coldFirstContextMs)} ms.`,
    ]),
    '',
    end,
  ].join('\n')

export const writeReport = async (path, report) => {
  const text = render(report)
  if (path === undefined) return void process.stdout.write(`${text}\n`)
  const held = await readFile(path, 'utf8').catch(() => '# Performance\n')
  const [before, after] = [held.indexOf(begin), held.indexOf(end)]
  const next =
    before === -1 || after === -1
      ? `${held.trimEnd()}\n\n${text}\n`
      : `${held.slice(0, before)}${text}${held.slice(after + end.length)}`
  await writeFile(path, next)
}
