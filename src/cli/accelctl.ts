import { Command, CommanderError } from 'commander'
import { longOptions } from '../config/arguments.ts'
import { programVersion } from '../config/version.ts'
import type { OpenConversions } from './convert-command.ts'
import { reportFailure, voiceOf, type ProgramIo } from './program-io.ts'

export type { ProgramIo } from './program-io.ts'

/** What commands work with. */
export interface AccelctlComponents {
  openConversions: OpenConversions
}

/** What a command is made with. */
interface CommandParts extends AccelctlComponents {
  io: ProgramIo
  program: Command
  /** Is told the exit code of a command that ends with another than 0. */
  exit(code: number): void
}

/** Every command by its name, in the order of the help. One is loaded when it is run: most need nothing of the others. */
const commands: Readonly<Record<string, (parts: CommandParts) => Promise<Command>>> = {
  task: async ({ io }) => (await import('./task/task-command.ts')).taskCommand(io),
  convert: async ({ io, openConversions, exit }) =>
    (await import('./convert-command.ts')).convertCommand(io, openConversions, exit),
  check: async ({ io, exit }) => (await import('./check-command.ts')).checkCommand(io, exit),
  estimate: async ({ io, exit }) =>
    (await import('./estimate-command.ts')).estimateCommand(io, exit),
  'bench-read': async ({ io, exit }) =>
    (await import('./bench-read-command.ts')).benchReadCommand(io, exit),
  inspect: async ({ io, exit }) => (await import('./inspect-command.ts')).inspectCommand(io, exit),
  explain: async ({ io, exit }) => (await import('./explain-command.ts')).explainCommand(io, exit),
  doctor: async ({ io, exit }) => (await import('./doctor-command.ts')).doctorCommand(io, exit),
  backfill: async ({ io, exit }) =>
    (await import('./backfill-command.ts')).backfillCommand(io, exit),
  rules: async ({ io, exit }) => (await import('./rules-command.ts')).rulesCommand(io, exit),
  config: async ({ io, exit }) =>
    (await import('../config-check/command.ts')).configCommand(io, exit),
  store: async ({ io, exit }) => (await import('./store-command.ts')).storeCommand(io, exit),
  gc: async ({ io, exit }) => (await import('./store-command.ts')).gcCommand(io, exit),
  version: async ({ io }) =>
    new Command('version')
      .description('print the version')
      .action(() => void io.stdout.write(`${programVersion().text}\n`)),
  completion: async ({ io, program }) =>
    (await import('./completion/completion-command.ts')).completionCommand(io, program),
}

/** `accelctl`: resolves to the exit code. Results go to `stdout`, everything else to `stderr`. */
export async function runAccelctl(
  argv: readonly string[],
  io: ProgramIo,
  components: AccelctlComponents,
): Promise<number> {
  let code = 0
  const words = longOptions(argv)
  const program = await accelctlProgram(io, components, (its) => (code = its), namesIn(words))
  try {
    await program.parseAsync(words, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    return reportFailure(error, io, voiceOf(io, 'info'))
  }
}

/** The commands that a command line needs: its own, or all for help, completion and what is misspelt. */
function namesIn([first = '']: readonly string[]): readonly string[] {
  if (first === '--version') return []
  return first !== 'completion' && Object.hasOwn(commands, first) ? [first] : Object.keys(commands)
}

/** The commands of these names, with all that they take. `exit` is told the code of one that ends with another than 0. */
export async function accelctlProgram(
  io: ProgramIo,
  { openConversions }: AccelctlComponents,
  exit: (code: number) => void,
  names: readonly string[] = Object.keys(commands),
): Promise<Command> {
  const program = new Command('accelctl')
    .description('Has images converted by acceld, or converts one itself.')
    .version(`accelctl version ${programVersion().text}`, '--version', 'print the version')
  for (const name of names) {
    program.addCommand(await commands[name]!({ io, openConversions, exit, program }))
  }
  for (const command of [program, ...below(program)]) {
    command
      .exitOverride()
      .helpOption('--help', 'print this help')
      .configureOutput({
        writeOut: (text) => void io.stdout.write(text),
        writeErr: (text) => void io.stderr.write(text),
      })
  }
  return program
}

function below(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...below(child)])
}
