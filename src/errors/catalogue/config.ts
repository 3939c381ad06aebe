import { row } from '../row.ts'

/** One mistake of a configuration file. */
export interface ConfigProblem {
  /** Line in the file, counted from 1. */
  line: number
  /** Where in the configuration: `converter.rules[1].cache_tag`. */
  path: string
  problem: string
}

/** Configuration that cannot be used. */
export const configErrors = {
  CONFIG_UNREADABLE: row<{ file: string; problem: string }>({
    status: 500,
    exit: 1,
    retry: 'never',
    text: (c) => `cannot read ${c.file}: ${c.problem}`,
    hint: 'Check the path, and that the account under which the program runs may read it.',
  }),
  CONFIG_INVALID: row<{ file: string; problems: readonly ConfigProblem[] }>({
    status: 500,
    exit: 1,
    retry: 'never',
    text: (c) =>
      c.problems
        .map((p) => `${c.file}:${p.line}: ${p.path === '' ? '' : `${p.path}: `}${p.problem}`)
        .join('; '),
    hint: 'Every key is described in docs/configuration.md.',
  }),
  CONFIG_ARGUMENT_MISSING: row<{ name: string }>({
    status: 500,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.name} is required`,
    hint: 'Run the command with --help to see what it takes.',
  }),
  CONFIG_RULE_UNKNOWN: row<{ name: string; known: readonly string[] }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `no rule is named ${c.name}, only ${c.known.join(', ') || 'none at all'}`,
    hint: 'The names are in converter.rules; the rule without a name is default. It may have been taken out of the configuration since the task was accepted.',
  }),
}
