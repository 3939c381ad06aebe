import { Command, Option } from 'commander'
import { isAccelError, rowOf } from '../errors/accel-error.ts'
import type { Output } from '../log/terminal.ts'
import { checkConfig } from './check.ts'
import { states, type ConfigReport, type Finding, type FindingState } from './finding.ts'

/** What the command is given by its program. */
export interface ConfigCommandIo {
  stdout: Output
  stderr: Output
  environment: Readonly<Record<string, string | undefined>>
}

/** Exit codes: the file can be used as it is; it cannot be used; it can, with a finding of the state that was asked for. */
const FINE = 0
const UNUSABLE = 1
const FOUND = 3

interface CheckOptions {
  output: 'table' | 'json'
  failOn: FindingState
  all: boolean
}

/** `config check FILE`, of both programs. `exit` is told the code. */
export function configCommand(io: ConfigCommandIo, exit: (code: number) => void): Command {
  const config = new Command('config').description('work with configuration files')
  config
    .command('check')
    .description('say of a configuration file, key by key, what becomes of it')
    .argument('<file>', 'path of the configuration file')
    .addOption(
      new Option('--output <form>', 'how it is printed')
        .choices(['table', 'json'])
        .default('table'),
    )
    .addOption(
      new Option('--fail-on <state>', 'fail when a key is in this state or a worse one')
        .choices(states.slice(1))
        .default('dangerous'),
    )
    .option('--all', 'show the keys that are simply used as well', false)
    .addHelpText(
      'after',
      `\nStates, from best to worst: ${states.join(', ')}.\nExit codes: ${FINE} fine, ${UNUSABLE} the file cannot be used, ${FOUND} a key is in the state of --fail-on or a worse one.`,
    )
    .action((file: string, options: CheckOptions) => {
      exit(run(file, options, io))
    })
  return config
}

function run(file: string, options: CheckOptions, io: ConfigCommandIo): number {
  let report: ConfigReport
  try {
    report = checkConfig(file, io)
  } catch (error) {
    if (!isAccelError(error)) throw error
    io.stderr.write(`${error.message}\nhint: ${error.hint}\n`)
    return rowOf(error.code).exit
  }
  const { output, all, failOn } = options
  const shown = report.findings.filter(({ state }) => all || state !== 'used')
  io.stdout.write(
    output === 'json'
      ? `${JSON.stringify({ ...report, findings: shown }, null, 2)}\n`
      : table(report, shown),
  )
  if (!report.usable) return UNUSABLE
  const worst = Math.max(0, ...report.findings.map(({ state }) => states.indexOf(state)))
  return worst >= states.indexOf(failOn) ? FOUND : FINE
}

function table(report: ConfigReport, shown: readonly Finding[]): string {
  const width = (column: (finding: Finding) => string): number =>
    Math.max(0, ...shown.map((finding) => column(finding).length))
  const places = width(placeOf)
  const stateWidth = width(({ state }) => state)
  const lines = shown.map((finding) =>
    `${placeOf(finding).padEnd(places)}  ${finding.state.padEnd(stateWidth)}  ${finding.note}`.trimEnd(),
  )
  return `${[...lines, summary(report)].join('\n')}\n`
}

/** `12 server.port`; what is left out has no line. */
function placeOf({ line, path }: Finding): string {
  return `${line === 0 ? '-' : line} ${path}`
}

function summary({ file, usable, findings }: ConfigReport): string {
  const counts = states
    .map((state) => ({ state, count: findings.filter((one) => one.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`)
  return `${file} ${usable ? 'can be used' : 'CANNOT be used'}: ${counts.join(', ')}`
}
