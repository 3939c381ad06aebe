import { AccelError } from '../errors/accel-error.ts'
import type { ConfigProblem } from '../errors/catalogue/config.ts'
import { Reading, type ReadingFrame } from './reading.ts'
import { schema, type Config } from './schema.ts'
import { readTextFile } from './text-file.ts'
import { parseYaml } from './yaml-tree.ts'

/** How a configuration is read. */
export interface LoadInit {
  /** Makes an unknown key an error instead of a warning. @default false */
  strict?: boolean
  /** What `env:NAME` looks names up in. @default the process's environment */
  environment?: Readonly<Record<string, string | undefined>>
}

/** A configuration, and what was noticed while it was read. */
export interface LoadedConfig {
  config: Config
  /** Unknown keys and doubtful values; each is worth a line in the log. */
  warnings: ConfigProblem[]
  /** Texts that must never be seen in logs or answers. */
  secrets: string[]
}

/** Above this the file is not a configuration. */
const MAX_FILE_SIZE = 1024 * 1024

/** Reads the configuration file. Throws CONFIG_UNREADABLE, CONFIG_INVALID. */
export function loadConfig(file: string, init: LoadInit = {}): LoadedConfig {
  return parseConfig(readText(file), file, init)
}

/** Reads the configuration `text`; `file` names it in messages and is where relative paths start. Throws CONFIG_INVALID with all that is wrong. */
export function parseConfig(yaml: string, file: string, init: LoadInit = {}): LoadedConfig {
  const tree = parseYaml(yaml)
  if (tree.problems.length > 0)
    throw new AccelError('CONFIG_INVALID', { file, problems: tree.problems })
  const frame: ReadingFrame = {
    file,
    environment: init.environment ?? process.env,
    problems: [],
    unknownKeys: [],
    warnings: [],
    secrets: new Set(),
  }
  const config = schema.read(tree.root, new Reading(frame, '', tree.root.line))
  const problems = [...frame.problems, ...(init.strict ? frame.unknownKeys : [])]
  if (problems.length > 0) {
    throw new AccelError('CONFIG_INVALID', { file, problems: problems.toSorted(byLine) })
  }
  return {
    config: deepFreeze(config),
    warnings: [...frame.unknownKeys, ...frame.warnings].toSorted(byLine),
    secrets: [...frame.secrets],
  }
}

/** Throws CONFIG_INVALID when the configuration says nothing of the references of results, without which a service can do nothing. */
export function requireTagSuffix(config: Config, file: string): void {
  if (config.converter.rules.some((rule) => rule.tagSuffix !== '')) return
  const problem = 'no rule has a tag_suffix, for example: tag_suffix: -esgz'
  throw new AccelError('CONFIG_INVALID', {
    file,
    problems: [{ line: 1, path: 'converter.rules', problem }],
  })
}

function readText(file: string): string {
  const text = readTextFile(file)
  if (text.length <= MAX_FILE_SIZE) return text
  throw new AccelError('CONFIG_UNREADABLE', { file, problem: `larger than ${MAX_FILE_SIZE} bytes` })
}

function byLine(a: ConfigProblem, b: ConfigProblem): number {
  return a.line - b.line
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const part of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}
