import { Argument, Command } from 'commander'
import type { ProgramIo } from '../program-io.ts'
import { commandTree } from './command-tree.ts'
import { completionScript, shells, type Shell } from './scripts.ts'

/** `accelctl completion SHELL`: prints the script that completes `program`, the command that it is a part of. */
export function completionCommand(io: ProgramIo, program: Command): Command {
  return new Command('completion')
    .description('print the script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action((shell: Shell) => {
      io.stdout.write(completionScript(commandTree(program), shell))
    })
}
