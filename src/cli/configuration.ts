import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { ProgramIo, Voice } from './program-io.ts'

/**
 * The configuration that a command was given. Its secrets are kept out of what the command says, and its warnings are
 * logged. `strict`: warnings are failures. Throws CONFIG_….
 */
export function configuration(
  file: string,
  { environment }: Pick<ProgramIo, 'environment'>,
  { log, redaction }: Pick<Voice, 'log' | 'redaction'>,
  { strict = false }: { strict?: boolean } = {},
): Config {
  const { config, warnings, secrets } = loadConfig(file, { strict, environment })
  for (const secret of secrets) redaction.add(secret)
  for (const { line, path, problem } of warnings) log.warn(`${file}:${line}: ${path}: ${problem}`)
  return config
}
