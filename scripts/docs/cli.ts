import type { Argument, Command, Option } from 'commander'
import { accelctlProgram } from '../../src/cli/accelctl.ts'
import { commandTree, flatten, type CommandNode } from '../../src/cli/completion/command-tree.ts'
import { acceldProgram } from '../../src/daemon/acceld.ts'
import { catalogue } from '../../src/errors/catalogue/index.ts'
import type { ErrorRow } from '../../src/errors/row.ts'
import { type Page, table } from './page.ts'

const intro = `# Command line

Results go to standard output, everything else to standard error, so \`accelctl … --output json | jq\` works. Options of
the Go programs are also taken with one dash (\`-config\`).

## Exit codes

| code | meaning |
| --- | --- |
| 0 | done; also where there was nothing to do |
| 1 | it failed; the last line on standard error has the error's code and what can be done |
| 2 | what was asked for cannot be: an unknown driver, option or platform |
| 3 | it was done, and the answer is no. \`task watch\`, \`task create --sync\`: the task was cancelled, or superseded by a newer push. \`check\`: the image differs from its source. \`doctor\`: something in the set-up does not work. \`rules test\`: nothing would be converted. \`backfill\`: a registry could not be listed. \`config check\`: a key is in the state of \`--fail-on\`, or a worse one |
| 130 | ended by the user (Ctrl-C) |

${Object.entries<ErrorRow<unknown>>(catalogue)
  .filter(([, row]) => row.exit === 2 || row.exit === 3)
  .map(([code, row]) => `\`${code}\` exits with ${row.exit}`)
  .join(', ')}; every other error with 1. [errors.md](errors.md) has them all.

## Which service

\`accelctl task\` and \`accelctl explain TASK\` ask the acceld at \`--addr\`: \`host:port\` (default \`localhost:2077\`), \`https://…\` or
\`unix:///path/of/the.sock\`. It shows who it is with \`--token\` or \`$ACCEL_TOKEN\` (\`server.api_token\`), or with
\`--auth-header\` (\`webhook.auth_header\` of the image's registry). The socket needs neither.

## Scripts

\`task list\` prints the table of the Go program: the first word of a line is the id, the fourth the status
(\`accelctl task list | awk '{print $4}'\`). \`--output json\` and \`--output yaml\` have everything.

## Completion

\`source <(accelctl completion bash)\`, the same with \`zsh\`, or \`accelctl completion fish | source\`.

This page is made from the commands themselves: \`npm run docs\`.`

/** `docs/cli.md`: every command with its arguments and options. */
export const cliPage: Page = {
  path: 'docs/cli.md',
  async render() {
    const silent = { write: () => undefined }
    const io = {
      stdout: silent,
      stderr: silent,
      environment: {},
      signal: new AbortController().signal,
    }
    const never = () => Promise.reject(new Error('documentation converts nothing'))
    const accelctl = await accelctlProgram(io, { openConversions: never }, () => undefined)
    const commands = flatten(commandTree(accelctl)).map((node) => section('accelctl', node))
    const acceld = section('acceld', commandTree(acceldProgram(silent, silent)))
    return `${[intro, ...commands, acceld].join('\n\n')}\n`
  },
}

function section(program: string, { path, aliases, command, options }: CommandNode): string {
  const usage = [program, ...path, ...command.registeredArguments.map(shown)].join(' ')
  const others = aliases.map((alias) => `\`${alias}\``).join(', ')
  return [
    `## \`${usage}\``,
    `${sentence(command.description())}${others === '' ? '' : ` Also called ${others}.`}`,
    ...list(command),
    ...(options.length === 0 ? [] : [table(['option', 'meaning', 'default'], options.map(row))]),
  ].join('\n\n')
}

function list(command: Command): string[] {
  return command.registeredArguments.length === 0
    ? []
    : [
        table(
          ['argument', 'meaning'],
          command.registeredArguments.map((argument) => [
            `\`${shown(argument)}\``,
            argument.description,
          ]),
        ),
      ]
}

function shown(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`
  return argument.required ? `<${name}>` : `[${name}]`
}

function row({ flags, description, argChoices = [], defaultValue, mandatory }: Option): string[] {
  const choices = argChoices.length === 0 ? '' : `: ${argChoices.join(', ')}`
  const fallback =
    defaultValue === undefined || defaultValue === false ? '' : `\`${String(defaultValue)}\``
  return [`\`${flags}\``, `${description}${choices}`, mandatory ? 'required' : fallback]
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`
}
