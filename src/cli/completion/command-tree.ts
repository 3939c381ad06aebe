import type { Command, Option } from 'commander'

/** A command as completion and documentation see it. */
export interface CommandNode {
  /** The names that lead to it, the program's left out: `['task', 'list']`. */
  path: readonly string[]
  /** What else it is called. */
  aliases: readonly string[]
  command: Command
  children: CommandNode[]
  /** Options that are shown. */
  options: Option[]
}

/** A program with all that is below it. */
export function commandTree(command: Command, path: readonly string[] = []): CommandNode {
  const help = command.createHelp()
  return {
    path,
    aliases: command.aliases(),
    command,
    children: help
      .visibleCommands(command)
      .filter((child) => child.name() !== 'help')
      .map((child) => commandTree(child, [...path, child.name()])),
    options: help.visibleOptions(command),
  }
}

/** The node and all below it. */
export function flatten(node: CommandNode): CommandNode[] {
  return [node, ...node.children.flatMap(flatten)]
}
