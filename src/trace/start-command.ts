import type { ImageConfig } from '../oci/image-config.ts'

/** What a container of an image starts, by its config. */
export interface StartCommand {
  /** Programs to look for, in the order in which they start: the entrypoint, then what it is given to run. */
  programs: string[]
  /** Further arguments; some name files that the program reads. */
  words: string[]
  environment: ReadonlyMap<string, string>
  /** Where relative paths begin. */
  workingDirectory: string
}

const SHELL = /(?:^|\/)(?:ba|da|a|z|k)?sh$/

/**
 * The command of an image: Entrypoint and Cmd. An entrypoint that is a script mostly ends by running Cmd, and a shell
 * with `-c` runs the first word of its text, so these are programs too. Source: OCI image-spec config.md.
 */
export function startCommand({ config }: ImageConfig): StartCommand {
  const inner = (typeof config === 'object' ? config : null) as Readonly<
    Record<string, unknown>
  > | null
  const entrypoint = texts(inner?.['Entrypoint'])
  const cmd = texts(inner?.['Cmd'])
  const workingDirectory = inner?.['WorkingDir']
  const programs: string[] = []
  const words: string[] = []
  for (const [program, ...rest] of [entrypoint, cmd]) {
    if (program === undefined) continue
    programs.push(program)
    words.push(...rest)
    if (!SHELL.test(program) || rest[0] !== '-c') continue
    const run = shellWords(rest[1] ?? '')
    programs.push(...run.slice(0, 1))
    words.push(...run.slice(1))
  }
  return {
    programs,
    words,
    environment: environmentOf(texts(inner?.['Env'])),
    workingDirectory: typeof workingDirectory === 'string' ? workingDirectory : '/',
  }
}

function texts(value: unknown): string[] {
  if (!Array.isArray(value)) return []
  return value.filter((one): one is string => typeof one === 'string')
}

function environmentOf(assignments: readonly string[]): Map<string, string> {
  const environment = new Map<string, string>()
  for (const text of assignments) {
    const equals = text.indexOf('=')
    if (equals > 0) environment.set(text.slice(0, equals), text.slice(equals + 1))
  }
  return environment
}

/** Words of a simple command, without `exec` and assignments in front of it. */
function shellWords(text: string): string[] {
  const words = text
    .split(/[\s;&|]+/)
    .map((word) => word.replaceAll(/["']/g, ''))
    .filter((word) => word !== '')
  const first = words.findIndex((word) => word !== 'exec' && !/^\w+=/.test(word))
  return first === -1 ? [] : words.slice(first)
}
