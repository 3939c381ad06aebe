import { Command, CommanderError } from 'commander'
import { longOptions } from '../config/arguments.ts'
import { programVersion } from '../config/version.ts'
import { configCommand } from '../config-check/command.ts'
import { checkCommand } from './check-command.ts'
import { convertCommand, type OpenConversions } from './convert-command.ts'
import { inspectCommand } from './inspect-command.ts'
import { reportFailure, voiceOf, type ProgramIo } from './program-io.ts'
import { taskCommand } from './task-command.ts'

export type { ProgramIo } from './program-io.ts'

/** `accelctl`: resolves to the exit code. Results go to `stdout`, everything else to `stderr`. */
export async function runAccelctl(
  argv: readonly string[],
  io: ProgramIo,
  components: { openConversions: OpenConversions },
): Promise<number> {
  const version = programVersion()
  let code = 0
  const program = new Command('accelctl')
    .description('Has images converted by acceld, or converts one itself.')
    .version(`accelctl version ${version.text}`, '--version', 'print the version')
    .helpOption('--help', 'print this help')
  program.addCommand(taskCommand(io))
  program.addCommand(convertCommand(io, components.openConversions, (its) => (code = its)))
  program.addCommand(checkCommand(io, (its) => (code = its)))
  program.addCommand(inspectCommand(io, (its) => (code = its)))
  program.addCommand(configCommand(io, (its) => (code = its)))
  program
    .command('version')
    .description('print the version')
    .action(() => void io.stdout.write(`${version.text}\n`))
  for (const command of [program, ...below(program)]) {
    command
      .exitOverride()
      .helpOption('--help', 'print this help')
      .configureOutput({
        writeOut: (text) => void io.stdout.write(text),
        writeErr: (text) => void io.stderr.write(text),
      })
  }
  try {
    await program.parseAsync(longOptions(argv), { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    return reportFailure(error, io, voiceOf(io, 'info'))
  }
}

function below(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...below(child)])
}
