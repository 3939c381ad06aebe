import { checkConfig } from '../config-check/check.ts'
import type { Finding as KeyFinding } from '../config-check/finding.ts'
import { failure, ok, warning, type Finding } from './check.ts'

/** What may be wrong with a configuration file as it stands. Contacts nobody. Throws CONFIG_UNREADABLE. */
export function configChecks(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): Finding[] {
  const { usable, findings } = checkConfig(file, { environment })
  const ofState = (state: KeyFinding['state']): KeyFinding[] =>
    findings.filter((finding) => finding.state === state)
  const errors = ofState('error').map((error) =>
    failure(
      sayKey(error),
      `correct line ${error.line || 1} of ${file}; docs/configuration.md has every key`,
    ),
  )
  const doubtful = [...ofState('dangerous'), ...ofState('unknown')].map((finding) =>
    warning(sayKey(finding), `accelctl config check ${file} says what becomes of each key`),
  )
  return [...(usable ? [ok(`${file} can be used`)] : errors), ...doubtful]
}

function sayKey({ line, path, note }: KeyFinding): string {
  const place = line === 0 ? path : `line ${line}${path === '' ? '' : `, ${path}`}`
  return `${place}: ${note}`
}
