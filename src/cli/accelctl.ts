import { Command, CommanderError } from 'commander'
import { longOptions } from '../config/arguments.ts'
import { programVersion } from '../config/version.ts'
import { configCommand } from '../config-check/command.ts'
import { backfillCommand } from './backfill-command.ts'
import { benchReadCommand } from './bench-read-command.ts'
import { checkCommand } from './check-command.ts'
import { completionCommand } from './completion/completion-command.ts'
import { convertCommand, type OpenConversions } from './convert-command.ts'
import { doctorCommand } from './doctor-command.ts'
import { explainCommand } from './explain-command.ts'
import { estimateCommand } from './estimate-command.ts'
import { inspectCommand } from './inspect-command.ts'
import { reportFailure, voiceOf, type ProgramIo } from './program-io.ts'
import { rulesCommand } from './rules-command.ts'
import { gcCommand, storeCommand } from './store-command.ts'
import { taskCommand } from './task/task-command.ts'

export type { ProgramIo } from './program-io.ts'

/** What commands work with. */
export interface AccelctlComponents {
  openConversions: OpenConversions
}

/** `accelctl`: resolves to the exit code. Results go to `stdout`, everything else to `stderr`. */
export async function runAccelctl(
  argv: readonly string[],
  io: ProgramIo,
  components: AccelctlComponents,
): Promise<number> {
  let code = 0
  const program = accelctlProgram(io, components, (its) => (code = its))
  try {
    await program.parseAsync(longOptions(argv), { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    return reportFailure(error, io, voiceOf(io, 'info'))
  }
}

/** The commands, with all that they take. `exit` is told the code of one that ends with another than 0. */
export function accelctlProgram(
  io: ProgramIo,
  { openConversions }: AccelctlComponents,
  exit: (code: number) => void,
): Command {
  const version = programVersion()
  const program = new Command('accelctl')
    .description('Has images converted by acceld, or converts one itself.')
    .version(`accelctl version ${version.text}`, '--version', 'print the version')
  program.addCommand(taskCommand(io))
  program.addCommand(convertCommand(io, openConversions, exit))
  program.addCommand(checkCommand(io, exit))
  program.addCommand(estimateCommand(io, exit))
  program.addCommand(benchReadCommand(io, exit))
  program.addCommand(inspectCommand(io, exit))
  program.addCommand(explainCommand(io, exit))
  program.addCommand(doctorCommand(io, exit))
  program.addCommand(backfillCommand(io, exit))
  program.addCommand(rulesCommand(io, exit))
  program.addCommand(configCommand(io, exit))
  program.addCommand(storeCommand(io, exit))
  program.addCommand(gcCommand(io, exit))
  program
    .command('version')
    .description('print the version')
    .action(() => void io.stdout.write(`${version.text}\n`))
  program.addCommand(completionCommand(io, program))
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
